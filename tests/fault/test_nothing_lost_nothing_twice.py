"""Senders are killed in mid-flight while Twilio goes wrong in every way: three ledgers agree."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time as clock_time
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from werkzeug.serving import make_server

from survey import invitations
from survey.clock import machine
from survey.models.count import Frame
from survey.models.message import Message, MessageKind, MessageState
from survey.models.province import Province, SpecialDay
from survey.province.workdays import local_day
from tests.clocks import PATIENCE
from tests.conftest import running, unit_of_work
from tests.fault.hostile import FAULTS, TOKEN, HostileTwilio
from tests.house.source import ROOT
from tests.messages.fake_twilio import ACCOUNT, on_line
from tests.seeding import Wanted, ask_everybody, finish
from tests.serving import served

SENDERS = 4
# The senders' clock goes so much faster than the real one.
SPEED = 60
LEASE_SECONDS = 10
# A play lasts a minute on a good day.
PLAY_PATIENCE = 5 * PATIENCE
# For a call to begin; in the end there may be none.
CALL_PATIENCE = 5
INVITED = Message.kind == MessageKind.INVITATION
OPEN = (MessageState.READY, MessageState.SENDING, MessageState.UNKNOWN)


@dataclass(frozen=True)
class Play:
    """How much is sent, how often somebody is killed, and whether asking the provider helps."""

    messages: int
    kills: int
    sees: bool = True


@dataclass
class Outcome:
    """What one run came to."""

    kills: int
    in_flight: int
    hits: Counter[str]
    ours: dict[str, tuple[str, str, str]]
    provider: list[tuple[str, str, str]]
    handset: list[tuple[str, str, str]]
    seconds: float

    @property
    def doubled(self) -> int:
        """Texts that reached a phone more often than once."""
        return sum(times - 1 for times in Counter(text for _, text, _ in self.handset).values())

    @property
    def lost(self) -> int:
        """Texts that reached no phone."""
        return len(set(self.ours) - {text for _, text, _ in self.handset})

    def __str__(self) -> str:
        states = Counter(state for state, _, _ in self.ours.values())
        return (
            f"{self.kills} kills ({self.in_flight} calls in flight) in {self.seconds:.0f} s; "
            f"lost {self.lost}, doubled {self.doubled}; ours {len(self.ours)} {dict(states)}, "
            f"provider's log {len(self.provider)}, handsets {len(self.handset)}; "
            f"faults {dict(sorted(self.hits.items()))}"
        )


@pytest.fixture
def act(environment):
    """`act(play)`: one run to its end."""

    def run(play):
        twilio = HostileTwilio()
        with on_line(twilio), _web(environment, twilio.url) as (app, env):
            _seed(app, play.messages)
            with unit_of_work(app) as session:
                texts = {_text(one): one.id for one in session.scalars(select(Message))}
            begun = time.monotonic()
            kills, in_flight = _kill_until_done(app, env, play)
            seconds = time.monotonic() - begun
            twilio.settle()
            ours = _ours(app, texts)
            adds_up = _adds_up(app)
        assert twilio.broken == []
        assert adds_up
        log = [(str(one["to"]), str(one["body"]), str(one["sid"])) for one in twilio.messages]
        return Outcome(kills, in_flight, twilio.hits, ours, log, twilio.handset, seconds)

    return run


@contextmanager
def _web(environment, twilio_url):
    """The pages that receipts are brought to, and the environment of the senders."""
    server = make_server("127.0.0.1", 0, None, threaded=True)
    env = {
        **environment,
        "PUBLIC_URL": f"http://127.0.0.1:{server.server_port}",
        "SMS_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_FROM": "+15005550006",
        "TWILIO_API_BASE": twilio_url,
        "SMS_RATE": "45",
        "LOG_LEVEL": "ERROR",
    }
    with running(env, machine) as app:
        server.app = app
        with served(server):
            yield app, env


def _seed(app, messages):
    """Invitations, some phones with two; the window never closes today or tomorrow."""
    now = machine()
    phones = [f"+8490{number % (messages * 5 // 6):07d}" for number in range(messages)]
    done = now - timedelta(hours=3)
    with unit_of_work(app) as session:
        ask_everybody(session)
        province = session.scalars(select(Province)).one()
        province.phone_gap_days = 0
        province.window_start, province.window_end = clock_time(0), clock_time(23, 59, 59)
        for days in range(2):
            session.add(SpecialDay(day=local_day(now) + timedelta(days), kind="swap_work"))
        wanted = [
            Wanted(number, phone=phone, finished_at=done) for number, phone in enumerate(phones)
        ]
        finish(session, wanted, now)


def _text(message):
    return message.body


def _kill_until_done(app, env, play):
    """Kill a sender every moment, start another; then wait until nothing is open."""
    dice = random.Random(7)
    words = (str(SPEED), str(LEASE_SECONDS), str(int(play.sees)))
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.fault.senders", *words],
        cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    alive = [_start(nursery) for _ in range(SENDERS)]
    in_flight = 0
    try:
        for _ in range(play.kills):
            time.sleep(dice.uniform(0.1, 0.5))
            victim = dice.choice(_calling(app, alive) or alive)
            alive.remove(victim)
            os.kill(victim, signal.SIGKILL)
            in_flight += _held_by(app, victim)
            alive.append(_start(nursery))
        _wait_until_nothing_is_open(app)
    finally:
        for one in alive:
            os.kill(one, signal.SIGKILL)
        nursery.communicate()
    return play.kills, in_flight


def _start(nursery):
    nursery.stdin.write("\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def _calling(app, alive):
    """Living workers with calls in flight, as soon as there are any; none when nothing leaves."""
    until = time.monotonic() + CALL_PATIENCE
    query = select(Message.owner).where(Message.state == MessageState.SENDING).distinct()
    while time.monotonic() < until:
        with unit_of_work(app) as session:
            owners = {owner.rpartition(":")[2] for owner in session.scalars(query)}
        if calling := [process for process in alive if str(process) in owners]:
            return calling
        time.sleep(0.1)
    return []


def _held_by(app, process):
    """Messages that a dead sender was handing over."""
    query = select(func.count()).where(
        Message.state == MessageState.SENDING, Message.owner.endswith(f":{process}")
    )
    with unit_of_work(app) as session:
        return session.scalar(query)


def _wait_until_nothing_is_open(app):
    until = time.monotonic() + PLAY_PATIENCE
    while time.monotonic() < until:
        with unit_of_work(app) as session:
            still = session.scalar(select(func.count()).where(INVITED, Message.state.in_(OPEN)))
        if not still:
            return
        time.sleep(0.5)
    pytest.fail(f"{still} messages are still open after {PLAY_PATIENCE} s")


def _ours(app, texts):
    """Our table by the text that was to be sent: state, the provider's name, attempts."""
    with unit_of_work(app) as session:
        rows = {one.id: one for one in session.scalars(select(Message))}
        return {
            text: (rows[number].state, rows[number].provider_id, rows[number].attempt)
            for text, number in texts.items()
        }


