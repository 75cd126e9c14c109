"""Driver analysis: factors associated with the overall rating in complete questionnaires.

Association, not cause.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from analysis import AnalysisError
from analysis.drivers import (
    MINIMUM_RATINGS,
    lmg,
    moments,
    quadrants,
    share_limits,
    straight_lining,
)
from survey.ballots.aggregates import briefs_now
from survey.insights.changes import CONFIDENCE
from survey.period import Month
from survey.surveys import Names, Pattern, most_given, read_patterns

# Of the bootstrap; the fixed seed makes its limits reproducible.
SEED, REPEATS = 1, 100
# Every subset of the factors is fitted: each further factor doubles the time, which is 1 s for 10.
MOST_FACTORS = 10
# Ratings of a complete questionnaire → frequency.
Patterns = Mapping[Pattern, int]


@dataclass(frozen=True, slots=True)
class Driver:
    """A factor by its name: its share of the explained variance with limits, its share of ratings
    4–5 (`performance`), and its quadrant of importance and performance.

    `quadrant` is empty where the limits include an even share: then it does not stand out.
    """

    factor: str
    share: float
    low: float
    high: float
    performance: float
    quadrant: str


@dataclass(frozen=True, slots=True)
class Drivers:
    """Drivers of the overall rating; empty below `needed` complete questionnaires.

    `same_everywhere` is the share of questionnaires that give every question the same rating
    (straight-lining), which spreads importance evenly. `is_too_long`: more than MOST_FACTORS were
    asked, so nothing is computed.
    """

    complete: int
    needed: int
    explained: float | None
    same_everywhere: float | None
    factors: tuple[Driver, ...]
    is_too_long: bool = False


def drivers(given: Patterns, names: Names) -> Drivers:
    """Drivers of the overall rating, for the factors of most complete questionnaires."""
    codes, ratings = most_given(given)
    patterns = [[*levels, times] for levels, times in ratings.items()]
    complete = sum(ratings.values())
    same = straight_lining(patterns) if patterns else None
    is_too_long = len(codes) > MOST_FACTORS
    if complete < MINIMUM_RATINGS or is_too_long:
        return Drivers(complete, MINIMUM_RATINGS, None, same, (), is_too_long)
    try:
        found = lmg(moments(patterns))
    except AnalysisError:  # Everybody gave the same overall rating.
        return Drivers(complete, MINIMUM_RATINGS, None, same, ())
    shares, performance = found.share.tolist(), found.performance.tolist()
    limits = share_limits(patterns, CONFIDENCE, seed=SEED, repeats=REPEATS)
    called = [names[code] for code in codes]
    columns = (called, shares, limits.low.tolist(), limits.high.tolist(), performance)
    places = quadrants(shares, performance)
    even = 1 / len(codes)
    factors = [
        Driver(*one, quadrant="" if one[2] <= even <= one[3] else place)
        for one, place in zip(zip(*columns, strict=True), places, strict=True)
    ]
    factors.sort(key=lambda one: -one.share)
    return Drivers(complete, MINIMUM_RATINGS, found.r2, same, tuple(factors))


def patterns_now(session: Session, months: Sequence[Month]) -> Patterns:
    """Patterns of the complete questionnaires of some months, from current counts."""
    found: Counter[Pattern] = Counter()
    for brief in briefs_now(session, months).values():
        found.update(brief.patterns)
    return found


def patterns_of(payload: Mapping[str, Any]) -> Patterns:
    """Patterns stored in the payload of a closing."""
    return read_patterns(payload["counted"]["patterns"])
