"""Guessing by order: does anything a thief can sort by lie in the order of what must be hidden?

One measure for all: Spearman's rank correlation, as a multiple of its standard deviation by chance.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scipy.stats import spearmanr

from tests.features.stolen import Row, sortable

# What can be sorted by: its name → what it concerns → its value.
Features = Mapping[str, Mapping[Hashable, Any]]
# Chance goes so far once in 25 million guesses, and a test makes thousands.
LIMIT = 5.5
# Of fewer even a perfect order could be chance.
LEAST = 40


@dataclass(frozen=True, order=True)
class Attack:
    """One guess, and how much better than chance it is."""

    strength: float
    name: str = ""
    tried: int = 0

    def __str__(self) -> str:
        """What a person should see."""
        return f"{self.strength:.1f} by {self.name or 'nothing'} (of {self.tried})"


def columns(rows: Iterable[Row], key: Callable[[Row], Hashable], name: str = "") -> Features:
    """All that rows can be sorted by: each column, whether it holds something, and how long."""
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
    """The best guess of what is true of each, from one feature alone."""
    return _best({name: _numbers(known) for name, known in features.items()}, {"": truth})


def strongest_pair(left: Features, right: Features, pairs: Mapping[Hashable, Hashable]) -> Attack:
    """The best way to lay two sides beside each other, so that what belongs together (`pairs`) lies
    together.
    """
    numbered = {name: _numbers(known) for name, known in right.items()}
    moved = {
        name: {one: known[other] for one, other in pairs.items() if other in known}
        for name, known in numbered.items()
    }
    return _best({name: _numbers(known) for name, known in left.items()}, moved)


def _numbers(known: Mapping[Hashable, Any]) -> dict[Hashable, int]:
    """Values as numbers of the same order."""
    place = {value: number for number, value in enumerate(sorted(set(known.values())))}
    return {concerned: place[value] for concerned, value in known.items()}


def _best(left: Features, right: Features) -> Attack:
    return max(
        (
            _attack(f"{one} ~ {other}".removesuffix(" ~ "), known, truth)
            for one, known in left.items()
            for other, truth in right.items()
        ),
        default=Attack(0.0),
    )


def _attack(name: str, known: Mapping[Hashable, Any], truth: Mapping[Hashable, Any]) -> Attack:
    both = [concerned for concerned in truth if concerned in known]
    guesses, facts = [known[one] for one in both], [truth[one] for one in both]
    if len(both) < LEAST or len(set(guesses)) == 1 or len(set(facts)) == 1:
        return Attack(0.0, name, len(both))
    strength = abs(spearmanr(guesses, facts).statistic) * (len(both) - 1) ** 0.5
    return Attack(float(strength), name, len(both))
