"""Sums of counts and sampling frame by agency and sector group, over all months or by month."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey.ballots.pool import Pool, pool_of
from survey.models.count import RATED, Count, Frame
from survey.models.organisation import Sector
from survey.models.questionnaire import OVERALL, SATISFIED_FROM
from survey.period import Month

# Agency id and target group of sectors.
ChartKey = tuple[int, str]
NOT_SATISFIED = Count.n1 + Count.n2 + Count.n3


class CumulativeCounts(NamedTuple):
    """Sums of one chart key: invitations, delivered ones, ratings, and ratings of 1 to 3."""

    invited: int = 0
    delivered: int = 0
    rated: int = 0
    not_satisfied: int = 0

    def plus(self, other: "CumulativeCounts") -> "CumulativeCounts":
        """The sum of both."""
        return CumulativeCounts(*(one + two for one, two in zip(self, other, strict=True)))


def cumulative_counts(
    session: Session, until: date | None = None
) -> dict[ChartKey, CumulativeCounts]:
    """The current sums of every chart key; with `until` (a local day), without the ballots in the
    pool that came after it.
    """
    pool = pool_of(session)
    found: dict[ChartKey, CumulativeCounts] = defaultdict(CumulativeCounts)
    for by_chart_key in _by_month(session, None, pool.until(until) if until else pool).values():
        for chart_key, counts in by_chart_key.items():
            found[chart_key] = found[chart_key].plus(counts)
    return dict(found)


def by_month(
    session: Session, months: Sequence[Month]
) -> dict[Month, dict[ChartKey, CumulativeCounts]]:
    """Month → chart key → current sums."""
    return _by_month(session, months, pool_of(session).of(months))


def _by_month(
    session: Session, months: Sequence[Month] | None, pool: Pool
) -> dict[Month, dict[ChartKey, CumulativeCounts]]:
    asked = (
        select(
            Frame.month,
            Frame.agency_id,
            Sector.target_group,
            func.sum(Frame.invited),
            func.sum(Frame.delivered),
        )
        .join(Sector, Sector.code == Frame.sector_code)
        .group_by(Frame.month, Frame.agency_id, Sector.target_group)
    )
    rated = (
        select(
            Count.month,
            Count.agency_id,
            Sector.target_group,
            func.sum(RATED),
            func.sum(NOT_SATISFIED),
        )
        .join(Sector, Sector.code == Count.sector_code)
        .where(Count.question == OVERALL)
        .group_by(Count.month, Count.agency_id, Sector.target_group)
    )
    if months is not None:
        asked, rated = asked.where(Frame.month.in_(months)), rated.where(Count.month.in_(months))
    sums, answers = _sums(session, asked), _sums(session, rated)
    groups = dict(session.execute(select(Sector.code, Sector.target_group)).all())
    for cell, steps in pool.steps().items():
        at = cell.month, (cell.agency_id, groups[cell.sector_code])
        before = answers.get(at, (0, 0))
        answers[at] = before[0] + sum(steps), before[1] + sum(steps[: SATISFIED_FROM - 1])
    found: dict[Month, dict[ChartKey, CumulativeCounts]] = defaultdict(dict)
    for month, chart_key in sorted({*sums, *answers}):
        parts = (*sums.get((month, chart_key), (0, 0)), *answers.get((month, chart_key), (0, 0)))
        found[month][chart_key] = CumulativeCounts(*parts)
    return dict(found)


def by_agency(found: Mapping[ChartKey, CumulativeCounts]) -> dict[int | None, CumulativeCounts]:
    """The sums of each agency, and under None those of the province."""
    added: dict[int | None, CumulativeCounts] = defaultdict(CumulativeCounts)
    for (agency_id, _), counts in found.items():
        for key in (agency_id, None):
            added[key] = added[key].plus(counts)
    return dict(added)


def _sums(
    session: Session, query: Select[Month, int, str, int, int]
) -> dict[tuple[Month, ChartKey], tuple[int, int]]:
    return {
        (month, (agency_id, group)): (int(one), int(two))
        for month, agency_id, group, one, two in session.execute(query)
    }
