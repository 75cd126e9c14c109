"""Figures of a period by breakdown: from live counts, from snapshots, or revised."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from survey.disclosure import Breakdown
from survey.errors import Invalid
from survey.indices.closed import figures_of, first, firsts, part_of
from survey.indices.figures import FORMULA, LIVE_FORMULA, Figure
from survey.indices.line_counts import LineCounts, counts, lines_of
from survey.indices.live import live
from survey.indices.periods import check_period, is_provisional
from survey.indices.scoring import Rules, figures, read_rules, rules_in_force
from survey.indices.spans import Spanned, spanned
from survey.models.questionnaire import OVERALL
from survey.models.snapshot import Snapshot
from survey.period import Month, Period
from survey.surveys import check_question


def formula_of(session: Session, period: Period) -> str:
    """Name and version of the formula of a period's figures."""
    if isinstance(period, Month):
        snapshot = first(session, period)
        return snapshot.formula if snapshot else LIVE_FORMULA
    return LIVE_FORMULA if is_provisional(session, period) else FORMULA


def rules_of(session: Session, period: Period) -> Rules:
    """The rules in the snapshot of a period's last month, or those in force while it is open."""
    snapshot = first(session, period.last)
    if snapshot is None:
        return rules_in_force(session, period.last)
    return part_of(session, snapshot, _scored)


def _scored(payload: Mapping[str, Any]) -> Rules:
    """The rules of a payload."""
    return read_rules(payload["scoring"])


def show(
    session: Session,
    period: Period,
    by: str,
    now: datetime,
    *,
    question: str = OVERALL,
    revised: bool = False,
) -> list[Figure]:
    """Figures of a period. For a closed month they come from its snapshot, also within a longer
    period; with `revised` they come from the counts of today.

    Invalid: `future_period`, `unknown_breakdown`, `unknown_question`. Refused `snapshot_broken`.
    """
    check_period(period, now)
    if by not in set(Breakdown):
        raise Invalid("unknown_breakdown", by)
    check_question(session, question)
    if not isinstance(period, Month):
        closings = {} if revised else firsts(session, period.months)
        counted = _line_counts(session, period, spanned(session, period, closings), by, question)
        provisional = is_provisional(session, period)
        return figures(counted, rules_of(session, period), provisional=provisional)
    snapshot = None if revised else first(session, period)
    if snapshot is not None:
        return figures_of(session, snapshot, by, question)
    provisional = is_provisional(session, period)
    return live(session, period, Breakdown(by), question, provisional=provisional)


def tables(
    session: Session, period: Period, closings: Mapping[Month, Snapshot]
) -> dict[Breakdown, list[Figure]]:
    """Every table of a longer period, from snapshots of closed months and counts of open ones."""
    source = spanned(session, period, closings)
    rules, provisional = rules_of(session, period), is_provisional(session, period)
    return {
        by: figures(
            _line_counts(session, period, source, by, OVERALL), rules, provisional=provisional
        )
        for by in Breakdown
    }


def _line_counts(
    session: Session, period: Period, source: Spanned, by: str, question: str
) -> list[LineCounts]:
    """Counts of each line of a breakdown, with the targets in force at the end of the period."""
    breakdown = Breakdown(by)
    lines = lines_of(session, period.last, breakdown, source)
    return counts(source, lines, breakdown, question)
