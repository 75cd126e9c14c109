"""Compute indices from counts: figures with intervals, verdicts against targets, and snapshots of
closed periods.
"""

from survey.disclosure import LEAST_SHOWN, Breakdown
from survey.indices.closed import first, payload_of
from survey.indices.disclosure_control import published_tables, suppressed_payload
from survey.indices.figures import (
    FORMULA,
    LIVE_FORMULA,
    Figure,
    Status,
    read_figure,
)
from survey.indices.inputs import draft_payload
from survey.indices.periods import (
    check_period,
    closed_months,
    is_provisional,
    months_with_dossiers,
)
from survey.indices.recompute import Recomputation, recompute
from survey.indices.scoring import Rules
from survey.indices.show import formula_of, rules_of, show
from survey.indices.snapshots import closable_months, close
from survey.indices.time_series import Along, TimeSeries, Unit, suppressed, time_series

__all__ = [
    "FORMULA",
    "LEAST_SHOWN",
    "LIVE_FORMULA",
    "Along",
    "Breakdown",
    "Figure",
    "Recomputation",
    "Rules",
    "Status",
    "TimeSeries",
    "Unit",
    "check_period",
    "closable_months",
    "close",
    "closed_months",
    "draft_payload",
    "first",
    "formula_of",
    "is_provisional",
    "months_with_dossiers",
    "payload_of",
    "published_tables",
    "read_figure",
    "recompute",
    "rules_of",
    "show",
    "suppressed",
    "suppressed_payload",
    "time_series",
]
