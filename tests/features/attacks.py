"""Attacks by order: whether columns a thief can sort by correlate with what must be hidden.

All attacks have one measure: a rank correlation (Spearman's where no value is missing), as a
multiple of its standard deviation by chance.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.stats import rankdata

from tests.features.stolen import Row, sortable

# What can be sorted by: its name → what it concerns → its value.
Features = Mapping[str, Mapping[Hashable, Any]]
# Chance goes so far once in 25 million guesses, and a test makes thousands.
LIMIT = 5.5
# Of fewer even a perfect order could be chance.
LEAST = 40


@dataclass(frozen=True, order=True)
class Attack:
    """One guess, and by how many standard deviations it is better than chance."""

    strength: float
    name: str = ""
    tried: int = 0

    def __str__(self) -> str:
        """The guess in words for a failed test."""
        return f"{self.strength:.1f} by {self.name or 'nothing'} (of {self.tried})"


def columns(rows: Iterable[Row], key: Callable[[Row], Hashable], name: str = "") -> Features:
    """All that rows can be sorted by: each column, whether it is empty, and its length."""
    found: dict[str, dict[Hashable, Any]] = defaultdict(dict)
    for row in rows:
        concerned = key(row)
        for column, value in row.items():
            found[f"{name}{column} is there"][concerned] = value is not None
            if value is not None:
                found[f"{name}{column}"][concerned] = sortable(value)
            if isinstance(value, str | bytes):
                found[f"{name}{column} length"][concerned] = len(value)
    return found


def strongest(features: Features, truth: Mapping[Hashable, float]) -> Attack:
    """The best guess of a hidden value of each row from one feature alone."""
    concerned = list(truth)
    return _best(_ranks(features, concerned), _ranks({"": truth}, concerned))


def strongest_pair(left: Features, right: Features, pairs: Mapping[Hashable, Hashable]) -> Attack:
    """The best way to sort two sides so that matching rows stand beside each other; `pairs` names
    the matches of each row of the right side.
    """
    return _best(_ranks(left, list(pairs.values())), _ranks(right, list(pairs)))


def _ranks(features: Features, concerned: Sequence[Hashable]) -> dict[str, np.ndarray]:
    """Ranks by each feature that has at least two values, NaN where it is missing; equal features
    once.
    """
    found: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, known in features.items():
        number = {value: place for place, value in enumerate(sorted(set(known.values())))}
        numbers = [number[known[one]] if one in known else np.nan for one in concerned]
        ranks = rankdata(numbers, nan_policy="omit")
        if np.nanmax(ranks, initial=0) > np.nanmin(ranks, initial=np.inf):
            found.setdefault(ranks.tobytes(), (name, ranks))
    return dict(found.values())


def _best(left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray]) -> Attack:
    tried = [_attack(one, other) for one, other in product(left.items(), right.items())]
    return max(tried, default=Attack(0.0))


def _attack(left: tuple[str, np.ndarray], right: tuple[str, np.ndarray]) -> Attack:
    name = f"{left[0]} ~ {right[0]}".removesuffix(" ~ ")
    both = ~(np.isnan(left[1]) | np.isnan(right[1]))
    number = int(both.sum())
    one, other = (side[1][both] - side[1][both].mean() for side in (left, right))
    spread = float(np.sqrt((one @ one) * (other @ other)))
    if number < LEAST or not spread:
        return Attack(0.0, name, number)
    return Attack(abs(float(one @ other)) / spread * (number - 1) ** 0.5, name, number)
