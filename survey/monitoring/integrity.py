"""Signs of manipulated figures, for each agency; they prove nothing, and nothing is deleted.

A person outside the agency decides what a sign means, so the index is computed twice: with the
flagged answers and without them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from analysis.compare import adjust, fisher_less
from analysis.headline import headline_lines
from survey.ballots.aggregates import aggregate_now
from survey.ballots.pool import pool_of
from survey.indices import Breakdown
from survey.indices.disclosure_control import still_suppressed
from survey.models.ballot import Flag
from survey.models.count import RATED, Count, Frame
from survey.models.count import Cell as CountedCell
from survey.models.dossier import Lateness
from survey.models.invitation import CoverageEntry, Decision
from survey.models.organisation import Agency, alphabetical
from survey.models.questionnaire import OVERALL, SATISFIED_FROM
from survey.monitoring.cumulative_counts import NOT_SATISFIED
from survey.period import Month

# False discovery rate of the sign that late dossiers are invited less.
FALSE_DISCOVERIES = 0.05
# Has no effect here: only the index is used, not its interval.
CONFIDENCE = 0.95
# Agency id, sector, channel, lateness.
Cell = tuple[int, str, str, str]
# Coverage decisions not to invite because of the phone number.
PHONE_SIGNS = (Decision.STAFF_PHONE, Decision.INTERMEDIARY)


@dataclass(frozen=True, slots=True)
class Asked:
    """Number of finished dossiers, and of those invited."""

    invited: int = 0
    finished: int = 0

    @property
    def share(self) -> float | None:
        """Share invited, a fraction; None without a dossier."""
        return self.invited / self.finished if self.finished else None


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of one agency in one month.

    `asked_less` is the p-value of the one-sided Fisher test that late dossiers were invited less
    than those on time, None unless there are both; `is_asked_less` is whether it is significant
    after Benjamini-Hochberg over all agencies. `flagged` counts answers by flag. `index`, and
    `index_without` the flagged answers, weight each stratum by its finished dossiers, as the index
    of a report does; fractions, None without ratings. `is_published` is False where the tables of
    the month suppress the agency: then no number of its ratings may be published.
    """

    key: str
    label: str
    late: Asked
    on_time: Asked
    asked_less: float | None
    is_asked_less: bool
    flagged: Mapping[str, int]
    rated: int
    flagged_rated: int
    index: float | None
    index_without: float | None
    phones: Mapping[str, int]
    is_published: bool

    @property
    def is_notable(self) -> bool:
        """Whether a person should check: late dossiers invited less, bursts, too fast answers."""
        return self.is_asked_less or any(
            self.flagged.get(flag) for flag in (Flag.BURST, Flag.TOO_FAST)
        )


def signs(session: Session, month: Month) -> list[Signs]:
    """The signs of every agency with finished dossiers in a month (YYYY-MM), notable ones first."""
    asked, ratings = _asked(session, month), _ratings(session, month)
    flagged, weights = _flagged(session, month)
    frame = _frame(session, month)
    left = {
        cell: (rated - weights[cell][0], good - weights[cell][1])
        for cell, (rated, good) in ratings.items()
    }
    both = _index(frame, ratings), _index(frame, left)
    phones = _phones(session, month)
    suppressed = still_suppressed(session, [month])[month]
    labels = {row.id: row for row in session.execute(select(Agency.id, Agency.code, Agency.name))}
    agencies = sorted(asked)
    p_values = [_asked_less(asked[one]) for one in agencies]
    less = adjust(p_values, "BH", FALSE_DISCOVERIES).rejected
    found = [
        Signs(
            key=labels[agency].code,
            label=labels[agency].name,
            late=asked[agency][Lateness.LATE],
            on_time=asked[agency][Lateness.ON_TIME],
            asked_less=p_values[place],
            is_asked_less=place in less,
            flagged=flagged[agency],
            rated=sum(rated for cell, (rated, _) in ratings.items() if cell[0] == agency),
            flagged_rated=sum(rated for cell, (rated, _) in weights.items() if cell[0] == agency),
            index=both[0].get(agency),
            index_without=both[1].get(agency),
            phones=phones[agency],
            is_published=(Breakdown.AGENCY, labels[agency].code) not in suppressed,
        )
        for place, agency in enumerate(agencies)
    ]
    return sorted(found, key=lambda one: (not one.is_notable, alphabetical(one.label)))


