"""Vietnam's calendar: public holidays, the window for sending, and the offices' working hours.
Instants are aware and leave in UTC; days and hours of day are local (Asia/Ho_Chi_Minh).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path
from runpy import run_path
from typing import cast

import holidays

from survey import period

LOCAL = period.LOCAL
OFFICE_HOURS = ((time(7, 30), time(11, 30)), (time(13, 30), time(17)))
CLOSING_TIME = time(17)
TET_NOT_BEFORE, TET_LAST_MONTH, TET_LEAST_DAYS = 10, 2, 5
TET_WEEKS = timedelta(weeks=2)
_SATURDAY = 5
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The state's holidays with a province's own: days off besides, and weekends worked instead."""

    extra_off: frozenset[date] = frozenset()
    swap_work: frozenset[date] = frozenset()

    def is_holiday(self, day: date) -> bool:
        """Whether the offices keep `day` as a public holiday (weekends are not holidays)."""
        if day in self.swap_work:
            return False
        return day in self.extra_off or day in _state_holidays(day.year)[0]

    def is_workday(self, day: date) -> bool:
        """Whether the offices are open on `day`."""
        if day in self.swap_work:
            return True
        if self.is_holiday(day):
            return False
        return day.weekday() < _SATURDAY or day in _state_holidays(day.year)[1]

    def tet(self, year: int) -> tuple[date, date] | None:
        """First and last day of the year's longest holiday; None when no run of five days is there.

        No other holiday has so many days in a row.
        """
        day = date(year, 1, TET_NOT_BEFORE)
        while day.month <= TET_LAST_MONTH:
            run = 0
            while self.is_holiday(day + timedelta(days=run)):
                run += 1
            if run >= TET_LEAST_DAYS:
                return day, day + timedelta(days=run - 1)
            day += timedelta(days=max(run, 1))
        return None

    def in_tet_weeks(self, day: date) -> bool:
        """Whether a day lies within two weeks of Tết, when work is hurried, then waits."""
        tet = self.tet(day.year)
        return tet is not None and tet[0] - TET_WEEKS <= day <= tet[1] + TET_WEEKS

    def next_send_time(self, at: datetime, window_start: time, window_end: time) -> datetime:
        """Earliest instant from `at` on that lies in the local window of a day without holiday.

        Weekends are allowed. The window's end itself is already outside.
        """
        local = at.astimezone(LOCAL)
        day = local.date()
        if local.time() >= window_end:
            day += timedelta(days=1)
        while self.is_holiday(day):
            day += timedelta(days=1)
        return max(at.astimezone(UTC), _instant(day, window_start))

    def seconds_left_in_window(self, at: datetime, window_start: time, window_end: time) -> int:
        """Whole seconds until the window closes; 0 outside of it and on holidays."""
        if self.next_send_time(at, window_start, window_end) > at:
            return 0
        return int((_instant(local_day(at), window_end) - at).total_seconds())

    def add_working_hours(self, start: datetime, hours: float) -> datetime:
        """Instant at which `hours` (>= 0) of office time have passed since `start`."""
        left = timedelta(hours=hours)
        spells = self._office_spells(start)
        opens, closes = next(spells)
        while max(opens, start) + left > closes:
            left -= closes - max(opens, start)
            opens, closes = next(spells)
        return max(opens, start) + left

    def working_hours_between(self, start: datetime, end: datetime) -> float:
        """Hours of office time between two instants; 0 if `end` is not after `start`."""
        spells = takewhile(lambda spell: spell[0] < end, self._office_spells(start))
        worked = (min(closes, end) - max(opens, start) for opens, closes in spells)
        return max(sum(worked, timedelta()), timedelta()) / _HOUR

    def _office_spells(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Opening spells of the offices that end after `start`, without end."""
        day = local_day(start)
        while True:
            if self.is_workday(day):
                for opens, closes in OFFICE_HOURS:
                    if _instant(day, closes) > start:
                        yield _instant(day, opens), _instant(day, closes)
            day += timedelta(days=1)


def local_day(at: datetime) -> date:
    """Day of an aware instant on the wall of the office."""
    return at.astimezone(LOCAL).date()


def local_midnight(at: datetime) -> datetime:
    """Instant (UTC) at which the local day of an aware instant begins."""
    return _instant(local_day(at), time())


def finish_instant(value: date | datetime) -> datetime:
    """Instant (UTC) of a finish; a day alone counts as 17:00 local, a naive time as local."""
    if not isinstance(value, datetime):
        return _instant(value, CLOSING_TIME)
    if value.tzinfo is None:
        value = value.replace(tzinfo=LOCAL)
    return value.astimezone(UTC)


@lru_cache(maxsize=4096)
def _instant(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=LOCAL).astimezone(UTC)


def state_holidays(first: date, last: date) -> list[tuple[date, str]]:
    """The state's days off between two days (both included), with their Vietnamese names."""
    return [
        (day, name)
        for year in range(first.year, last.year + 1)
        for day, name in sorted(_state_holidays(year)[0].items())
        if first <= day <= last
    ]


@cache
def _state_holidays(year: int) -> tuple[dict[date, str], frozenset[date]]:
    """The state's days off in a year, and the weekend days worked to make up for some of them."""
    calendar = _vietnam()(years=[year], language="vi")
    return dict(calendar), frozenset(calendar.weekend_workdays)


@cache
def _vietnam() -> type[holidays.HolidayBase]:
    """Vietnam's calendar from its file alone: the package of countries loads 250 others with it,
    which takes 7 MiB of every process and 0.4 s of every command.
    """
    file = Path(holidays.__file__).parent / "countries" / "vietnam.py"
    return cast("type[holidays.HolidayBase]", run_path(str(file))["Vietnam"])
