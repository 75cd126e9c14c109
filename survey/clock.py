"""The clock of an application: the one place where the product reads the machine's time.

Edges read the instant here and pass it on as `now`. Leases, sending pace and heartbeats read it
here themselves, since the option `--now` must not change them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from flask import current_app

Clock = Callable[[], datetime]


def machine() -> datetime:
    """The machine's clock, which every application uses unless it was created with another one."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present instant by the clock of this application."""
    return cast("Clock", current_app.extensions["clock"])()
