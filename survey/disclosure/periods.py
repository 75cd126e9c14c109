"""Suppression over longer periods."""

from collections.abc import Mapping

from survey.disclosure.lines import Key
from survey.period import Month, Period


def suppressed_over(suppressed: Mapping[Month, frozenset[Key]], period: Period) -> frozenset[Key]:
    """The lines of a period that must be suppressed, given those that its months suppress.

    A line is published only if every month publishes it, so each figure of a longer period is a sum
    of published figures. Then no differencing of nested or overlapping periods reveals anything
    that the tables of the months do not.
    """
    return frozenset[Key]().union(*(suppressed[month] for month in period.months))
