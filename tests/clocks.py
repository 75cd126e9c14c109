"""What time it is for applications under test, and how long tests wait for other processes."""

import time
from datetime import UTC, datetime, timedelta

# A Friday, 16:40 in Viet Nam: office hours, and citizens may be written to.
NOW = datetime(2026, 11, 20, 9, 40, tzinfo=UTC)
# Seconds for what comes within a second on a good day: a loaded machine is slow, not wrong.
PATIENCE = 300


class SetClock:
    """A clock that begins at a chosen instant and then goes on like any other."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def set(self, at: datetime) -> None:
        """Go on from another instant."""
        self._at, self._begun = at, time.monotonic()

    def __call__(self) -> datetime:
        """The present instant."""
        return self._at + timedelta(seconds=time.monotonic() - self._begun)
