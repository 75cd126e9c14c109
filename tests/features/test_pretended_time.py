"""Where messages reach people, a command may not pretend that it is another day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from tests.conftest import run_command

REAL = {
    "SMS_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "invented",
    "TWILIO_FROM": "+15005550006",
}


@pytest.mark.parametrize("words", [("messages", "send-due"), ("worker", "--once")])
def test_a_pretended_day_sends_nothing_to_people(
    make_app: Callable[..., Flask], words: tuple[str, str]
) -> None:
    """Ten minutes off the clock is too far for a provider that is not on this machine."""
    app = make_app(**REAL)
    for minutes, code in ((0, 0), (5, 0), (30, 2), (-30, 2)):
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        ran = run_command(app, *words, "--now", now.isoformat(), "--json")
        assert ran.code == code, ran.err
    assert run_command(make_app(), *words, "--now", "2026-05-20T03:00Z").code == 0
