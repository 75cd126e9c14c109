"""The same jobs on a real broker, in a real Celery worker."""

import base64
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from survey.jobs.distributed import RUN_JOB, celery_app
from survey.jobs.schedule import RECURRING
from survey.jobs.worker import run_once
from survey.models.job import Job, JobState
from tests.clocks import PATIENCE
from tests.conftest import unit_of_work
from tests.seeding import NOW

ROOT = Path(__file__).resolve().parents[2]
BROKERS = {"amqp://guest:guest@127.0.0.1:5672//": 5672, "redis://127.0.0.1:6379/0": 6379}


@pytest.fixture
def changes() -> dict[str, str]:
    """Settings of an installation of its own on the first broker that listens."""
    for url, port in BROKERS.items():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except OSError:
            continue
        secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        return {"CELERY_BROKER_URL": url, "SECRET_KEY": secret}
    pytest.skip("no broker: neither RabbitMQ on 127.0.0.1:5672 nor Redis on 127.0.0.1:6379")


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_dispatched_job_runs_once(
    changes: dict[str, str],
    make_app: Callable[..., Flask],
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """Every due job is sent once, done once by the worker, and a second message does nothing."""
    app = make_app(**changes)
    with app.app_context():
        assert run_once(NOW).jobs == len(RECURRING)
        assert run_once(NOW).jobs == 0
    queue = celery_app(app.extensions["settings"])
    with unit_of_work(app) as session:
        ids = list(session.scalars(select(Job.id)))
    queue.send_task(RUN_JOB, args=[ids[0], NOW.isoformat()])
    words = ["--app", "survey.jobs.distributed_app", "worker", "--pool", "solo"]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", *words, "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env={**environment, **changes},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_empty(app, worker, tmp_path / "log")
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
        with queue.connection() as connection, closing(connection.channel()) as channel:
            left = channel.queue_delete(queue.conf.task_default_queue)
    assert not left
    with unit_of_work(app) as session:
        done = session.execute(select(Job.state, Job.attempts)).all()
    assert done == [(JobState.DONE, 1)] * len(RECURRING)


def _wait_until_empty(app: Flask, worker: subprocess.Popen[bytes], log: Path) -> None:
    """Until every job is done and every message taken."""
    queue = celery_app(app.extensions["settings"])
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and worker.poll() is None:
        with unit_of_work(app) as session:
            open_jobs = session.query(Job).filter(Job.finished_at.is_(None)).count()
        with queue.connection() as connection, closing(connection.channel()) as channel:
            waiting = channel.queue_declare(queue.conf.task_default_queue, passive=True)
        if not open_jobs and not waiting.message_count:
            return
        time.sleep(0.2)
    pytest.fail(log.read_text(encoding="utf-8")[-2000:])
