"""The clock of an application: the one place where the product reads the machine's time.

Edges ask here and hand the instant on as `now`; leases and pace of several processes ask here too,
since `--now` must not move them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

from flask import current_app

Clock = Callable[[], datetime]


def machine() -> datetime:
    """The machine's clock, which every application has unless it was created with another."""
    return datetime.now(UTC)


def now() -> datetime:
    """The present instant by the clock of this application."""
    return cast("Clock", current_app.extensions["clock"])()
