"""What counts and frame come to per agency and sector group, over all months or by month."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from survey.models.count import RATED, Count, Frame
from survey.models.organisation import Sector
from survey.models.questionnaire import Question

# Agency and target group of its sectors.
Spot = tuple[int, str]
DISSATISFIED = Count.n1 + Count.n2 + Count.n3


class Standing(NamedTuple):
    """Sums of one spot: invitations, those delivered, ratings, and those of 1 to 3."""

    invited: int = 0
    delivered: int = 0
    rated: int = 0
    dissatisfied: int = 0

    def plus(self, other: "Standing") -> "Standing":
        """Both together."""
        return Standing(*(one + two for one, two in zip(self, other, strict=True)))


def standings(session: Session) -> dict[Spot, Standing]:
    """The sums of every spot as they stand now."""
    found: dict[Spot, Standing] = defaultdict(Standing)
    for by_spot in by_month(session).values():
        for spot, standing in by_spot.items():
            found[spot] = found[spot].plus(standing)
    return dict(found)


def by_month(
    session: Session, months: Sequence[str] | None = None
) -> dict[str, dict[Spot, Standing]]:
    """Month → spot → sums, for the months given or for all."""
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
            func.sum(DISSATISFIED),
        )
        .join(Sector, Sector.code == Count.sector_code)
        .where(Count.question == Question.OVERALL)
        .group_by(Count.month, Count.agency_id, Sector.target_group)
    )
    if months is not None:
        asked, rated = asked.where(Frame.month.in_(months)), rated.where(Count.month.in_(months))
    sums, answers = _sums(session, asked), _sums(session, rated)
    found: dict[str, dict[Spot, Standing]] = defaultdict(dict)
    for month, spot in sorted({*sums, *answers}):
        parts = (*sums.get((month, spot), (0, 0)), *answers.get((month, spot), (0, 0)))
        found[month][spot] = Standing(*parts)
    return dict(found)


def by_agency(found: Mapping[Spot, Standing]) -> dict[int | None, Standing]:
    """The sums of each agency, and under None those of the province."""
    added: dict[int | None, Standing] = defaultdict(Standing)
    for (agency_id, _), standing in found.items():
        for key in (agency_id, None):
            added[key] = added[key].plus(standing)
    return dict(added)


def _sums(
    session: Session, query: Select[str, int, str, int, int]
) -> dict[tuple[str, Spot], tuple[int, int]]:
    return {
        (month, (agency_id, group)): (int(one), int(two))
        for month, agency_id, group, one, two in session.execute(query)
    }
