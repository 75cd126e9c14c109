"""Vietnam's calendar: public holidays, the send window, and the offices' working hours.

Instants are aware and returned in UTC; days and times of day are local (Asia/Ho_Chi_Minh).
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
    """The national calendar with a province's special days.

    `extra_off`: further holidays. `swap_work`: days worked in exchange, such as Saturdays.
    """

    extra_off: frozenset[date] = frozenset()
    swap_work: frozenset[date] = frozenset()

    def is_holiday(self, day: date) -> bool:
        """Whether `day` is a public holiday, national or of the province (weekends are not)."""
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
        """First and last day of the Tết (Lunar New Year) holiday; None if it is not found.

        Tết is the first run of five or more holidays between 10 January and the end of February:
        no other holiday has so many days in a row.
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
        """Whether a day lies within two weeks of Tết: work is hurried before it and waits after."""
        tet = self.tet(day.year)
        return tet is not None and tet[0] - TET_WEEKS <= day <= tet[1] + TET_WEEKS

    def next_send_time(self, at: datetime, window_start: time, window_end: time) -> datetime:
        """Earliest instant from `at` on that lies in the send window of a day that is no holiday.

        The window is local time, its end excluded. Weekends are allowed.
        """
        local = at.astimezone(LOCAL)
        day = local.date()
        if local.time() >= window_end:
            day += timedelta(days=1)
        while self.is_holiday(day):
            day += timedelta(days=1)
        return max(at.astimezone(UTC), _instant(day, window_start))

    def seconds_left_in_window(self, at: datetime, window_start: time, window_end: time) -> int:
        """Whole seconds until the send window closes; 0 outside the window and on holidays."""
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
        """Yield (opening, closing) of all office hours that end after `start`, endlessly."""
        day = local_day(start)
        while True:
            if self.is_workday(day):
                for opens, closes in OFFICE_HOURS:
                    if _instant(day, closes) > start:
                        yield _instant(day, opens), _instant(day, closes)
            day += timedelta(days=1)


def local_day(at: datetime) -> date:
    """Local day of an aware instant."""
    return at.astimezone(LOCAL).date()


def local_midnight(at: datetime) -> datetime:
    """Instant (UTC) at which the local day of an aware instant begins."""
    return _instant(local_day(at), time())


def finish_instant(value: date | datetime) -> datetime:
    """Instant (UTC) of a dossier's finish; a date counts as 17:00 local, a naive time as local."""
    if not isinstance(value, datetime):
        return _instant(value, CLOSING_TIME)
    if value.tzinfo is None:
        value = value.replace(tzinfo=LOCAL)
    return value.astimezone(UTC)


@lru_cache(maxsize=4096)
def _instant(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=LOCAL).astimezone(UTC)


def state_holidays(first: date, last: date) -> list[tuple[date, str]]:
    """National days off between two days (both included), with their Vietnamese names."""
    return [
        (day, name)
        for year in range(first.year, last.year + 1)
        for day, name in sorted(_state_holidays(year)[0].items())
        if first <= day <= last
    ]


@cache
def _state_holidays(year: int) -> tuple[dict[date, str], frozenset[date]]:
    """National days off in a year (day → name), and weekend days worked in exchange for some."""
    calendar = _vietnam()(years=[year], language="vi")
    return dict(calendar), frozenset(calendar.weekend_workdays)


@cache
def _vietnam() -> type[holidays.HolidayBase]:
    """The class of Vietnam's holidays, loaded from its file alone.

    Importing it from its package would load 250 other countries, which takes 7 MiB of every process
    and 0.4 s of every command.
    """
    file = Path(holidays.__file__).parent / "countries" / "vietnam.py"
    return cast("type[holidays.HolidayBase]", run_path(str(file))["Vietnam"])
