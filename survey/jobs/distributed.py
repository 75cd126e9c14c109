"""The same jobs as Celery tasks on RabbitMQ or Redis, for more than one machine.

The rows of jobs remain authoritative: a message contains only a job's id, and the task takes a
lease on the row before it works. A lost message is sent again when the row has waited for
RESEND_AFTER; an older message has expired. Start with
`celery --app survey.jobs.distributed_app worker`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from celery import Celery
from kombu.exceptions import OperationalError
from sqlalchemy import update

from survey.db import transaction
from survey.jobs.loop import Away
from survey.jobs.queue import due_ids
from survey.models.job import Job, JobState
from survey.settings import Settings

RUN_JOB = "survey.run_job"
RESEND_AFTER = timedelta(minutes=5)
CONNECT_SECONDS = 4


@lru_cache(maxsize=1)
def celery_app(settings: Settings) -> Celery:
    """A Celery application whose tasks survive the death of their worker.

    Its queue is named after the SECRET_KEY, which all machines of one installation share, so that
    several installations may use one broker.
    """
    app = Celery("survey", broker=settings.celery_broker_url)
    app.conf.update(
        task_default_queue=f"survey-{sha256(settings.secret_key.encode()).hexdigest()[:16]}",
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=1,
        # A child process does one job and ends, which frees the memory that documents took.
        worker_max_tasks_per_child=1,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=CONNECT_SECONDS,
    )
    if settings.celery_broker_url.startswith("amqp"):
        # Replicated and on disk: nothing is lost with one node of RabbitMQ.
        app.conf.update(
            task_default_queue_type="quorum", broker_transport_options={"confirm_publish": True}
        )
    return app


def ask(settings: Settings) -> None:
    """Raise Away unless the broker answers."""
    app = celery_app(settings)
    with _reached(app), app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)


def dispatch(settings: Settings, now: datetime) -> int:
    """Send a message for every due job, at most once per RESEND_AFTER; returns how many.

    Raises Away if the broker does not answer; jobs that were not sent stay due.
    """
    app = celery_app(settings)
    void_after = RESEND_AFTER.total_seconds()
    with transaction() as session:
        ids = due_ids(session, now)
    sent: list[int] = []
    try:
        with _reached(app):
            for job_id in ids:
                app.send_task(RUN_JOB, args=[job_id, now.isoformat()], expires=void_after)
                sent.append(job_id)
    finally:
        waiting = Job.id.in_(sent) & (Job.state == JobState.WAITING)
        with transaction() as session:
            session.execute(update(Job).where(waiting).values(run_at=now + RESEND_AFTER))
    return len(sent)


@contextmanager
def _reached(app: Celery) -> Iterator[None]:
    """Raise Away, with one sentence, if the broker does not answer or refuses us."""
    connection = app.connection_for_write()  # not opened: only for the error types of its broker
    try:
        yield
    except (OperationalError, *connection.connection_errors, *connection.channel_errors) as fault:
        raise Away(f"the broker does not answer: {fault}") from fault
