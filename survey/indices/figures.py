"""One figure: the index of a scope with its interval, what stands beside it, and its verdict.

Index = post-stratified share of ratings 4–5. Before the closing of a month its interval is the
any-time one, at the closing the guarded one (`survey.reports.cards` explains both).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# Name and version of the formulas; a change of what is computed is a new version.
FORMULA = "post-stratified-guarded/1"
LIVE_FORMULA = "post-stratified-anytime/1"
# Fewer ratings than this are never printed: they could name a person.
SMALLEST_SHOWN = 5


class Breakdown(StrEnum):
    """What figures are shown by."""

    OVERALL = "overall"
    SECTOR = "sector"
    AGENCY = "agency"
    PROCEDURE = "procedure"
    CHANNEL = "channel"


class Status(StrEnum):
    """How a figure stands against its target, as documents say it."""

    MET = "met"
    UNCERTAIN = "uncertain"
    NOT_MET = "not_met"
    FEW = "few"
    HIDDEN = "hidden"
    PROVISIONAL = "provisional"
    NO_TARGET = "no_target"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: the index of a sector, an agency, a procedure, a channel or the whole.

    Shares and targets are fractions 0–1; None where undefined.
    """

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
    # Share of 4–5 among all ratings of all factors together, and how many these are.
    sipas: float | None = None
    sipas_rated: int = 0
    # Too few ratings for a verdict by the province's rule, and not those of all dossiers either.
    few: bool = False
    # Must not be printed, so that nobody works out another line from the total.
    covers: bool = False

    @property
    def is_hidden(self) -> bool:
        """Whether the line must not be printed: so few rated, or it covers one of these."""
        return self.covers or 0 < self.rated < SMALLEST_SHOWN

    @property
    def status(self) -> Status:
        """Where the figure stands; small samples are never called met or not met."""
        if self.is_hidden:
            return Status.HIDDEN
        if self.target is None and self.rated:
            return Status.NO_TARGET
        if self.few:
            return Status.FEW
        if self.provisional or self.verdict is None:
            return Status.PROVISIONAL
        return Status(self.verdict)

    @property
    def gap(self) -> float:
        """Distance of the index to its target (negative: below); 0 where either is missing."""
        return 0.0 if self.index is None or self.target is None else self.index - self.target


def safe_to_tell(counts: Sequence[int], hidden: Sequence[bool] = ()) -> list[bool]:
    """Which lines of a table with a total may be told: none of 1 … SMALLEST_SHOWN - 1 ratings, none
    that another table hides, and none that would let such a line be worked out.

    Two hidden lines can hold anything up to their sum, so the smallest others are hidden until that
    is SMALLEST_SHOWN; where all lines together are fewer, none is told.
    """
    held = [0 < count < SMALLEST_SHOWN for count in counts]
    held = [one or other for one, other in zip(held, hidden or held, strict=True)]
    if not any(held):
        return [True] * len(counts)
    others = sorted(
        (count, place) for place, count in enumerate(counts) if count and not held[place]
    )
    kept = [count for count, hide in zip(counts, held, strict=True) if count and hide]
    for count, place in others:
        if len(kept) > 1 and sum(kept) >= SMALLEST_SHOWN:
            break
        held[place] = True
        kept.append(count)
    is_safe = len(kept) > 1 and sum(kept) >= SMALLEST_SHOWN
    return [is_safe and not hide for hide in held]


def read_figure(row: Mapping[str, Any]) -> Figure:
    """A figure from one entry of a payload."""
    return Figure(**row)
