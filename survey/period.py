"""Periods of figures: month, quarter, half-year, year, and any other span of whole months.

A period is its code ("2026-10", "2026-Q3", "2026-H1", "2026", "2026-01..2026-10") in a subclass of
`str`: it is hashed, compared for equality, stored and sent as fast as a text, and has the
properties of a calendar period. Equal months have one code: "2026-01..2026-03" is read as
"2026-Q1". Days are local (Asia/Ho_Chi_Minh), instants are UTC.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import ClassVar, Self
from zoneinfo import ZoneInfo

from survey.errors import Invalid

LOCAL = ZoneInfo("Asia/Ho_Chi_Minh")
# A period may be closed from this day of the following month.
CLOSING_DAY = 15
# Other years are typing errors, and databases and time zones cannot calculate with all of them.
YEARS = range(1900, 9000)
# Months of the longest span: ten years.
LONGEST_SPAN = 120
MONTHS_OF_YEAR = 12
MONTH_PATTERN = r"[0-9]{4}-(?:0[1-9]|1[0-2])"


class Period(str):
    """A period of whole months; Invalid `bad_period` for a text that is no code of its kind.

    Periods are ordered by their first month; of two with the same first month the shorter is first.
    """

    __slots__ = ()
    pattern: ClassVar[re.Pattern[str]]
    # Number of months in a period of this kind, and the letter before its number in the code.
    length: ClassVar[int]
    letter: ClassVar[str] = ""

    def __new__(cls, code: str) -> Self:
        """Create a period from a code of this kind."""
        if not cls.pattern.fullmatch(code) or int(code[:4]) not in YEARS:
            raise Invalid("bad_period", code[:20])
        return super().__new__(cls, code)

    def __lt__(self, other: str) -> bool:
        """Whether this period is before another one."""
        return _order(self) < _order(other)

    def __le__(self, other: str) -> bool:
        """Whether this period equals another one or is before it."""
        return _order(self) <= _order(other)

    def __gt__(self, other: str) -> bool:
        """Whether this period is after another one."""
        return _order(self) > _order(other)

    def __ge__(self, other: str) -> bool:
        """Whether this period equals another one or is after it."""
        return _order(self) >= _order(other)

    @property
    def year(self) -> int:
        """The year in which the period begins."""
        return int(self[:4])

    @property
    def number(self) -> int:
        """The number of the period among those of its kind in its year, from 1."""
        return int(self[-1])

    @property
    def first(self) -> "Month":
        """Its first month."""
        return Month.numbered(self.year, (self.number - 1) * self.length + 1)

    @property
    def last(self) -> "Month":
        """Its last month."""
        return self.first.plus(self.length - 1)

    @property
    def months(self) -> "tuple[Month, ...]":
        """Its months in order."""
        first = self.first
        return tuple(first.plus(step) for step in range(first.until(self.last) + 1))

    @property
    def following(self) -> "Period":
        """The period of as many months right after this one."""
        return spanning(self.last.plus(1), self.last.plus(len(self.months)))

    @property
    def previous(self) -> "Period":
        """The period of as many months right before this one."""
        return spanning(self.first.plus(-len(self.months)), self.first.plus(-1))

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(self.first.year, self.first.number, 1)

    @property
    def day_after(self) -> date:
        """The first day after the period."""
        return self.last.plus(1).first_day

    @property
    def begins(self) -> datetime:
        """Its first instant."""
        return _midnight(self.first_day)

    @property
    def ends(self) -> datetime:
        """The first instant after the period."""
        return _midnight(self.day_after)

    @property
    def closable_from(self) -> datetime:
        """The instant from which it may be closed: midnight of day 15 of the next month."""
        return _midnight(self.day_after.replace(day=CLOSING_DAY))

    def covers(self, other: "Period") -> bool:
        """Whether every month of another period is a month of this one."""
        return self.first <= other.first and other.last <= self.last


class Month(Period):
    """A month: "2026-10"."""

    __slots__ = ()
    pattern = re.compile(MONTH_PATTERN)
    length = 1

    @classmethod
    def at(cls, instant: datetime) -> "Month":
        """The local month of an aware instant."""
        return cls.of(instant.astimezone(LOCAL).date())

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month of a local day."""
        return month_of(day.isoformat()[:7])

    @classmethod
    def numbered(cls, year: int, number: int) -> "Month":
        """The month with this number, from 1, in a year."""
        return month_of(f"{year:04d}-{number:02d}")

    @property
    def number(self) -> int:
        """The number of the month in its year, from 1."""
        return int(self[5:])

    @property
    def first(self) -> "Month":
        """The month itself."""
        return self

    @property
    def last(self) -> "Month":
        """The month itself."""
        return self

    @property
    def following(self) -> "Month":
        """The following month."""
        return self.plus(1)

    @property
    def previous(self) -> "Month":
        """The month before this one."""
        return self.plus(-1)

    @property
    def around(self) -> "tuple[Quarter, HalfYear, Year]":
        """The quarter, the half-year and the year that contain the month."""
        year, before = self[:4], self.number - 1
        quarter, half = before // Quarter.length + 1, before // HalfYear.length + 1
        return Quarter(f"{year}-Q{quarter}"), HalfYear(f"{year}-H{half}"), Year(year)

    def plus(self, months: int) -> "Month":
        """The month that is `months` later, or earlier when negative."""
        year, number = divmod(self.number - 1 + months, MONTHS_OF_YEAR)
        return Month.numbered(self.year + year, number + 1)

    def until(self, other: "Month") -> int:
        """The number of months from this month to another one; negative when that is earlier."""
        return (other.year - self.year) * MONTHS_OF_YEAR + other.number - self.number


