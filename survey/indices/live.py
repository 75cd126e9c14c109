"""Figures computed from the current counts."""

from sqlalchemy.orm import Session

from survey.disclosure import Breakdown
from survey.indices.figures import Figure
from survey.indices.line_counts import Stored, counts, lines_of
from survey.indices.scoring import figures, rules_in_force
from survey.period import Month


def live(
    session: Session, month: Month, by: Breakdown, question: str, *, provisional: bool
) -> list[Figure]:
    """Compute the figure of every key of a breakdown for one question of a month."""
    source = Stored(session, month)
    counted = counts(source, lines_of(session, month, by, source), by, question)
    return figures(counted, rules_in_force(session, month), provisional=provisional)
