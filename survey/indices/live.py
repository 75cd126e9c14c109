"""Figures from the counts as they stand now."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.indices.figures import Breakdown, Figure, figure
from survey.indices.tallies import tallies
from survey.indices.targets import Ladder, TargetInForce, ladder
from survey.models.organisation import Procedure, Sector


def live(
    session: Session, month: str, by: Breakdown, question: str, *, provisional: bool
) -> list[Figure]:
    """Judge every key of a breakdown for one question of a month."""
    steps = ladder(session, month)
    groups = _target_groups(session, by)
    return [
        figure(tally, _target(steps, by, groups.get(tally.key, "")), provisional=provisional)
        for tally in tallies(session, month, by, question)
    ]


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


def _target(steps: Ladder, by: Breakdown, target_group: str) -> TargetInForce | None:
    if by is Breakdown.AGENCY:
        return steps.agency()
    if by in {Breakdown.SECTOR, Breakdown.PROCEDURE}:
        return steps.sector(target_group)
    return steps.overall()