class Quarter(Period):
    """A quarter: "2026-Q3"."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{4}-Q[1-4]")
    length = 3
    letter = "Q"


class HalfYear(Period):
    """A half-year: "2026-H1"."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{4}-H[12]")
    length = 6
    letter = "H"


class Year(Period):
    """A year: "2026"."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{4}")
    length = MONTHS_OF_YEAR

    @property
    def number(self) -> int:
        """Always 1."""
        return 1


class Span(Period):
    """Any other months in a row: "2026-01..2026-10"; Invalid `backward_months`, `span_too_long`."""

    __slots__ = ()
    pattern = re.compile(rf"{MONTH_PATTERN}\.\.{MONTH_PATTERN}")

    def __new__(cls, code: str) -> Self:
        """Create a span; its last month may not be before its first."""
        span = super().__new__(cls, code)
        months = span.first.until(span.last)
        if months < 0:
            raise Invalid("backward_months", code)
        if months >= LONGEST_SPAN:
            raise Invalid("span_too_long", code)
        return span

    @property
    def first(self) -> "Month":
        """Its first month."""
        return month_of(self[:7])

    @property
    def last(self) -> "Month":
        """Its last month."""
        return month_of(self[-7:])


KINDS = (Month, Quarter, HalfYear, Year, Span)
# Kinds whose periods begin at fixed months of the year, by their length.
FIXED = {kind.length: kind for kind in (Quarter, HalfYear, Year)}
# Cached, since every row and every ballot of a month brings the same text.
month_of = lru_cache(maxsize=4096)(Month)


def period_of(code: str) -> Period:
    """The period of a code; Invalid `bad_period`, `backward_months` or `span_too_long`."""
    for kind in KINDS:
        if kind.pattern.fullmatch(code):
            read = kind(code)
            return spanning(read.first, read.last)
    raise Invalid("bad_period", code[:20])


def spanning(first: Month, last: Month) -> Period:
    """The period from one month to another, both included.

    Invalid `backward_months` or `span_too_long`.
    """
    length = first.until(last) + 1
    if length == 1:
        return first
    kind = FIXED.get(length)
    if kind is None or (first.number - 1) % length:
        return Span(f"{first}..{last}")
    number = (first.number - 1) // length + 1
    return kind(f"{first[:4]}-{kind.letter}{number}" if kind.letter else first[:4])


def _order(one: str) -> tuple[str, str]:
    """The sort key: first and last month as plain texts, which works as years have four digits."""
    if isinstance(one, Period):
        return str(one.first), str(one.last)
    return one, one


@lru_cache(maxsize=4096)
def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=LOCAL).astimezone(UTC)
