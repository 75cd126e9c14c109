"""The index of a month by sector, agency, procedure or channel: live, closed, or revised."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from survey.errors import Invalid
from survey.indices.closed import figures_of, first, part_of
from survey.indices.figures import LIVE_FORMULA, Breakdown, Figure
from survey.indices.judging import Rules, read_rules, rules_in_force
from survey.indices.live import live
from survey.indices.periods import check_month, is_provisional
from survey.models.questionnaire import Question


def formula_of(session: Session, month: str) -> str:
    """Name and version of the formula a month's figures are computed by."""
    snapshot = first(session, month)
    return snapshot.formula if snapshot else LIVE_FORMULA


def rules_of(session: Session, month: str) -> Rules:
    """The rules that judged a closed month, or those in force for an open one."""
    snapshot = first(session, month)
    judged = part_of(session, snapshot, _judged) if snapshot else ()
    return judged[0] if judged else rules_in_force(session, month)


def _judged(payload: Mapping[str, Any]) -> tuple[Rules, ...]:
    """The rules of a payload; none in those that did not keep them yet."""
    row = payload.get("judging")
    return (read_rules(row),) if row else ()


def show(
    session: Session,
    month: str,
    by: str,
    now: datetime,
    *,
    question: str = Question.OVERALL,
    revised: bool = False,
) -> list[Figure]:
    """Figures of a month (YYYY-MM). A closed month shows its snapshot; `revised` shows the counts
    of today.

    Invalid: `future_period`, `unknown_breakdown`, `unknown_question`.
    """
    check_month(month, now)
    if by not in set(Breakdown):
        raise Invalid("unknown_breakdown", by)
    if question not in set(Question):
        raise Invalid("unknown_question", question)
    snapshot = None if revised else first(session, month)
    if snapshot is not None:
        return figures_of(session, snapshot, by, question)
    provisional = is_provisional(session, month)
    return live(session, month, Breakdown(by), question, provisional=provisional)
