"""One figure: counts of a scope turned into index, interval, bounds and verdict.

Formula "raw-share/1": the index is the raw share of ratings 4–5 and its limits are Wilson's with
finite-population
correction at 95 %, until the post-stratified index takes its place under another name and version.
"""

from dataclasses import dataclass
from enum import StrEnum

import analysis
from survey.indices.targets import TargetInForce

FORMULA = "raw-share-wilson-fpc/1"
CONFIDENCE = 0.95
# The verdict uses the very bounds that are shown: each is one-sided at 97.5 %.
ONE_SIDED = 1 - (1 - CONFIDENCE) / 2


class Breakdown(StrEnum):
    """What figures are shown by."""

    OVERALL = "overall"
    SECTOR = "sector"
    AGENCY = "agency"
    PROCEDURE = "procedure"
    CHANNEL = "channel"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one scope: dossiers finished, ratings 1 … 5."""

    key: str
    label: str
    finished: int
    ratings: tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of `index show`; shares and targets are fractions 0–1, None where undefined."""

    key: str
    label: str
    finished: int
    rated: int
    satisfied: int
    raw: float | None
    index: float | None
    low: float
    high: float
    mean: float | None
    response_rate: float | None
    missing_low: float | None
    missing_high: float | None
    target: float | None
    verdict: str | None
    needed: int | None
    provisional: bool
    # Whose document sets the target; empty without one.
    target_source: str = ""
    # True when the target is another province's ladder, used as the default.
    target_is_default: bool = False


def figure(tally: Tally, target: TargetInForce | None, *, provisional: bool) -> Figure:
    """Judge one scope. Without a target, or while provisional, there is no verdict."""
    rated = sum(tally.ratings)
    satisfied = tally.ratings[3] + tally.ratings[4]
    population = max(tally.finished, rated)
    limits = analysis.wilson_fpc(satisfied, rated, population, CONFIDENCE)
    worst = analysis.missing_bounds(satisfied, rated, population) if population else (None, None)
    points = sum(level * number for level, number in enumerate(tally.ratings, start=1))
    judged = None
    if target is not None and population:
        judged = analysis.verdict(
            satisfied,
            rated,
            population,
            target.value.numerator,
            target.value.denominator,
            ONE_SIDED,
        )
    return Figure(
        key=tally.key,
        label=tally.label,
        finished=tally.finished,
        rated=rated,
        satisfied=satisfied,
        raw=satisfied / rated if rated else None,
        index=limits.estimate,
        low=limits.low,
        high=limits.high,
        mean=points / rated if rated else None,
        response_rate=rated / population if population else None,
        missing_low=worst[0],
        missing_high=worst[1],
        target=float(target.value) if target else None,
        verdict=judged.verdict if judged and not provisional else None,
        needed=judged.additional_n if judged else None,
        provisional=provisional,
        target_source=f"{target.province}: {target.source}" if target else "",
        target_is_default=target.is_default if target else False,
    )
