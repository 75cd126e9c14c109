"""The province's statistics: pure functions on counts, without web, database, clock or files.

Only intervals, verdicts and non-response are re-exported, so that the import stays cheap; the other
modules are imported by name (`from analysis import headline`).
"""

from analysis.anytime import confidence_sequence
from analysis.errors import AnalysisError
from analysis.intervals import (
    CountInterval,
    Interval,
    clopper_pearson,
    hypergeometric,
    jeffreys,
    wilson,
    wilson_fpc,
)
from analysis.nonresponse import Nonresponse, missing_bounds, nonresponse, response_rate
from analysis.verdict import (
    FloorVerdict,
    Plan,
    Verdict,
    exact_verdict,
    floor_verdict,
    is_late,
    needed_ratings,
    plan,
)

__all__ = [
    "AnalysisError",
    "CountInterval",
    "FloorVerdict",
    "Interval",
    "Nonresponse",
    "Plan",
    "Verdict",
    "clopper_pearson",
    "confidence_sequence",
    "exact_verdict",
    "floor_verdict",
    "hypergeometric",
    "is_late",
    "jeffreys",
    "missing_bounds",
    "needed_ratings",
    "nonresponse",
    "plan",
    "response_rate",
    "wilson",
    "wilson_fpc",
]
