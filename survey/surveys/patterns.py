"""Ratings that complete questionnaires gave together, counted: what drivers are computed from."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, NamedTuple


class Pattern(NamedTuple):
    """What one complete questionnaire rated: its factors in their order, and their ratings with the
    overall one last.
    """

    factors: tuple[str, ...]
    ratings: tuple[int, ...]


def rows_of(patterns: Iterable[tuple[Pattern, int]]) -> list[Any]:
    """Patterns as they are stored: [factors, [ratings …, how often they were given]], sorted."""
    return [
        [list(factors), [[*pattern.ratings, times] for pattern, times in found]]
        for factors, found in groupby(sorted(patterns), key=lambda one: one[0].factors)
    ]


def read_patterns(rows: Iterable[Any]) -> Counter[Pattern]:
    """Patterns from rows of `rows_of`."""
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
    """The factors that most complete questionnaires rated, and ratings → how often they were given:
    questionnaires with other factors cannot be added to them.
    """
    by_factors: dict[tuple[str, ...], dict[tuple[int, ...], int]] = {}
    for pattern, times in sorted(patterns.items()):
        by_factors.setdefault(pattern.factors, {})[pattern.ratings] = times
    if not by_factors:
        return (), {}
    return max(by_factors.items(), key=lambda one: sum(one[1].values()))
