"""Suppression over longer periods."""

from collections.abc import Mapping

from survey.disclosure.lines import Key
from survey.period import Month, Period


def suppressed_over(suppressed: Mapping[Month, frozenset[Key]], period: Period) -> frozenset[Key]:
    """The lines of a period that must be suppressed, given those that its months suppress.

    A line is published where each month publishes it, so every figure of a longer period is a sum
    of figures that are published anyway. Then no differencing of periods, however they are nested
    or overlap, gives anything that the tables of the months do not.
    """
    return frozenset[Key]().union(*(suppressed[month] for month in period.months))
