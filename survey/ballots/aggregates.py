"""Aggregates of a month's ballots that are finer than the clear counts, stored as one ciphertext.

They are encrypted because a dossier is often the only one of its procedure in a month, even if its
cell holds many: a stolen database must not reveal how a procedure was rated, nor to which cell a
flagged or a late answer belongs.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from survey.ballots.bursts import with_bursts
from survey.ballots.cache import Cache
from survey.ballots.contents import Ballot, Pooled, counted_as, flags_of
from survey.ballots.pool import pool_of
from survey.db import connection_of, table_of
from survey.models.ballot import BallotAggregate
from survey.models.count import Cell, Group
from survey.models.questionnaire import OVERALL
from survey.models.snapshot import closings_of
from survey.period import Month
from survey.surveys import Pattern, read_patterns, rows_of

# Size of each process's cache of briefs, in months.
MOST_BRIEFS = 64


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Aggregates of the ballots of one month.

    `procedures`: (group, question, rating 1–5) → number of answers. `patterns`: ratings of a
    complete questionnaire → number of such questionnaires. `flagged`: (cell, flags joined by ";",
    overall rating) → number of answers with exactly these flags. `late` and `changed`: sector →
    number of answers first given, or changed, after the first closing of the month.
    """

    procedures: Counter[tuple[Group, str, int]] = field(default_factory=Counter)
    patterns: Counter[Pattern] = field(default_factory=Counter)
    flagged: Counter[tuple[Cell, str, int]] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def add(self, ballot: Ballot, procedure_code: str, step: int) -> None:
        """Add (`step` 1) or subtract (-1) a ballot's last version; without one, do nothing."""
        if not ballot.versions:
            return
        cell, ratings = ballot.cell, ballot.counted
        group = Group(cell.month, procedure_code, cell.channel, cell.lateness)
        for question, rating in ratings.items():
            self.procedures[group, question, rating] += step
        if (pattern := ballot.questions.pattern(ratings)) is not None:
            self.patterns[pattern] += step
        self._add_rest(ballot, step)

    def _add_rest(self, ballot: Ballot, step: int) -> None:
        overall = ballot.counted[OVERALL]
        if flags := flags_of(ballot, ballot.counted):
            self.flagged[ballot.cell, ";".join(sorted(flags)), overall] += step
        if ballot.versions[-1].closing:
            moved = self.late if ballot.versions[0].closing else self.changed
            moved[ballot.cell.sector_code] += step

    def by_procedure(self, questions: Iterable[str]) -> dict[Group, list[int]]:
        """Group → numbers of ratings 1 … 5, the given questions added up."""
        wanted, found = set(questions), dict[Group, list[int]]()
        for (group, question, rating), times in self.procedures.items():
            if question in wanted:
                found.setdefault(group, [0, 0, 0, 0, 0])[rating - 1] += times
        return found


@dataclass(frozen=True, slots=True)
class Brief:
    """The part of an aggregate that pages over many months need.

    `rated`: procedure code → number of overall ratings. The other fields are as in `Aggregate`.
    """

    rated: Counter[str]
    patterns: Counter[Pattern]
    late: Counter[str]
    changed: Counter[str]

    @classmethod
    def of(cls, sums: Aggregate) -> "Brief":
        """The brief of an aggregate."""
        rated: Counter[str] = Counter()
        for (group, question, _rating), times in sums.procedures.items():
            if question == OVERALL:
                rated[group.procedure_code] += times
        return cls(rated, sums.patterns, sums.late, sums.changed)

    def add(self, other: "Brief") -> None:
        """Add another brief to this one."""
        self.rated.update(other.rated)
        self.patterns.update(other.patterns)
        self.late.update(other.late)
        self.changed.update(other.changed)


_briefs: Cache[Brief] = Cache(MOST_BRIEFS)


