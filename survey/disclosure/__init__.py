"""Disclosure control: which figures may be published together. Pure decisions on counts.

A line with few ratings is suppressed (primary suppression), and so are further lines until its
ratings cannot be computed by subtracting published figures (complementary suppression).
"""

from survey.disclosure.lines import (
    LEAST_SHOWN,
    Breakdown,
    Cell,
    Key,
    at_agency,
    is_small,
)
from survey.disclosure.month import Counts
from survey.disclosure.one_table import safe_to_publish
from survey.disclosure.periods import suppressed_over

__all__ = [
    "LEAST_SHOWN",
    "Breakdown",
    "Cell",
    "Counts",
    "Key",
    "at_agency",
    "is_small",
    "safe_to_publish",
    "suppressed_over",
]
