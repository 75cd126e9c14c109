"""What a demo is drawn from, and the truths planted in it for people and tests to find.

Scale, seed and instant decide everything but tokens, ids and nonces.
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
# Tết begins in one of them.
TET_MONTHS = (1, 2)
CARRIER_DAYS = 12
REPORTED = 3


Value = TypeVar("Value")


def pick(dice: random.Random, shares: Sequence[tuple[Value, float]]) -> Value:
    """One of several values by its share."""
    values = [value for value, _ in shares]
    return dice.choices(values, [share for _, share in shares])[0]


@dataclass(frozen=True, slots=True)
class Days:
    """Days from the first to the last, both within."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether a day lies within."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Scenario:
    """How much is drawn (`dossiers`, `months`), from which `seed`, up to which instant."""

    dossiers: int
    months: int
    seed: int
    now: datetime

    def dice(self, purpose: str) -> random.Random:
        """A source of chance of its own for each purpose, the same for the same scene."""
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
        """The months whose closing day has come."""
        return [month for month in self.periods if month.closable_from <= self.now]

    @property
    def reported_periods(self) -> list[Month]:
        """The months whose reports lie ready, newest first: few, since each takes seconds."""
        return self.closed_periods[: -REPORTED - 1 : -1]

    def workdays(self, calendar: Calendar) -> list[date]:
        """Days on which results were handed out: every working day before today."""
        day = self.periods[0].first_day
        found = []
        while day < self.today:
            if calendar.is_workday(day):
                found.append(day)
            day += timedelta(days=1)
        return found


@dataclass(frozen=True, slots=True)
class PlantedEffects:
    """The effects that are planted, and where.

    1. `fall_from`: land dossiers of the falling unit come late, and its citizens are angry.
    2. `small_month`: the small unit has exactly eight answers, which look bad and prove nothing.
    3. `tet`: work is slow and citizens impatient around Tết (None when no Tết is in the months).
    5. `burst_month`: at one counter a dozen top ratings come within minutes; they carry a flag.
    6. `silence`: phones of one carrier are not reached; nobody is less satisfied.
    7. `crossing_sector`: its share stands on its target in every month.

    4 (online higher than counter), 8 (late and refused dossiers answer less and rate lower) and
    9 (comments with phone and id numbers) hold everywhere.
    """

    fall_from: date
    small_month: Month
    tet: Days | None
    silence: Days
    burst_month: Month
    crossing_sector: str = "investment"


def planted_effects(scenario: Scenario, calendar: Calendar) -> PlantedEffects:
    """Where the planted effects of a scenario are."""
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
    """Days around the Tết whose month the scene holds."""
    for month in scenario.periods:
        tet = calendar.tet(month.year) if month.number in TET_MONTHS else None
        if tet and Month.of(tet[0]) == month:
            return Days(tet[0] - AROUND_TET, tet[1] + timedelta(days=1) + AROUND_TET)
    return None
