"""Parser of dates in exports: text, serial numbers and spreadsheet dates, with or without time."""

import re
from datetime import MAXYEAR, date, datetime, time, timedelta

from survey.dossiers import Timestamp
from survey.intake.folding import tidy

# Serial numbers count days since this one; Excel's false 29 February 1900 is before our range.
SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - wall-clock time of the office, no zone
SERIALS = range(32874, 73051)  # 1990-01-01 to 2100-01-01
OLDEST_YEAR = 1990

_DAY_FIRST = re.compile(
    r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII
)
_YEAR_FIRST = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?", re.ASCII
)
_SERIAL = re.compile(r"\d{5}(?:[.,]\d+)?", re.ASCII)


def read_timestamp(cell: object) -> Timestamp | None:
    """The timestamp in a non-blank cell (text, number or date); None if it cannot be parsed."""
    timestamp = _read(cell)
    return timestamp if timestamp is not None and timestamp.day.year >= OLDEST_YEAR else None


def _read(cell: object) -> Timestamp | None:
    if isinstance(cell, datetime):
        # Spreadsheets store fractions of a day: 10:30:00 may arrive as 10:29:59.9999.
        if cell.year == MAXYEAR:  # rounding could exceed the last year
            return None
        nearest = cell.replace(tzinfo=None) + timedelta(microseconds=500_000)
        return Timestamp(nearest.date(), nearest.time().replace(microsecond=0))
    if isinstance(cell, date):
        return Timestamp(cell)
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return _from_serial(float(cell))
    if not isinstance(cell, str):
        return None
    return _from_text(tidy(cell).lstrip("'"))


def _from_text(text: str) -> Timestamp | None:
    if match := _DAY_FIRST.fullmatch(text):
        day, _, month, year, *clock = match.groups()
        return _build((_full_year(year), month, day), clock)
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day, *clock = match.groups()
        return _build((int(year), month, day), clock)
    if _SERIAL.fullmatch(text):
        return _from_serial(float(text.replace(",", ".")))
    return None


def _full_year(text: str) -> int:
    return int(text) + (2000 if len(text) == len("yy") else 0)


def _build(day: tuple[int, str, str], clock: list[str | None]) -> Timestamp | None:
    year, month, day_of_month = day
    hour, minute, second = clock
    try:
        found = date(year, int(month), int(day_of_month))
        if hour is None or minute is None:
            return Timestamp(found)
        return Timestamp(found, time(int(hour), int(minute), int(second or 0)))
    except ValueError:
        return None


def _from_serial(serial: float) -> Timestamp | None:
    if int(serial) not in SERIALS:
        return None
    seconds = round(serial * 86400)
    found = SERIAL_ZERO + timedelta(seconds=seconds)
    return Timestamp(found.date(), found.time() if seconds % 86400 else None)
