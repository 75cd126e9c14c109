"""The province's statistics: pure functions on counts; no web, no tables, no clock, no files.

Only intervals, verdicts and non-response are re-exported, so that importing them stays cheap;
every other family is imported as its own module (`from analysis import headline`).
"""

from analysis.anytime import confidence_sequence
from analysis.errors import AnalysisError
from analysis.intervals import (
    CountInterval,
    Interval,
    Intervals,
    clopper_pearson,
    clopper_pearson_many,
    hypergeometric,
    jeffreys,
    jeffreys_many,
    wilson,
    wilson_fpc,
    wilson_fpc_many,
    wilson_many,
)
from analysis.nonresponse import Nonresponse, missing_bounds, nonresponse, response_rate
from analysis.verdict import (
    DEFAULT_FLOOR,
    FloorRule,
    FloorVerdict,
    Plan,
    Verdict,
    floor_verdict,
    needed_ratings,
    plan,
    verdict,
)

__all__ = [
    "DEFAULT_FLOOR",
    "AnalysisError",
    "CountInterval",
    "FloorRule",
    "FloorVerdict",
    "Interval",
    "Intervals",
    "Nonresponse",
    "Plan",
    "Verdict",
    "clopper_pearson",
    "clopper_pearson_many",
    "confidence_sequence",
    "floor_verdict",
    "hypergeometric",
    "jeffreys",
    "jeffreys_many",
    "missing_bounds",
    "needed_ratings",
    "nonresponse",
    "plan",
    "response_rate",
    "verdict",
    "wilson",
    "wilson_fpc",
    "wilson_fpc_many",
    "wilson_many",
]
