"""Counts become indices: figures with intervals, verdicts against targets, snapshots of closed
periods.
"""

from survey.indices.figures import (
    FORMULA,
    LIVE_FORMULA,
    SMALLEST_SHOWN,
    Breakdown,
    Figure,
    Status,
    read_figure,
)
from survey.indices.judging import Rules
from survey.indices.payload import draft_payload
from survey.indices.periods import check_month, closable_from, is_provisional, previous_month
from survey.indices.rebuild import Difference, check, rebuild
from survey.indices.recompute import Recomputation, recompute
from survey.indices.show import rules_of, show
from survey.indices.snapshots import closable_months, close, first, payload_of

__all__ = [
    "FORMULA",
    "LIVE_FORMULA",
    "SMALLEST_SHOWN",
    "Breakdown",
    "Difference",
    "Figure",
    "Recomputation",
    "Rules",
    "Status",
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
    "read_figure",
    "rebuild",
    "recompute",
    "rules_of",
    "show",
]
