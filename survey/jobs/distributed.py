"""The same jobs as Celery tasks on RabbitMQ or Redis, for more than one machine.

Rows stay the truth: a message is only a job's id, and the task takes the row before it works. A
message that gets lost is sent again when the row has waited for RESEND_AFTER. Start with
`celery --app survey.jobs.distributed_app worker`.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from celery import Celery
from sqlalchemy import update

from survey.db import transaction
from survey.jobs.queue import due_ids
from survey.models.job import Job
from survey.settings import Settings

RUN_JOB = "survey.run_job"
RESEND_AFTER = timedelta(minutes=5)


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
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        broker_connection_retry_on_startup=True,
    )
    return app


def dispatch(settings: Settings, now: datetime) -> int:
    """Send a message for every due job, and not again before RESEND_AFTER; how many were sent."""
    with transaction() as session:
        ids = due_ids(session, now)
        session.execute(update(Job).where(Job.id.in_(ids)).values(run_at=now + RESEND_AFTER))
    for job_id in ids:
        celery_app(settings).send_task(RUN_JOB, args=[job_id, now.isoformat()])
    return len(ids)
