"""Totals and verification of the coverage ledger, so that no citizen is left out unnoticed."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.models.count import Frame
from survey.models.dossier import Dossier
from survey.models.invitation import CoverageEntry, Decision
from survey.period import Period


@dataclass(frozen=True, slots=True)
class CoverageFigures:
    """Finished dossiers of a period: invited, and not invited by reason."""

    finished: int
    invited: int
    not_invited: dict[str, int]


def coverage(session: Session, period: Period) -> CoverageFigures:
    """Add up the coverage ledger of a period; `finished` also counts dossiers without an entry."""
    by_decision = dict(
        session.execute(
            select(CoverageEntry.decision, func.count())
            .where(CoverageEntry.month.in_(period.months))
            .group_by(CoverageEntry.decision)
            .order_by(CoverageEntry.decision)
        ).all()
    )
    invited = by_decision.pop(Decision.ASKED, 0)
    entered = invited + sum(by_decision.values())
    return CoverageFigures(
        finished=entered + missing_entries(session, period),
        invited=invited,
        not_invited=by_decision,
    )


def missing_entries(session: Session, period: Period) -> int:
    """Finished dossiers of a period without an entry in the coverage ledger: must be 0."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Dossier)
            .outerjoin(CoverageEntry, CoverageEntry.dossier_id == Dossier.id)
            .where(
                Dossier.finished_at >= period.begins,
                Dossier.finished_at < period.ends,
                CoverageEntry.dossier_id.is_(None),
            )
        )
        or 0
    )


def verify_coverage(session: Session, period: Period) -> bool:
    """Whether every finished dossier has an entry, and ledger and sampling frame agree."""
    figures = coverage(session, period)
    finished, invited = session.execute(
        select(func.sum(Frame.finished), func.sum(Frame.invited)).where(
            Frame.month.in_(period.months)
        )
    ).one()
    adds_up = figures.finished == figures.invited + sum(figures.not_invited.values())
    return adds_up and (finished or 0, invited or 0) == (figures.finished, figures.invited)
