"""The same jobs on a real broker with real Celery workers, and without a reachable broker."""

import base64
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from survey.jobs import heartbeat
from survey.jobs.distributed import RUN_JOB, celery_app
from survey.jobs.schedule import RECURRING
from survey.jobs.worker import run_once
from survey.models.job import Heartbeat, Job, JobState
from tests.clocks import PATIENCE
from tests.conftest import run_command, unit_of_work
from tests.features.test_jobs import wait_until
from tests.features.test_processes import CLOCK, started
from tests.seeding import NOW

ROOT = Path(__file__).resolve().parents[2]
BROKERS = {"amqp://guest:guest@127.0.0.1:5672//": 5672, "redis://127.0.0.1:6379/0": 6379}
NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(params=BROKERS)
def changes(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a separate installation on each broker."""
    try:
        socket.create_connection(("127.0.0.1", BROKERS[request.param]), timeout=PATIENCE).close()
    except OSError:
        pytest.skip(f"no broker at {request.param}")
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {"CELERY_BROKER_URL": request.param, "SECRET_KEY": secret}


def celery_worker(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A Celery worker that writes to a log."""
    words = ["--app", "survey.jobs.distributed_app", "worker", "--concurrency", "1"]
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", *words, "--loglevel", "INFO"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_dispatched_job_runs_once(
    changes: dict[str, str],
    make_app: Callable[..., Flask],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """Every due job is dispatched and run once, and a second message for it does nothing."""
    app = make_app(**changes)
    assert run_command(app, "check-config").code == 0
    with app.app_context():
        assert run_once(NOW) == len(RECURRING)
        assert run_once(NOW) == 0
    queue = celery_app(app.extensions["settings"])
    with unit_of_work(app) as session:
        ids = list(session.scalars(select(Job.id)))
    queue.send_task(RUN_JOB, args=[ids[0], NOW.isoformat()])
    log = tmp_path / "log"
    worker = celery_worker({**environment, **changes}, log)
    try:
        wait_until(
            lambda: log.read_text(encoding="utf-8").count(" succeeded in ") == len(RECURRING) + 1
        )
        with unit_of_work(app) as session:
            alive = select(Heartbeat.process).where(Heartbeat.kind == "celery")
            assert session.scalars(alive).all() == [heartbeat.process_name(worker.pid)]
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
        with queue.connection() as connection, closing(connection.channel()) as channel:
            left = channel.queue_delete(queue.conf.task_default_queue)
    assert not left
    with unit_of_work(app) as session:
        done = session.execute(select(Job.state, Job.attempts)).all()
    assert done == [(JobState.DONE, 1)] * len(RECURRING)


@pytest.mark.parametrize("broker", [NOBODY, "amqp://guest:guest@127.0.0.1:1//"])
def test_a_dead_broker_is_a_line_and_the_jobs_stay_due(
    broker: str, make_app: Callable[..., Flask], environment: dict[str, str], tmp_path: Path
) -> None:
    """While the broker is down a worker logs one line a turn, goes on, and loses no job."""
    app = make_app(CELERY_BROKER_URL=broker)
    log = tmp_path / "worker.log"
    surroundings = {**environment, "CELERY_BROKER_URL": broker}
    with started(surroundings, tmp_path, "worker", *CLOCK) as worker:
        wait_until(lambda: log.read_text(encoding="utf-8").count("the broker does not answer") >= 2)
        assert worker.poll() is None
        with unit_of_work(app) as session:
            assert session.scalars(select(Heartbeat.kind)).all() == ["worker"]
    lines = log.read_text(encoding="utf-8").splitlines()
    assert all("process.server_away" in line for line in lines)
    with unit_of_work(app) as session:
        waiting = select(Job.state).where(Job.run_at <= NOW)
        assert session.scalars(waiting).all() == [JobState.WAITING] * len(RECURRING)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_broker_that_does_not_answer_is_named(make_app: Callable[..., Flask]) -> None:
    """`check-config` connects to the broker and names one that does not answer, unless told to skip
    it.
    """
    app = make_app(CELERY_BROKER_URL=NOBODY)
    checked = run_command(app, "check-config", "--json")
    assert checked.code == 1
    assert [one["name"] for one in checked.json["faults"] if one["fatal"]] == ["CELERY_BROKER_URL"]
    assert run_command(app, "check-config", "--settings-only").code == 0
    wrong = run_command(make_app(CELERY_BROKER_URL="kafka://x", DEMO="1"), "check-config", "--json")
    assert (wrong.code, wrong.json["ok"]) == (1, False)
