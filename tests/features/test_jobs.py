"""Background jobs run once, are repeated if their worker dies, and are given up in the end."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from survey.clock import Clock, machine
from survey.errors import Refused
from survey.jobs import queue
from survey.jobs.loop import PAUSE_SECONDS
from survey.jobs.schedule import RECURRING
from survey.models.count import add_counts
from survey.models.invitation import CoverageEntry
from survey.models.job import Heartbeat, Job, JobState
from survey.models.snapshot import Snapshot
from tests import ballots
from tests.clocks import PATIENCE
from tests.conftest import Ran
from tests.seeding import NOW, Wanted, ask_everybody, finish

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]
ROOT = Path(__file__).resolve().parents[2]
MINUTE = timedelta(minutes=1)
TAKE_AND_HANG = """
import time
from datetime import datetime
from survey import create_app
from survey.jobs import queue
from survey.jobs.schedule import RECURRING
with create_app().app_context():
    taken = queue.take(datetime.fromisoformat("{now}"))
    print(taken.id, taken.owner, flush=True)
    time.sleep(600)
"""


@pytest.fixture
def clock() -> Clock:
    """A clock that follows the machine's, for leases and heartbeats of the workers started here."""
    return machine


def wait_until(holds: Callable[[], bool]) -> None:
    """Return as soon as a condition holds; fail when it never does."""
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


def nothing_is_due(transact: Transact) -> bool:
    """Whether the jobs of the day were created and are done."""
    with transact() as session:
        return set(session.scalars(select(Job.state))) == {JobState.DONE}


def put(transact: Transact, kind: str, key: str = "k", **payload: object) -> int:
    """Enqueue one job that is due; return its id."""
    with transact() as session:
        queue.enqueue(session, kind, key, payload, NOW)
        return queue.newest(session, key).id


def turn(runner: Runner, now: datetime) -> int:
    """Run one turn of the worker; return the number of jobs done."""
    done = runner("worker", "--once", "--json", "--now", now.isoformat())
    assert done.code == 0, done.err
    assert set(done.json) == {"jobs"}
    return done.json["jobs"]


def job(transact: Transact, job_id: int) -> Job:
    """The current row of a job."""
    with transact() as session:
        found = session.get_one(Job, job_id)
        session.expunge(found)
        return found


def end_lease(transact: Transact) -> None:
    """Let the lease of every running job expire."""
    with transact() as session:
        session.execute(update(Job).values(lease_until=machine() - MINUTE))


def test_no_two_take_the_same_job(app: Flask, transact: Transact) -> None:
    """Eight concurrent workers take forty different jobs and then none."""
    with transact() as session:
        for number in range(40):
            queue.enqueue(session, "index.check", f"k{number}", {}, NOW)
            queue.enqueue(session, "index.check", f"k{number}", {}, NOW)

    def take_all(_number: int) -> list[int]:
        with app.app_context():
            return [taken.id for taken in iter(lambda: queue.take(NOW), None)]

    with ThreadPoolExecutor(8) as takers:
        found = [one for taken in takers.map(take_all, range(8)) for one in taken]
    assert len(found) == len(set(found)) == 40


