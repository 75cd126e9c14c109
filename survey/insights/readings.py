"""The counts of one month as input of comparisons: current ones, or those of its closing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy.orm import Session

from analysis.nonresponse import Nonresponse
from survey.disclosure import Key
from survey.indices import LEAST_SHOWN, Breakdown
from survey.indices.answers import source_of
from survey.indices.line_counts import (
    Line,
    Ratings,
    Source,
    Stored,
    Stratum,
    counts,
    lines_of,
    strata_of,
)
from survey.indices.payload import read_inputs
from survey.indices.scoring import nonresponse
from survey.models.dossier import Lateness
from survey.models.questionnaire import OVERALL
from survey.period import Month, month_of

# (sector, late) → (finished, rated, satisfied): strata fine enough to separate a change of mix from
# a change of quality.
Mix = Mapping[tuple[str, bool], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Unit:
    """One line of a month with its mix of dossiers.

    `is_published` is False where the tables of the month suppress the line.
    """

    key: str
    label: str
    mix: Mix
    is_published: bool = True

    @property
    def rated(self) -> int:
        """Ratings of all strata."""
        return sum(rated for _, rated, _ in self.mix.values())

    @property
    def satisfied(self) -> int:
        """Ratings 4 and 5 of all strata."""
        return sum(good for _, _, good in self.mix.values())


@dataclass(frozen=True, slots=True)
class Reading:
    """A month (YYYY-MM) with its counts, the lines of each breakdown, and the suppressed lines."""

    month: Month
    source: Source
    lines: Callable[[Breakdown], Sequence[Line]]
    suppressed: frozenset[Key]
    _units: dict[Breakdown, Sequence[Unit]] = field(default_factory=dict)

    def units(self, by: Breakdown) -> Sequence[Unit]:
        """Every line of a breakdown with its counts, read once."""
        if by not in self._units:
            self._units[by] = [
                Unit(line.key, line.label, _mix(strata), (by, line.key) not in self.suppressed)
                for line, strata in strata_of(self.source, self.lines(by), by, OVERALL)
            ]
        return self._units[by]

    def nonresponse(self) -> Nonresponse | None:
        """Non-response over the strata of the whole province; None with too few ratings."""
        lines = self.lines(Breakdown.OVERALL)
        (whole,) = counts(self.source, lines, Breakdown.OVERALL, OVERALL)
        rated = sum(sum(ratings) for _, ratings in whole.strata.values())
        return nonresponse(whole) if rated >= LEAST_SHOWN else None


def as_it_stands(session: Session, month: Month, suppressed: frozenset[Key]) -> Reading:
    """The current counts, including answers given after the closing."""
    source = Stored(session, month)
    lines = cache(lambda by: lines_of(session, month, by, source))
    return Reading(month, source, lines, suppressed)


def as_closed(payload: Mapping[str, Any], suppressed: frozenset[Key]) -> Reading:
    """The counts stored in the payload of a closing."""
    lines = read_inputs(payload["inputs"]).lines
    return Reading(month_of(payload["month"]), source_of(payload), lines.__getitem__, suppressed)


def _mix(strata: Mapping[Stratum, tuple[int, Ratings]]) -> Mix:
    found: dict[tuple[str, bool], tuple[int, int, int]] = {}
    for (sector, _channel, lateness), (finished, ratings) in strata.items():
        key = (sector, lateness == Lateness.LATE)
        whole, rated, good = found.get(key, (0, 0, 0))
        found[key] = (whole + finished, rated + sum(ratings), good + ratings[3] + ratings[4])
    return found
