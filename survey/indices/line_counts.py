"""Counts of a month for each line of a breakdown, by post-stratum.

A post-stratum is sector × channel × lateness. Sectors have different invitation rates, and citizens
with late dossiers respond less, so each stratum is weighted by its number of finished dossiers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from survey.ballots.aggregates import Aggregate, aggregate_now, stored_aggregate
from survey.ballots.pool import Pool, pool_of
from survey.catalogues import _
from survey.disclosure import Breakdown
from survey.models.count import LEVELS, Cell, Count, Frame, ProcedureFrame
from survey.models.dossier import Channel
from survey.models.organisation import Agency, Procedure, Sector
from survey.period import Month
from survey.province.targets import TargetInForce, TargetSchedule, schedule
from survey.surveys import factors

CHANNEL_NAMES = {
    Channel.COUNTER: _("Trực tiếp"),
    Channel.ONLINE: _("Trực tuyến"),
    Channel.POST: _("Bưu chính công ích"),
    Channel.UNKNOWN: _("Không rõ"),
}
OVERALL = "overall"
# Sector (empty for a procedure, which has one only), channel, lateness.
Stratum = tuple[str, str, str]
Ratings = tuple[int, int, int, int, int]
NO_RATINGS: Ratings = (0, 0, 0, 0, 0)
Finished = Mapping[str, Mapping[Stratum, int]]
Rated = Mapping[str, Mapping[Stratum, Ratings]]


class Source(Protocol):
    """Where the counts of one month come from: the stored counts, or a recount."""

    @property
    def factors(self) -> Sequence[str]:
        """Codes of all questions except the overall one that may have ratings, in order."""
        ...

    def finished(self, by: Breakdown) -> Finished:
        """Key → stratum → finished dossiers; strata without any are left out."""
        ...

    def rated(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        """Key → stratum → ratings 1 … 5 of the questions together."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One key of a breakdown: its name, and the target in force for it."""

    key: str
    label: str
    target: TargetInForce | None


@dataclass(frozen=True, slots=True)
class LineCounts:
    """Counts of one line: stratum → (finished dossiers, ratings), and summed factor ratings."""

    line: Line
    strata: Mapping[Stratum, tuple[int, Ratings]]
    factors: Ratings


def counts(source: Source, lines: Sequence[Line], by: Breakdown, question: str) -> list[LineCounts]:
    """Counts of one question for each line, strata sorted by name."""
    of_factors = source.rated(by, source.factors)
    return [
        LineCounts(line, strata, summed(of_factors.get(line.key, {}).values()))
        for line, strata in strata_of(source, lines, by, question)
    ]


def strata_of(
    source: Source, lines: Sequence[Line], by: Breakdown, question: str
) -> Iterator[tuple[Line, dict[Stratum, tuple[int, Ratings]]]]:
    """Each line with its strata sorted by name: finished dossiers, and ratings of one question."""
    finished, rated = source.finished(by), source.rated(by, (question,))
    for line in lines:
        dossiers, ratings = finished.get(line.key, {}), rated.get(line.key, {})
        names = sorted({*dossiers, *ratings})
        yield line, {name: (dossiers.get(name, 0), ratings.get(name, NO_RATINGS)) for name in names}


def summed(parts: Any) -> Ratings:  # noqa: ANN401 - any iterable of ratings
    """Add up the ratings of several strata."""
    n1, n2, n3, n4, n5 = (sum(column) for column in zip(NO_RATINGS, *parts, strict=True))
    return (n1, n2, n3, n4, n5)


