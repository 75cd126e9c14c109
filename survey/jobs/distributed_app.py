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
    """Do one job, if it is still to be done."""
    with flask_app.app_context():
        run_job(datetime.fromisoformat(now), job_id)


@worker_ready.connect  # type: ignore[untyped-decorator]
@heartbeat_sent.connect  # type: ignore[untyped-decorator]
def give_sign_of_life(**_more: object) -> None:
    """Celery gives one to its broker every two seconds; the database gets some of them."""
    with flask_app.app_context():
        loop.guarded(life.kind, life.beat)


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def sign_off(**_more: object) -> None:
    """The worker ends as asked."""
    with flask_app.app_context():
        loop.guarded(life.kind, life.end)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def open_own_connections(**_more: object) -> None:
    """A child never uses a connection that its parent opened."""
    with flask_app.app_context():
        db.engine.dispose(close=False)
