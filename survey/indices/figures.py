"""One figure: the index of a scope with its interval, what stands beside it, and its verdict.

Index = post-stratified share of ratings 4–5. Before the closing of a month its interval is the
any-time one, at the closing the guarded one (`survey.reports.formula_reference` explains both).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from survey.disclosure import is_small

# Name and version of the formulas; a change of what is computed is a new version.
FORMULA = "post-stratified-guarded/1"
LIVE_FORMULA = "post-stratified-anytime/1"


class Status(StrEnum):
    """How a figure stands against its target, as documents say it."""

    MET = "met"
    UNCERTAIN = "uncertain"
    NOT_MET = "not_met"
    FEW = "few"
    SUPPRESSED = "hidden"
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
    def is_suppressed(self) -> bool:
        """Whether the line must not be printed: so few rated, or it covers one of these."""
        return self.covers or is_small(self.rated)

    @property
    def status(self) -> Status:
        """Where the figure stands; small samples are never called met or not met."""
        if self.is_suppressed:
            return Status.SUPPRESSED
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


def read_figure(row: Mapping[str, Any]) -> Figure:
    """A figure from one entry of a payload."""
    return Figure(**row)