class Stored:
    """A `Source` of the stored counts plus the ballots that wait in the pool.

    Without the pool while a month is being closed, since the counting job ran just before. The cost
    does not depend on the number of counted ballots.
    """

    def __init__(self, session: Session, month: Month, *, with_pool: bool = True) -> None:
        self.session = session
        self.month = month
        self.pool = pool_of(session).of({month}) if with_pool else Pool([])
        self.with_pool = with_pool
        self._finished: dict[Breakdown, Finished] = {}

    def finished(self, by: Breakdown) -> Finished:
        """See `Source.finished`; read once."""
        if by not in self._finished:
            self._finished[by] = self._read_finished(by)
        return self._finished[by]

    def _read_finished(self, by: Breakdown) -> Finished:
        table = ProcedureFrame if by is Breakdown.PROCEDURE else Frame
        rows = self._sums(table, by, ("finished",))
        found: dict[str, dict[Stratum, int]] = {}
        for key, stratum, (number,) in rows:
            if number:
                found.setdefault(key, {})[stratum] = number
        return found

    def rated(self, by: Breakdown, questions: Sequence[str]) -> Rated:
        """See `Source.rated`."""
        found: dict[str, dict[Stratum, Ratings]] = {}
        if by is Breakdown.PROCEDURE:
            for group, given in self.aggregate.by_procedure(questions).items():
                stratum = ("", group.channel, group.lateness)
                found.setdefault(group.procedure_code, {})[stratum] = summed([given])
            return found
        asked = Count.question.in_(list(questions))
        for key, stratum, (n1, n2, n3, n4, n5) in self._sums(Count, by, LEVELS, asked):
            found.setdefault(key, {})[stratum] = (n1, n2, n3, n4, n5)
        for cell, steps in self.pool.steps(questions).items():
            key, stratum = self._key(by, cell), (cell.sector_code, cell.channel, cell.lateness)
            strata = found.setdefault(key, {})
            strata[stratum] = summed([strata.get(stratum, NO_RATINGS), steps])
        return found

    @cached_property
    def factors(self) -> Sequence[str]:
        """See `Source.factors`; read once."""
        return factors(self.session)

    @cached_property
    def aggregate(self) -> Aggregate:
        """The sums per procedure of the month."""
        read = aggregate_now if self.with_pool else stored_aggregate
        return read(self.session, self.month)

    def _key(self, by: Breakdown, cell: Cell) -> str:
        keys = {
            Breakdown.AGENCY: cell.agency_id,
            Breakdown.SECTOR: cell.sector_code,
            Breakdown.CHANNEL: cell.channel,
        }
        return self._name(by, keys[by]) if by in keys else OVERALL

    def _sums(
        self,
        table: type[Count | Frame | ProcedureFrame],
        by: Breakdown,
        numbers: Sequence[str],
        *only: ColumnElement[bool],
    ) -> list[tuple[str, Stratum, tuple[int, ...]]]:
        columns = table.__table__.columns
        parts = [
            columns[name] for name in ("sector_code", "channel", "lateness") if name in columns
        ]
        key = [columns[COLUMNS[by]]] if by in COLUMNS else []
        group = [*key, *parts]
        sums = [func.sum(columns[number]) for number in numbers]
        query = select(*group, *sums).where(table.month == self.month, *only).group_by(*group)
        found = []
        for row in self.session.execute(query):
            stratum = ("", *row[len(key) : len(group)])[-3:]
            name = self._name(by, row[0]) if key else OVERALL
            found.append((name, stratum, tuple(int(number) for number in row[len(group) :])))
        return found

    def _name(self, by: Breakdown, key: Any) -> str:  # noqa: ANN401 - an id or a code
        return self.agency_codes[key] if by is Breakdown.AGENCY else str(key)

    @cached_property
    def agency_codes(self) -> dict[int, str]:
        """Id → code of every agency."""
        return dict(self.session.execute(select(Agency.id, Agency.code)).all())


COLUMNS: Mapping[Breakdown, str] = {
    Breakdown.SECTOR: "sector_code",
    Breakdown.AGENCY: "agency_id",
    Breakdown.PROCEDURE: "procedure_code",
    Breakdown.CHANNEL: "channel",
}


def lines_of(session: Session, month: Month, by: Breakdown, source: Source) -> list[Line]:
    """A line for every key with finished dossiers, sorted by code; overall is always one line."""
    steps = schedule(session, month)
    if by is Breakdown.OVERALL:
        return [Line(OVERALL, _("Toàn tỉnh"), steps.overall())]
    labels = _labels(session, by)
    groups = _target_groups(session, by)
    return [
        Line(key, labels[key], target_of(steps, by, groups.get(key, "")))
        for key in sorted(source.finished(by))
    ]


def _labels(session: Session, by: Breakdown) -> dict[str, str]:
    if by is Breakdown.CHANNEL:
        return {channel.value: name for channel, name in CHANNEL_NAMES.items()}
    tables: dict[Breakdown, type[Agency | Sector | Procedure]] = {
        Breakdown.AGENCY: Agency,
        Breakdown.SECTOR: Sector,
        Breakdown.PROCEDURE: Procedure,
    }
    table = tables[by]
    return dict(session.execute(select(table.code, table.name)).all())


def _target_groups(session: Session, by: Breakdown) -> dict[str, str]:
    """Key → target group, for sectors and procedures."""
    if by is Breakdown.SECTOR:
        return dict(session.execute(select(Sector.code, Sector.target_group)).all())
    if by is Breakdown.PROCEDURE:
        query = select(Procedure.code, Sector.target_group).join(
            Sector, Sector.code == Procedure.sector_code
        )
        return dict(session.execute(query).all())
    return {}


def target_of(steps: TargetSchedule, by: Breakdown, target_group: str) -> TargetInForce | None:
    """The target of a line; `target_group` is that of the line's sector, if it has one."""
    if by is Breakdown.AGENCY:
        return steps.agency()
    if by in {Breakdown.SECTOR, Breakdown.PROCEDURE}:
        return steps.sector(target_group)
    return steps.overall()