def _asked_less(asked: Mapping[str, Asked]) -> float | None:
    late, on_time = asked[Lateness.LATE], asked[Lateness.ON_TIME]
    if not late.finished or not on_time.finished:
        return None
    return fisher_less(late.invited, late.finished, on_time.invited, on_time.finished)


def _asked(session: Session, month: Month) -> dict[int, dict[str, Asked]]:
    query = (
        select(Frame.agency_id, Frame.lateness, func.sum(Frame.invited), func.sum(Frame.finished))
        .where(Frame.month == month)
        .group_by(Frame.agency_id, Frame.lateness)
    )
    found: dict[int, dict[str, Asked]] = defaultdict(lambda: defaultdict(Asked))
    for agency, lateness, invited, finished in session.execute(query):
        if finished:
            found[agency][lateness] = Asked(int(invited), int(finished))
    return found


def _frame(session: Session, month: Month) -> dict[Cell, int]:
    query = select(*_cell_of(Frame), Frame.finished).where(Frame.month == month)
    return {(agency, *stratum): finished for agency, *stratum, finished in session.execute(query)}


def _ratings(session: Session, month: Month) -> dict[Cell, tuple[int, int]]:
    cell = _cell_of(Count)
    query = (
        select(*cell, func.sum(RATED), func.sum(RATED - NOT_SATISFIED))
        .where(Count.month == month, Count.question == OVERALL)
        .group_by(*cell)
    )
    found: dict[Cell, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for agency, *stratum, rated, good in session.execute(query):
        found[agency, *stratum] = int(rated), int(good)
    for at, steps in pool_of(session).of({month}).steps().items():
        rated, good = found[_place(at)]
        found[_place(at)] = rated + sum(steps), good + sum(steps[SATISFIED_FROM - 1 :])
    return found


def _place(at: CountedCell) -> Cell:
    return at.agency_id, at.sector_code, at.channel, at.lateness


def _cell_of(table: type[Count | Frame]) -> tuple[Any, ...]:
    return (table.agency_id, table.sector_code, table.channel, table.lateness)


def _index(
    frame: Mapping[Cell, int], ratings: Mapping[Cell, tuple[int, int]]
) -> dict[int, float | None]:
    """Agency → post-stratified share of satisfied ratings, None where nobody rated."""
    cells = sorted({*frame, *ratings})
    agencies = sorted({cell[0] for cell in cells})
    strata = sorted({cell[1:] for cell in cells})
    rows = {agency: row for row, agency in enumerate(agencies)}
    columns = {stratum: column for column, stratum in enumerate(strata)}
    y, n, N = (np.zeros((len(rows), len(columns)), dtype=np.int64) for _ in range(3))  # noqa: N806
    for cell in cells:
        place = rows[cell[0]], columns[cell[1:]]
        n[place], y[place] = ratings.get(cell, (0, 0))
        N[place] = max(frame.get(cell, 0), n[place])
    if not rows:
        return {}
    late = np.broadcast_to([stratum[2] == Lateness.LATE for stratum in strata], n.shape)
    found = headline_lines(y, n, N, late, CONFIDENCE).estimate.tolist()
    rated = n.sum(axis=1).tolist()
    return {
        agency: index if number else None
        for agency, index, number in zip(agencies, found, rated, strict=True)
    }


def _flagged(
    session: Session, month: Month
) -> tuple[dict[int, Counter[str]], dict[Cell, tuple[int, int]]]:
    """Agency → answers by flag; cell → flagged answers, and satisfied ones among them."""
    by_flag: dict[int, Counter[str]] = defaultdict(Counter)
    weights: dict[Cell, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (at, flags, rating), number in aggregate_now(session, month).flagged.items():
        for flag in flags.split(";"):
            by_flag[at.agency_id][flag] += number
        rated, good = weights[_place(at)]
        satisfied = number if rating >= SATISFIED_FROM else 0
        weights[_place(at)] = rated + number, good + satisfied
    return by_flag, weights


def _phones(session: Session, month: Month) -> dict[int, Counter[str]]:
    query = (
        select(CoverageEntry.agency_id, CoverageEntry.decision, func.count())
        .where(CoverageEntry.month == month, CoverageEntry.decision.in_(PHONE_SIGNS))
        .group_by(CoverageEntry.agency_id, CoverageEntry.decision)
    )
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for agency, decision, number in session.execute(query):
        found[agency][decision] = number
    return found
