"""Entry point of the Celery workers."""

from datetime import datetime

from survey import create_app
from survey.jobs.distributed import RUN_JOB, celery_app
from survey.jobs.running import run_job

flask_app = create_app()
app = celery_app(flask_app.extensions["settings"])


@app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]
def run_one(job_id: int, now: str) -> None:
    """Do one job, if it is still to be done."""
    with flask_app.app_context():
        run_job(datetime.fromisoformat(now), job_id)
