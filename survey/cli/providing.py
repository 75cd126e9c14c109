"""The SMS provider for commands that send; real messages only at the real time."""

from datetime import datetime, timedelta

from flask import current_app

from survey import clock
from survey.errors import Refused
from survey.messages.providers import Provider, build_provider

CLOCK_TOLERANCE = timedelta(minutes=10)


def provider() -> Provider:
    """The provider of the settings."""
    return build_provider(current_app.extensions["settings"])


def provider_at(now: datetime) -> Provider:
    """The provider for sending at `now`; Refused `not_this_time` if it would reach people."""
    found = provider()
    if not found.abilities.is_loopback and abs(now - clock.now()) > CLOCK_TOLERANCE:
        raise Refused("not_this_time")
    return found