def _adds_up(app):
    """Ledger and frame tell the same, and the frame counts every message once."""
    with unit_of_work(app) as session:
        delivered = session.scalar(select(func.sum(Frame.delivered)))
        months = set(session.scalars(select(Frame.month)))
        every = session.scalar(select(func.count()).where(INVITED))
        # Whoever was invited will be reminded once, days after the play.
        reminders = session.scalar(select(func.count()).where(~INVITED))
        return delivered == every == reminders and all(
            invitations.verify_coverage(session, month) for month in months
        )


def test_three_ledgers_agree(act, report):
    """600 messages, 4 senders, 40 kills, every fault: our table, Twilio's log and phones agree."""
    outcome = act(Play(messages=600, kills=40))
    report(str(outcome))
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert {state for state, _, _ in outcome.ours.values()} <= {"sent", "delivered"}
    names = sorted((text, name) for text, (_, name, _) in outcome.ours.items())
    assert names == sorted((text, name) for _, text, name in outcome.provider)
    assert sorted(outcome.provider) == sorted(outcome.handset)
    assert outcome.in_flight >= outcome.kills / 2
    assert all(outcome.hits[name] for name in FAULTS)


def test_with_a_blind_provider_it_shows(act, report):
    """The same play with a list that shows nothing doubles messages, so the test can see."""
    outcome = act(Play(messages=90, kills=8, sees=False))
    report(str(outcome))
    assert outcome.lost == 0
    assert outcome.doubled > 0
