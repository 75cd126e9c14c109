"""One figure: the index of a line with its interval, accompanying numbers, and its verdict.

Index = post-stratified share of ratings 4–5. While a month is open, the interval is a confidence
sequence (any-time interval); at the closing it is the guarded interval.
`survey.reports.formula_reference` explains both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from survey.disclosure import is_small

# Name and version of the formulas; any change of the computation gets a new version.
FORMULA = "post-stratified-guarded/1"
LIVE_FORMULA = "post-stratified-anytime/1"


class Status(StrEnum):
    """Status of a figure against its target, as printed in documents."""

    MET = "met"
    UNCERTAIN = "uncertain"
    NOT_MET = "not_met"
    FEW = "few"
    SUPPRESSED = "hidden"
    PROVISIONAL = "provisional"
    NO_TARGET = "no_target"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a table: the index of a sector, agency, procedure, channel or the province.

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
    # True when the target comes from another province's target schedule, used as the default.
    target_is_default: bool = False
    # Share of ratings 4–5 among all ratings of all factors together, and the number of these.
    sipas: float | None = None
    sipas_rated: int = 0
    # Fewer ratings than the province's rule asks for a verdict, and not every dossier is rated.
    few: bool = False
    # Suppressed so that no small line can be worked out from the total (complementary suppression).
    covers: bool = False

    @property
    def is_suppressed(self) -> bool:
        """Whether the line must not be published: primary or complementary suppression."""
        return self.covers or is_small(self.rated)

    @property
    def status(self) -> Status:
        """Status against the target; a small sample is never met or not met."""
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
