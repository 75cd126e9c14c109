"""The scenario of a demo, and the effects planted in its data for people and tests to find.

Scale, seed and time determine everything but tokens, ids and nonces.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from survey.period import Month
from survey.province.workdays import Calendar, local_day

FALL_MONTHS_AGO = 4
FALL_DAY = 12
AROUND_TET = timedelta(days=12)
# Tết begins in one of these months.
TET_MONTHS = (1, 2)
CARRIER_DAYS = 12
REPORTED = 3


Value = TypeVar("Value")


def pick(dice: random.Random, shares: Sequence[tuple[Value, float]]) -> Value:
    """One of several values, drawn by its share."""
    values = [value for value, _ in shares]
    return dice.choices(values, [share for _, share in shares])[0]


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both ends included."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether a day is in the range."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Scenario:
    """The size (`dossiers`, `months`), the `seed`, and the time at which the data end."""

    dossiers: int
    months: int
    seed: int
    now: datetime

    def dice(self, purpose: str) -> random.Random:
        """A random generator per purpose, the same for the same seed."""
        return random.Random(f"{self.seed}:{purpose}")

    @property
    def today(self) -> date:
        """The local day of `now`."""
        return local_day(self.now)

    @property
    def periods(self) -> list[Month]:
        """The months (YYYY-MM), oldest first; the last one is that of `now`."""
        found = [Month.at(self.now)]
        while len(found) < self.months:
            found.append(found[-1].previous)
        return found[::-1]

    @property
    def closed_periods(self) -> list[Month]:
        """The months whose period close is due."""
        return [month for month in self.periods if month.closable_from <= self.now]

    @property
    def reported_periods(self) -> list[Month]:
        """The months with ready-made reports, newest first: few, because each takes seconds."""
        return self.closed_periods[: -REPORTED - 1 : -1]

    def workdays(self, calendar: Calendar) -> list[date]:
        """The days on which results were handed out: every working day before today."""
        day = self.periods[0].first_day
        found = []
        while day < self.today:
            if calendar.is_workday(day):
                found.append(day)
            day += timedelta(days=1)
        return found


@dataclass(frozen=True, slots=True)
class PlantedEffects:
    """The planted effects and where they are.

    1. `fall_from`: land dossiers of the falling unit are late, and its citizens are dissatisfied.
    2. `small_month`: the small unit has exactly eight answers, which look bad but prove nothing.
    3. `tet`: dossiers are late and citizens dissatisfied around Tết (None without a Tết).
    5. `burst_month`: at one counter a dozen top ratings come within minutes; they are flagged.
    6. `silence`: one carrier's phones are not reached; satisfaction is the same.
    7. `crossing_sector`: its share is on its target in every month.

    4 (online higher than counter), 8 (late and refused dossiers answer less and rate worse) and
    9 (comments with phone and id numbers) are everywhere.
    """

    fall_from: date
    small_month: Month
    tet: Days | None
    silence: Days
    burst_month: Month
    crossing_sector: str = "investment"


def planted_effects(scenario: Scenario, calendar: Calendar) -> PlantedEffects:
    """Where the effects of a scenario are planted."""
    periods = scenario.periods
    fall = periods[max(len(periods) - 1 - FALL_MONTHS_AGO, 0)]
    last_closed = (scenario.closed_periods or periods)[-1]
    first = last_closed.first_day
    return PlantedEffects(
        fall_from=fall.first_day + timedelta(days=FALL_DAY - 1),
        small_month=last_closed,
        tet=_tet(scenario, calendar),
        burst_month=last_closed,
        silence=Days(first, first + timedelta(days=CARRIER_DAYS - 1)),
    )


def _tet(scenario: Scenario, calendar: Calendar) -> Days | None:
    """Days around a Tết that is in the scenario's months."""
    for month in scenario.periods:
        tet = calendar.tet(month.year) if month.number in TET_MONTHS else None
        if tet and Month.of(tet[0]) == month:
            return Days(tet[0] - AROUND_TET, tet[1] + timedelta(days=1) + AROUND_TET)
    return None