def stored_aggregate(session: Session, month: Month) -> Aggregate:
    """The aggregate of a month (YYYY-MM) as of the last counting, without the pool."""
    query = select(BallotAggregate.sums_sealed).where(BallotAggregate.month == month)
    sealed = connection_of(session).scalar(query)
    return Aggregate() if sealed is None else _open(session, month, bytes(sealed))


def _open(session: Session, month: Month, sealed: bytes) -> Aggregate:
    packed = BallotAggregate.sums.decrypt(session, month, sealed)
    procedures, patterns, flagged, late, changed = packed
    found = Aggregate(
        patterns=read_patterns(patterns), late=Counter(late), changed=Counter(changed)
    )
    for *group, question, rating, times in procedures:
        found.procedures[Group(month, *group), question, rating] = times
    for agency_id, sector, channel, lateness, flags, rating, times in flagged:
        cell = Cell(agency_id, sector, month, channel, lateness)
        found.flagged[cell, flags, rating] = times
    return found


def aggregate_now(session: Session, month: Month) -> Aggregate:
    """The stored aggregate of a month, plus the ballots in the pool."""
    found, closings = stored_aggregate(session, month), closings_of(session)[month]
    # Bursts are sought in the whole pool, not in one month of it, as in the counting job.
    for one in with_bursts(session, pool_of(session).ballots):
        if one.ballot.cell.month == month:
            _move(found, one, closings)
    return found


def briefs_now(session: Session, months: Collection[Month]) -> dict[Month, Brief]:
    """Month (YYYY-MM) → brief of its stored aggregate, plus the ballots in the pool."""
    added: dict[Month, Aggregate] = {month: Aggregate() for month in months}
    closings = closings_of(session)
    for one in pool_of(session).of(added).ballots:
        _move(added[one.ballot.cell.month], one, closings[one.ballot.cell.month])
    found = {month: Brief.of(sums) for month, sums in added.items()}
    query = select(BallotAggregate.month, BallotAggregate.sums_sealed)
    rows = connection_of(session).execute(query.where(BallotAggregate.month.in_(list(months))))
    for month, sealed in rows:
        found[month].add(_brief(session, month, bytes(sealed)))
    return found


def _brief(session: Session, month: Month, sealed: bytes) -> Brief:
    """The brief of a stored aggregate, cached until the aggregate is encrypted anew."""
    found = _briefs.get(month, sealed)
    if found is None:
        found = Brief.of(_open(session, month, sealed))
        _briefs.add(month, sealed, found)
    return found


def _move(sums: Aggregate, one: Pooled, closings: int) -> None:
    """Apply a pooled ballot: subtract what was counted of it, add what replaces it."""
    sums.add(one.ballot, one.procedure_code, -1)
    after = counted_as(one, one.ballot, closings)
    if after is not None:
        sums.add(after, one.procedure_code, 1)


def store_aggregate(session: Session, month: Month, sums: Aggregate) -> None:
    """Replace the stored aggregate of a month; ValueError if one of its numbers is negative."""
    kept = [_positive(one) for one in (sums.procedures, sums.patterns, sums.flagged)]
    packed = [
        [[*group[1:], question, rating, n] for (group, question, rating), n in kept[0]],
        rows_of(kept[1]),
        [
            [cell.agency_id, cell.sector_code, cell.channel, cell.lateness, flags, rating, times]
            for (cell, flags, rating), times in kept[2]
        ],
        dict(_positive(sums.late)),
        dict(_positive(sums.changed)),
    ]
    sealed = BallotAggregate.sums.encrypt(session, month, packed)
    table = table_of(BallotAggregate)
    session.execute(delete(table).where(table.c.month == month))
    session.execute(insert(table).values(month=month, sums_sealed=sealed))


def _positive(sums: Mapping[Any, int]) -> Sequence[tuple[Any, int]]:
    if any(times < 0 for times in sums.values()):
        message = "more answers would be counted out than were counted in"
        raise ValueError(message)
    return sorted((key, times) for key, times in sums.items() if times)
