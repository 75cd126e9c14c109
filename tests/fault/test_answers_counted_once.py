"""Web, sender and worker are killed while citizens answer and ballots are counted."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import time as clock_time
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import func, select

from survey.clock import machine
from survey.jobs import queue, schedule
from survey.models.ballot import ballot_key
from survey.models.count import Frame
from survey.models.job import Job, JobState
from survey.models.province import Province, SpecialDay
from survey.province.workdays import local_day
from tests import ballots
from tests.clocks import PATIENCE
from tests.conftest import run_command, running, unit_of_work
from tests.fault.citizens import Citizens
from tests.house.source import ROOT
from tests.opened import opened_cases
from tests.seeding import LINK, Wanted, ask_everybody, finish, links

DOSSIERS, KILLS, CLIENTS = 240, 40, 4
# The play lasts half a minute on a good day.
PLAY_PATIENCE = 5 * PATIENCE


class Installation:
    """Web, sender and worker as they run in production, each to be killed and started anew."""

    def __init__(self, environment):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.web = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--config", ROOT / "deploy" / "gunicorn.conf.py",
             "--bind", f"127.0.0.1:{self.port}", "--access-logfile", os.devnull,
             "survey:create_app()"],
            cwd=ROOT, env=environment, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.processes"],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.leaders = {kind: self._start(kind) for kind in ("sender", "worker")}

    def _start(self, kind):
        self.nursery.stdin.write(f"{kind}\n")
        self.nursery.stdin.flush()
        return int(self.nursery.stdout.readline())

    def kill(self, kind):
        """Kill one of its processes at once, with its children, and start another."""
        if kind == "web":
            # Gunicorn itself starts another.
            for child in children_of(self.web.pid)[:1]:
                os.kill(child, signal.SIGKILL)
            return
        os.killpg(self.leaders[kind], signal.SIGKILL)
        self.leaders[kind] = self._start(kind)

    def stop(self):
        """End everything."""
        for leader in self.leaders.values():
            with suppress(ProcessLookupError):
                os.killpg(leader, signal.SIGKILL)
        self.nursery.communicate()
        self.web.terminate()
        self.web.wait(PATIENCE)


def children_of(process):
    """Process ids of living children."""
    return [
        int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


@pytest.fixture
def app(environment):
    """The application at the machine's instant, as its processes live at it."""
    with running(environment, machine) as application:
        yield application


@contextmanager
def installed(app, environment):
    """An open installation in which everybody is asked at once, at any hour."""
    now = machine()
    with unit_of_work(app) as session:
        ask_everybody(session)
        province = session.scalars(select(Province)).one()
        province.window_start, province.window_end = clock_time(0), clock_time(23, 59, 59)
        for days in range(2):
            session.add(SpecialDay(day=local_day(now) + timedelta(days), kind="swap_work"))
        done = now - timedelta(hours=3)
        finish(session, [Wanted(number, finished_at=done) for number in range(DOSSIERS)], now)
    made = Installation(environment)
    try:
        yield made
    finally:
        made.stop()


def test_answers_count_once_whoever_dies(app, environment, report):
    """40 kills of web, sender and worker in the middle of answering and counting: what was
    confirmed to a citizen counts once, nothing else does, and every check of the product holds.
    """
    dice, numbers, counting_died = random.Random(11), count(), 0
    console = Path(environment["SMS_CONSOLE_FILE"])
    with installed(app, environment) as made:
        citizens = Citizens(made.port, CLIENTS)
        try:
            for _ in range(KILLS):
                citizens.invite(tokens(console))
                _count_soon(app, next(numbers))
                time.sleep(dice.uniform(0.1, 0.6))
                kind = dice.choice(("web", "sender", "worker"))
                counting_died += kind == "worker" and _is_counting(app)
                made.kill(kind)
            _wait_until_confirmed(citizens, DOSSIERS * 3 // 4)
        finally:
            citizens.finish()
    report(f"{citizens.confirmed} confirmed, {counting_died} killed while counting")
    assert citizens.odd == []
    assert counting_died
    with unit_of_work(app) as session:
        _compare(session, citizens)
    _every_text_left_once(app, console)
    _every_check_holds(app)


def tokens(console):
    """Links that have left so far."""
    return list(links(console).values()) if console.exists() else []


def _count_soon(app, number):
    with unit_of_work(app) as session:
        queue.enqueue(session, schedule.COUNTING, f"{schedule.COUNTING}@{number}", {}, machine())


def _is_counting(app):
    """Whether the worker is at a counting now."""
    query = select(Job.id).where(Job.kind == schedule.COUNTING, Job.state == JobState.RUNNING)
    with unit_of_work(app) as session:
        return session.scalar(query) is not None


def _wait_until_confirmed(citizens, links):
    until = time.monotonic() + PLAY_PATIENCE
    while citizens.confirmed < links:
        assert time.monotonic() < until, f"only {citizens.confirmed} of {links} were confirmed"
        time.sleep(0.2)


def _compare(session, citizens):
    """Every ballot holds what its citizen was told, each citizen has one, and each bad rating that
    stands has one case.
    """
    found = ballots.all_found(session)
    keys = {ballot_key(session, token): told for token, told in citizens.told.items()}
    assert found.keys() <= keys.keys()
    overall = {key: one.answer.overall for key, one in found.items()}
    wrong = {
        key: (overall.get(key, 0), told.may_hold)
        for key, told in keys.items()
        if overall.get(key, 0) not in told.may_hold
    }
    assert wrong == {}
    (month,) = session.scalars(select(Frame.month).distinct())
    assert ballots.levels(session, month) == Counter(overall.values())
    cases = Counter(one.ballot_key for one in opened_cases(session))
    assert set(cases.values()) <= {1}
    assert len(cases) >= sum(rating <= 2 for rating in overall.values())


def _every_text_left_once(app, console):
    """What was unclear when its sender died is found where it went, or goes out."""
    for hours in (1, 2):
        later = (machine() + timedelta(hours=hours)).isoformat()
        for step in ("reconcile", "send-due"):
            assert run_command(app, "messages", step, "--now", later).code == 0
    asked = [json.loads(line)["text"] for line in console.read_text("utf-8").splitlines()]
    sent = Counter(link[1] for text in asked if (link := LINK.search(text)))
    assert sent.total() == len(sent) == DOSSIERS


def _every_check_holds(app):
    """Counting, coverage, closing and its proof from the ballots."""
    with unit_of_work(app) as session:
        month = session.scalar(select(func.max(Frame.month)))
    closing = ("--now", month.closable_from.isoformat())
    for words in (
        ("ballots", "count"),
        ("index", "rebuild", "--check"),
        ("coverage", "verify", "--period", month),
        ("index", "close", "--period", month, *closing),
        ("index", "recompute", "--snapshot", "1"),
    ):
        ran = run_command(app, *words)
        assert ran.code == 0, (words, ran.err)
    shown = run_command(app, "index", "show", "--period", month, "--by", "overall", "--json")
    (line,) = shown.json
    with unit_of_work(app) as session:
        assert line["rated"] == len(ballots.all_said(session))
