"""Timestamps with or without a time of day: most sources report only days."""

from datetime import date, datetime, time
from typing import NamedTuple

from survey.province.workdays import LOCAL


class Timestamp(NamedTuple):
    """A local day (UTC+7) and the time of day, None where the source gives only the day."""

    day: date
    clock: time | None = None

    def __str__(self) -> str:
        """ISO 8601 without a zone; seconds only if they are not zero."""
        if self.clock is None:
            return self.day.isoformat()
        spec = "seconds" if self.clock.second else "minutes"
        return f"{self.day.isoformat()}T{self.clock.isoformat(spec)}"

    @property
    def instant(self) -> datetime:
        """The instant as stored: local midnight for a day without a time."""
        return datetime.combine(self.day, self.clock or time(), LOCAL)

    def is_no_more_exact_than(self, known: "Timestamp") -> bool:
        """Whether it equals `known`, or is only the day of `known`."""
        return self == known or (self.clock is None and self.day == known.day)


def timestamp_of(at: datetime, *, has_time: bool) -> Timestamp:
    """The timestamp of a stored instant, in local time."""
    local = at.astimezone(LOCAL)
    return Timestamp(local.date(), local.time() if has_time else None)
