"""Entry point of the Celery workers."""

from datetime import datetime

from celery.signals import heartbeat_sent, worker_process_init, worker_ready, worker_shutdown

from survey import create_app
from survey.crypto import keys
from survey.db import db
from survey.errors import Refused
from survey.jobs import loop
from survey.jobs.distributed import RUN_JOB, celery_app
from survey.jobs.running import run_job
from survey.models.job import ProcessKind
from survey.wording import words_for

flask_app = create_app()
with flask_app.app_context():
    try:
        keys.check(db.session())
    except Refused as refused:
        raise SystemExit(words_for(refused)) from refused
app = celery_app(flask_app.extensions["settings"])
life = loop.Life(ProcessKind.CELERY)


@app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
def run_one(job_id: int, now: str) -> None:
    """Run one job, if it is still waiting or its lease has expired."""
    with flask_app.app_context():
        run_job(datetime.fromisoformat(now), job_id)


@worker_ready.connect  # type: ignore[untyped-decorator]
@heartbeat_sent.connect  # type: ignore[untyped-decorator]
def give_sign_of_life(**_more: object) -> None:
    """Write heartbeats of this worker; Celery has its own every two seconds, we write fewer."""
    with flask_app.app_context():
        loop.guarded(life.kind, life.beat)


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def sign_off(**_more: object) -> None:
    """Delete the heartbeat row when the worker was asked to end."""
    with flask_app.app_context():
        loop.guarded(life.kind, life.end)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def open_own_connections(**_more: object) -> None:
    """Drop inherited connections: a child must not use a connection that its parent opened."""
    with flask_app.app_context():
        db.engine.dispose(close=False)
