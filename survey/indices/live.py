"""Figures from the counts as they stand now."""

from sqlalchemy.orm import Session

from survey.disclosure import Breakdown
from survey.indices.figures import Figure
from survey.indices.judging import figures, rules_in_force
from survey.indices.tallies import Stored, lines_of, tallies
from survey.period import Month


def live(
    session: Session, month: Month, by: Breakdown, question: str, *, provisional: bool
) -> list[Figure]:
    """Judge every key of a breakdown for one question of a month."""
    source = Stored(session, month)
    counted = tallies(source, lines_of(session, month, by, source), by, question)
    return figures(counted, rules_in_force(session, month), provisional=provisional)
