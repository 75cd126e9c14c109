"""The settings of the province: their keys, and the validation and text form of their values."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time
from enum import StrEnum

from survey.errors import Invalid
from survey.models.organisation import Sector
from survey.models.province import DayKind, SendBias

# Most digits of a number that is parsed; no setting needs so many.
MOST_DIGITS = 8
TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
LONGEST_NOTE = 200
# Prefixes of keys: the share of a sector that is asked, and a day of the calendar.
SHARE = "sample_"
DAY = "day_"
# The value of a day on which the province follows the national calendar.
ORDINARY = "none"


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number in ASCII digits between two bounds, both included."""

    least: int
    most: int

    def read(self, text: str) -> int:
        """Parse a number; Invalid `out_of_bounds` names the bounds."""
        digits = text.strip()
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS
        if not is_number or not self.least <= int(digits) <= self.most:
            raise Invalid("out_of_bounds", f"{self.least}–{self.most}")
        return int(digits)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A local time, HH:MM or HH:MM:SS."""

    def read(self, text: str) -> time:
        """Parse a time; Invalid `bad_time`."""
        if found := TIME.fullmatch(text.strip()):
            with suppress(ValueError):
                hour, minute, second = map(int, found.groups("0"))
                return time(hour, minute, second)
        raise Invalid("bad_time")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration."""

    options: type[StrEnum]

    def read(self, text: str) -> StrEnum:
        """Parse a value; Invalid `not_a_choice` names the allowed values."""
        try:
            return self.options(text.strip())
        except ValueError:
            raise Invalid("not_a_choice", ", ".join(self.options)) from None


NUMBERS: Mapping[str, WholeNumber] = {
    "invite_delay_minutes": WholeNumber(0, 10_080),
    "link_days": WholeNumber(1, 90),
    "max_age_days": WholeNumber(1, 365),
    "phone_gap_days": WholeNumber(0, 365),
    "phone_week_cap": WholeNumber(1, 20),
    "reminder_days": WholeNumber(0, 30),
    "intermediary_over": WholeNumber(1, 1_000),
    "intermediary_days": WholeNumber(1, 365),
    "full_percent": WholeNumber(0, 100),
    "followup_percent": WholeNumber(0, 100),
    "confidence_percent": WholeNumber(80, 99),
    "verdict_from": WholeNumber(5, 1_000),
}
# Each key is the column of `Province` that holds the value.
RULES: Mapping[str, WholeNumber | TimeOfDay | Choice] = {
    "window_start": TimeOfDay(),
    "window_end": TimeOfDay(),
    **NUMBERS,
    "send_bias": Choice(SendBias),
}
SAMPLE_PERCENT = WholeNumber(0, 100)
DAY_KIND = Choice(DayKind)


def share_key(sector: Sector) -> str:
    """The key of the share (percent) of a sector's finished dossiers that is asked."""
    return f"{SHARE}{sector.code}"


def day_key(day: date) -> str:
    """The key of a day of the calendar."""
    return f"{DAY}{day}"


def read_day(key: str) -> date:
    """Parse the day of a key; Invalid `bad_day` if it is not a date written YYYY-MM-DD."""
    text = key.removeprefix(DAY)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise Invalid("bad_day")
    return day


def read_day_kind(text: str) -> tuple[StrEnum, str] | None:
    """Parse kind and note of a special day; None for an ordinary day ("none").

    Invalid `not_a_choice`, `note_too_long` (over 200 characters).
    """
    kind, _, note = text.partition(" ")
    if text.strip() == ORDINARY:
        return None
    if len(note.strip()) > LONGEST_NOTE:
        raise Invalid("note_too_long", f"{LONGEST_NOTE}")
    return DAY_KIND.read(kind), note.strip()


def written(value: object) -> str:
    """A value as text that `read` accepts."""
    if isinstance(value, time):
        return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"
    return str(value)
