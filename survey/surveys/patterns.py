"""Counts of identical complete questionnaires, the input of the driver analysis."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple


class Pattern(NamedTuple):
    """The ratings of one complete questionnaire: its factors in order, and their ratings followed
    by the overall rating.
    """

    factors: tuple[str, ...]
    ratings: tuple[int, ...]


def rows_of(patterns: Iterable[tuple[Pattern, int]]) -> list[Any]:
    """Patterns in stored form: [[factors, [[*ratings, frequency], …]], …], sorted."""
    return [
        [list(factors), [[*pattern.ratings, times] for pattern, times in found]]
        for factors, found in groupby(sorted(patterns), key=lambda one: one[0].factors)
    ]


def read_patterns(rows: Iterable[Any]) -> Counter[Pattern]:
    """Patterns from the rows that `rows_of` returns."""
    return Counter(
        {
            Pattern(tuple(factors), tuple(ratings)): times
            for factors, found in rows
            for *ratings, times in found
        }
    )


def most_given(
    patterns: Mapping[Pattern, int],
) -> tuple[tuple[str, ...], dict[tuple[int, ...], int]]:
    """The set of factors with the most complete questionnaires, and ratings → frequency.

    Questionnaires with other factors are left out, because their ratings cannot be added to these.
    """
    by_factors: dict[tuple[str, ...], dict[tuple[int, ...], int]] = {}
    for pattern, times in sorted(patterns.items()):
        by_factors.setdefault(pattern.factors, {})[pattern.ratings] = times
    if not by_factors:
        return (), {}
    return max(by_factors.items(), key=lambda one: sum(one[1].values()))
