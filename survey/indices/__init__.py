"""Counts become indices: figures with intervals, verdicts against targets, snapshots of closed
periods.
"""

from survey.indices.figures import FORMULA, Breakdown, Figure
from survey.indices.periods import check_month, closable_from, is_provisional, previous_month
from survey.indices.rebuild import Difference, check, rebuild
from survey.indices.show import show
from survey.indices.snapshots import closable_months, close, draft_payload, first, payload_of

__all__ = [
    "FORMULA",
    "Breakdown",
    "Difference",
    "Figure",
    "check",
    "check_month",
    "closable_from",
    "closable_months",
    "close",
    "draft_payload",
    "first",
    "is_provisional",
    "payload_of",
    "previous_month",
    "rebuild",
    "show",
]
