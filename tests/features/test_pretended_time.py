"""Which instants `--now` accepts, and that no command sends to people at a pretended time."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from survey.clock import Clock
from tests.conftest import Ran, run_command

REAL = {
    "SMS_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "invented",
    "TWILIO_FROM": "+15005550006",
}


@pytest.mark.parametrize("words", [("messages", "send-due"), ("sender", "--once")])
def test_a_pretended_day_sends_nothing_to_people(
    make_app: Callable[..., Flask], clock: Clock, words: tuple[str, str]
) -> None:
    """With `--now` over ten minutes off the clock, a provider that reaches people is refused."""
    app = make_app(**REAL)
    for minutes, code in ((0, 0), (5, 0), (30, 2), (-30, 2)):
        now = clock() + timedelta(minutes=minutes)
        ran = run_command(app, *words, "--now", now.isoformat(), "--json")
        assert ran.code == code, ran.err
    assert run_command(make_app(), *words, "--now", "2026-05-20T03:00Z").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("coverage", "show", "--period", "9999-12"),
        ("index", "show", "--by", "overall", "--period", "0001-01"),
        ("audit", "verify", "--now", "0001-01-01"),
        ("audit", "verify", "--now", "9999-12-31T23:59:59-12:00"),
    ],
)
def test_years_beyond_reckoning_are_wrong_use(
    runner: Callable[..., Ran], words: tuple[str, ...]
) -> None:
    """A month or an instant outside the supported years is refused with a sentence."""
    ran = runner(*words, "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "ví dụ 2026-1" in ran.err