def test_a_job_of_a_killed_worker_is_done_again(
    app: Flask, environment: dict[str, str], transact: Transact, runner: Runner
) -> None:
    """After kill -9 no worker takes the job until its lease expires, and the next one takes it
    then.
    """
    turn(runner, NOW)
    job_id = put(transact, "index.check")
    worker = subprocess.Popen(
        [sys.executable, "-c", TAKE_AND_HANG.format(now=NOW.isoformat())],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    taken_id, dead = worker.stdout.readline().split()
    worker.kill()
    worker.wait(PATIENCE)
    worker.stdout.close()
    assert int(taken_id) == job_id
    assert turn(runner, NOW + 2 * MINUTE) == 0
    assert job(transact, job_id).state == JobState.RUNNING
    end_lease(transact)
    assert turn(runner, NOW + 2 * MINUTE) == 1
    done = job(transact, job_id)
    assert (done.state, done.attempts, done.result) == ("done", 2, {})
    late = queue.Taken(job_id, "index.check", "k", {}, dead, 1)
    with app.app_context(), pytest.raises(Refused, match="job_lost"):
        queue.finish(late, {}, NOW)


def test_who_lost_the_lease_writes_nothing(app: Flask, transact: Transact) -> None:
    """A worker whose lease passed to another can neither report progress, extend, finish nor fail
    the job.
    """
    job_id = put(transact, "index.check")
    with app.app_context():
        first = queue.take(NOW)
        queue.report_progress(first, 3, 1000)
        end_lease(transact)
        second = queue.take(NOW)
        queue.report_progress(second, 900, 1000)
        end_lease(transact)
        before = job(transact, job_id)
        for write in (
            lambda: queue.report_progress(first, 4, 1000),
            lambda: queue.finish(first, {}, NOW),
            lambda: queue.fail(first, "OSError", NOW, final=True),
        ):
            with pytest.raises(queue.JobLost):
                write()
        after = job(transact, job_id)
        for column in ("state", "owner", "progress", "lease_until", "attempts", "error", "run_at"):
            assert getattr(after, column) == getattr(before, column)
        queue.finish(second, {}, NOW)
    assert job(transact, job_id).state == JobState.DONE


def test_a_job_that_kills_its_workers_is_given_up(app: Flask, transact: Transact) -> None:
    """A job under which three workers died is not given to a fourth, and its row says why."""
    job_id = put(transact, "index.check")
    with app.app_context():
        for _ in range(queue.ATTEMPTS):
            assert queue.take(NOW).id == job_id
            end_lease(transact)
        assert queue.take(NOW) is None
    given_up = job(transact, job_id)
    assert (given_up.state, given_up.error) == ("failed", "worker_died")


def test_a_failing_job_is_tried_again_and_a_refused_one_is_not(
    transact: Transact, runner: Runner
) -> None:
    """A failing job runs three times, a minute apart, a refused one once, and the name of the error
    is stored.
    """
    turn(runner, NOW)
    faulty = put(transact, "no.such.kind", "faulty")
    refused = put(transact, "intake.import", "refused", upload_id=404, export_day="2026-11-18")
    states = []
    for minutes in (0, 0, 1, 2, 3):
        turn(runner, NOW + minutes * MINUTE)
        states.append((job(transact, faulty).state, job(transact, faulty).attempts))
    assert states == [("waiting", 1), ("waiting", 1), ("waiting", 2), ("failed", 3), ("failed", 3)]
    assert job(transact, faulty).error == "KeyError"
    ended = job(transact, refused)
    assert (ended.state, ended.attempts, ended.error) == ("failed", 1, "upload_gone")


def test_a_failed_job_gives_way_to_the_next_of_its_key(app: Flask, transact: Transact) -> None:
    """A failed job is not tried again when a new job of its key was enqueued meanwhile."""
    job_id = put(transact, "index.check")
    with app.app_context():
        taken = queue.take(NOW)
        successor = put(transact, "index.check")
        assert successor != job_id
        queue.fail(taken, "OSError", NOW, final=False)
    assert job(transact, job_id).state == JobState.FAILED
    assert job(transact, successor).state == JobState.WAITING


def test_recurring_jobs_are_made_once_a_slot(transact: Transact, runner: Runner) -> None:
    """A recurring job is created once at its hour, and after three days without a worker once for
    all of them.
    """
    hourly = sum(job.hour is None for job in RECURRING)
    hour = timedelta(hours=1)
    every = len(RECURRING)
    first = [turn(runner, NOW + wait) for wait in (0 * hour, 59 * MINUTE, hour)]
    assert first == [every, 0, hourly]
    # NOW is 10:00 local: the next counting is due at 01:00, index.check at 02:00, retention and the
    # keys of former times at 03:00.
    later = [turn(runner, NOW + wait * hour) for wait in (15, 16, 17, 96)]
    assert later == [hourly + 1, hourly + 1, hourly + 2, every]
    with transact() as session:
        kinds = Counter(session.scalars(select(Job.kind)))
        assert kinds == {
            "intake.sweep": 6,
            "ballots.count": 3,
            "index.check": 3,
            "privacy.retention": 3,
            "privacy.former_keys": 3,
            "cases.archive_due": 2,
            "index.close": 2,
        }
        assert set(session.scalars(select(Job.state))) == {JobState.DONE}
        assert session.query(Heartbeat).count() == 1


def test_the_worker_closes_a_month_on_day_fifteen(transact: Transact, runner: Runner) -> None:
    """The worker closes a month on day 15, once, with the dossiers of the month in the snapshot."""
    with transact() as session:
        finish(session, [Wanted(1), Wanted(2)])
    turn(runner, datetime(2026, 6, 14, 23, 30, tzinfo=UTC) - timedelta(hours=7))
    with transact() as session:
        assert session.scalars(select(Snapshot)).all() == []
    for day in (15, 16, 17):
        turn(runner, datetime(2026, 6, day, 2, tzinfo=UTC))
    with transact() as session:
        snapshot = session.scalars(select(Snapshot)).one()
        assert (snapshot.month, snapshot.closed_at.day) == ("2026-05", 15)
        closing = session.scalars(select(Job).where(Job.kind == "index.close")).all()
        assert [one.result["closed"] for one in closing] == [[], ["2026-05"], [], []]


@pytest.mark.parametrize("fault", ["a count too many", "a ballot too many"])
def test_a_month_that_does_not_add_up_stays_open_and_the_log_says_so(
    transact: Transact, runner: Runner, fault: str
) -> None:
    """The nightly job closes the other months and logs which month was refused and why, until its
    counts are corrected.
    """
    for number, at in ((1, NOW - timedelta(days=31)), (2, NOW)):
        with transact() as session:
            ask_everybody(session)
            finish(session, [Wanted(number, finished_at=at)], at)
        assert runner("messages", "send-due", "--now", at.isoformat()).code == 0
    with transact() as session:
        entries = session.scalars(select(CoverageEntry).order_by(CoverageEntry.month))
        closes, stays = (one.cell for one in entries)
        ballots.rate(session, closes, {5: 1})
        if fault == "a count too many":
            add_counts(session, {(stays, "overall", 5): 1})
        else:
            ballots.rate(session, stays, {5: 2})
    with capture_logs() as lines:
        turn(runner, datetime(2026, 6, 15, 2, tzinfo=UTC))
    assert closed(transact) == [closes.month]
    told = {line["event"]: line for line in lines if line["log_level"] == "error"}
    assert told.keys() == {"counts.differ", "closing.refused"}
    assert stays.month in told["counts.differ"]["first"]
    refused = told["closing.refused"]
    assert (refused["month"], refused["code"]) == (stays.month, "counts_differ")
    if fault == "a count too many":
        assert runner("index", "rebuild").code == 0
        turn(runner, datetime(2026, 6, 16, 2, tzinfo=UTC))
        assert closed(transact) == [closes.month, stays.month]


def closed(transact: Transact) -> list[str]:
    """The months that are closed."""
    with transact() as session:
        return list(session.scalars(select(Snapshot.month).order_by(Snapshot.month)))


def logged_at(line: str) -> datetime:
    """The instant of a log line."""
    return datetime.fromisoformat(line.partition("timestamp='")[2].partition("'")[0])


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_database_that_was_away_is_one_short_line_and_work_goes_on(
    environment: dict[str, str], transact: Transact
) -> None:
    """While the database refuses connections a worker logs one line, ever more rarely, and then
    goes on.
    """
    server, _, name = environment["DATABASE_URL"].replace("+psycopg", "").rpartition("/")

    def let_in(allowed: str) -> None:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    def beats() -> list[datetime]:
        with transact() as session:
            return list(session.scalars(select(Heartbeat.at)))

    command = [sys.executable, "-m", "flask", "--app", "survey", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert worker.stderr is not None
    try:
        wait_until(lambda: bool(beats()) and nothing_is_due(transact))
        let_in("false")
        said = [worker.stderr.readline() for _ in range(3)]
        let_in("true")
        back = machine()
        wait_until(lambda: max(beats()) > back)
    finally:
        worker.terminate()
    rest = worker.communicate(timeout=PATIENCE)[1]
    assert worker.returncode == 0
    assert all("process.database_away" in line and "reason=" in line for line in said)
    assert "Traceback" not in "".join([*said, rest])
    first, second, third = map(logged_at, said)
    # At least so long, and longer where the machine is slow.
    assert second - first >= timedelta(seconds=2 * PAUSE_SECONDS)
    assert third - second >= timedelta(seconds=4 * PAUSE_SECONDS)
