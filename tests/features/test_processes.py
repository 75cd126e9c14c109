"""Sender and worker are two processes: a long job delays no message, and each writes heartbeats."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from survey import demo
from survey.answers.conversation import receive
from survey.clock import machine
from survey.jobs import heartbeat, reports
from survey.messages.providers import InboundSms
from survey.models.job import Heartbeat, Job, JobState, ProcessKind
from survey.period import Month
from tests.clocks import PATIENCE
from tests.conftest import run_command, unit_of_work
from tests.features.test_jobs import ROOT, wait_until
from tests.seeding import NOW, Wanted, finish

CLOCK = ("--now", NOW.isoformat())
MONTH = Month("2026-05")
PHONE = demo.PHONES["text"]
MINUTE = timedelta(minutes=1)


@contextmanager
def started(environment, folder, *words):
    """A command of the product as a separate process, killed with its children at the end of the
    block.
    """
    command = [sys.executable, "-m", "flask", "--app", "survey", *words]
    with (folder / f"{words[0]}.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def children(process):
    """Process ids of a process's children."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(one) for one in listed.read_text(encoding="ascii").split()]


def open_files(pid):
    """Paths of the files that a process has open; none if the process has ended."""
    try:
        return [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
    except FileNotFoundError:
        return []


class HeldJob:
    """A report that is due and blocks half way: the chart library, which only such a job loads,
    reads its settings from a pipe.
    """

    def __init__(self, app, pipe):
        self.app, self.pipe = app, pipe
        os.mkfifo(pipe)
        self.writer = os.open(pipe, os.O_RDWR)
        with unit_of_work(app) as session:
            finish(session, [Wanted(1)])
            reports.order(session, MONTH, NOW - timedelta(days=30))

    def read(self, column):
        """The current value of a column of the job."""
        with unit_of_work(self.app) as session:
            return session.scalars(select(column).where(Job.kind == reports.KIND)).one()

    def is_held_by(self, worker):
        """Whether a child of this worker is blocked in the job."""
        opened = [one for child in children(worker) for one in open_files(child)]
        return str(self.pipe) in opened and self.read(Job.state) == JobState.RUNNING

    def let_go(self):
        """Let the job go on; whoever begins it again is not blocked."""
        self.pipe.unlink(missing_ok=True)
        if self.writer is not None:
            os.close(self.writer)
        self.writer = None


@pytest.fixture
def held(make_app, environment, tmp_path):
    """A report that is due and blocks half way, in a demo that sends at any hour."""
    pipe = tmp_path / "matplotlibrc"
    environment |= {"DEMO": "1", "MATPLOTLIBRC": str(pipe)}
    job = HeldJob(make_app(DEMO="1"), pipe)
    yield job
    job.let_go()


def loaded_of(pid, *packages):
    """Which of some packages have their libraries in the memory of a process."""
    maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return [name for name in packages if f"/{name}/" in maps]


def beats(app, kind):
    """The heartbeats of the processes of a kind."""
    with unit_of_work(app) as session:
        rows = select(Heartbeat.process, Heartbeat.at).where(Heartbeat.kind == kind)
        return dict(session.execute(rows).all())


def test_thanks_leave_while_a_job_runs(held, environment, tmp_path):
    """The sender thanks for a reply while the worker runs a job."""
    app, console = held.app, Path(environment["SMS_CONSOLE_FILE"])
    with unit_of_work(app) as session:
        demo.finish_one(session, NOW, PHONE)
    assert run_command(app, "sender", "--once", *CLOCK).code == 0
    assert len(demo.messages(console, 9, PHONE)) == 1
    with (
        started(environment, tmp_path, "worker", *CLOCK) as worker,
        started(environment, tmp_path, "sender", *CLOCK),
    ):
        wait_until(lambda: held.is_held_by(worker))
        with unit_of_work(app) as session:
            receive(session, InboundSms("console", "E1", PHONE, "5"), NOW + MINUTE)
        wait_until(lambda: len(demo.messages(console, 9, PHONE)) == 2)
        assert held.is_held_by(worker)
    thanks, _invitation = demo.messages(console, 9, PHONE)
    assert "cam on" in thanks.before.lower()


def test_each_process_shows_that_it_lives(held, environment, tmp_path):
    """Two senders and a worker each write heartbeats, the worker also while its child works, and
    only the child loads what the job needs.
    """
    with (
        started(environment, tmp_path, "worker", *CLOCK) as worker,
        started(environment, tmp_path, "sender", *CLOCK) as one,
        started(environment, tmp_path, "sender", *CLOCK) as two,
    ):
        wait_until(lambda: held.is_held_by(worker))
        names = {heartbeat.process_name(process.pid) for process in (one, two)}
        wait_until(lambda: set(beats(held.app, ProcessKind.SENDER)) == names)
        mine = heartbeat.process_name(worker.pid)
        first = beats(held.app, ProcessKind.WORKER)
        wait_until(lambda: beats(held.app, ProcessKind.WORKER)[mine] > first[mine])
        assert list(first) == [mine]
        for process in (worker, one, two):
            assert loaded_of(process.pid, "scipy", "matplotlib") == []
        assert "scipy" in loaded_of(children(worker)[0], "scipy", "matplotlib")
        assert held.is_held_by(worker)
        one.terminate()
        assert one.wait(PATIENCE) == 0
        assert list(beats(held.app, ProcessKind.SENDER)) == [heartbeat.process_name(two.pid)]


def test_a_worker_that_is_stopped_finishes_the_job_in_hand(held, environment, tmp_path):
    """A worker that is stopped during a job finishes it, takes no other, and exits with 0."""
    with started(environment, tmp_path, "worker", *CLOCK) as worker:
        wait_until(lambda: held.is_held_by(worker))
        worker.terminate()
        held.let_go()
        assert worker.wait(PATIENCE) == 0
    assert held.read(Job.state) == JobState.DONE
    with unit_of_work(held.app) as session:
        assert session.scalars(select(Job).where(Job.state == JobState.WAITING)).all()


def test_a_job_whose_child_was_killed_is_done_again_at_once(held, environment, tmp_path):
    """After kill -9 of its child the worker repeats the job without waiting for the lease to
    expire.
    """
    with started(environment, tmp_path, "worker", *CLOCK) as worker:
        wait_until(lambda: held.is_held_by(worker))
        for child in children(worker):
            os.kill(child, signal.SIGKILL)
        held.let_go()
        wait_until(lambda: held.read(Job.state) == JobState.DONE)
        assert held.read(Job.attempts) == 2
        assert worker.poll() is None
    log = (tmp_path / "worker.log").read_text(encoding="utf-8")
    assert log.count("process.server_away") == 1
    assert "Traceback" not in log


def test_the_last_of_a_kind_stays_to_be_missed(app, transact):
    """A silent process is named even if another of its kind is alive, the last of a kind keeps its
    row, and rows a day old are deleted.
    """
    now = machine()
    with transact() as session:
        assert heartbeat.silence(session, ProcessKind.SENDER, now) == "never seen"
        heartbeat.begin(session, ProcessKind.SENDER, now)
        session.add(Heartbeat(process="other:1", kind="sender", at=now - 6 * MINUTE))
    with transact() as session:
        assert heartbeat.silence(session, ProcessKind.SENDER, now).startswith("other:1 is silent")
        assert heartbeat.is_any_alive(session, ProcessKind.SENDER, now)
        heartbeat.end(session, ProcessKind.SENDER)
    assert list(beats(app, ProcessKind.SENDER)) == ["other:1"]
    with transact() as session:
        heartbeat.begin(session, ProcessKind.WORKER, now)
        heartbeat.end(session, ProcessKind.WORKER)
    assert list(beats(app, ProcessKind.WORKER)) == [heartbeat.process_name()]
    with transact() as session:
        heartbeat.beat(session, ProcessKind.WORKER, now + timedelta(days=1))
    assert beats(app, ProcessKind.SENDER) == {}


def test_who_died_on_this_host_is_replaced(app, transact):
    """A sender that starts after a crash replaces the row of a dead process of this host, and no
    other.
    """
    now = machine()
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    dead, living = (heartbeat.process_name(pid) for pid in (gone.pid, os.getppid()))
    with transact() as session:
        for name, kind in ((dead, "sender"), (living, "sender"), ("other:1", "sender")):
            session.add(Heartbeat(process=name, kind=kind, at=now - 6 * MINUTE))
    with transact() as session:
        heartbeat.begin(session, ProcessKind.SENDER, now)
    names = set(beats(app, ProcessKind.SENDER))
    assert names == {living, "other:1", heartbeat.process_name()}
