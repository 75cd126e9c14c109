"""Counts become indices: figures with intervals, verdicts against targets, snapshots of closed
periods.
"""

from survey.disclosure import SMALLEST_SHOWN, Breakdown
from survey.indices.closed import first, payload_of
from survey.indices.course import Along, Course, Unit, course, hidden
from survey.indices.figures import (
    FORMULA,
    LIVE_FORMULA,
    Figure,
    Status,
    read_figure,
)
from survey.indices.inputs import draft_payload
from survey.indices.judging import Rules
from survey.indices.periods import (
    check_period,
    closed_months,
    is_provisional,
    months_with_dossiers,
)
from survey.indices.recompute import Recomputation, recompute
from survey.indices.shield import shielded, shown
from survey.indices.show import formula_of, rules_of, show
from survey.indices.snapshots import closable_months, close

__all__ = [
    "FORMULA",
    "LIVE_FORMULA",
    "SMALLEST_SHOWN",
    "Along",
    "Breakdown",
    "Course",
    "Figure",
    "Recomputation",
    "Rules",
    "Status",
    "Unit",
    "check_period",
    "closable_months",
    "close",
    "closed_months",
    "course",
    "draft_payload",
    "first",
    "formula_of",
    "hidden",
    "is_provisional",
    "months_with_dossiers",
    "payload_of",
    "read_figure",
    "recompute",
    "rules_of",
    "shielded",
    "show",
    "shown",
]
