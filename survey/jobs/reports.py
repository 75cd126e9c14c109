"""The job that builds a monthly report: data are read once, then each format is written."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from survey.db import db, transaction
from survey.jobs.queue import Taken, enqueue, newest, report_progress
from survey.models.job import Job
from survey.period import Month, month_of
from survey.reports import report_index
from survey.reports.build import FORMATS, pdf_is_available, render
from survey.reports.gather import gather

KIND = "report.build"


def order(session: Session, month: Month, now: datetime) -> None:
    """Queue the report of `month` (YYYY-MM), unless it is waiting already."""
    enqueue(session, KIND, f"{KIND}:{month}", {"month": month}, now)


def latest(session: Session, month: Month) -> Job | None:
    """The latest job for the report of a month."""
    return newest(session, f"{KIND}:{month}")


def build_report(taken: Taken, now: datetime) -> dict[str, Any]:
    """Build the report of `month` (YYYY-MM) in every format this machine supports; idempotent.

    The result contains the files, the snapshot (None: a draft) and the formats left out.
    """
    session = db.session()
    report = gather(session, month_of(taken.payload["month"]), now)
    formats = [name for name in FORMATS if name != "pdf" or pdf_is_available()]
    report_progress(taken, 0, len(formats))
    files = []
    for name, content in render(report, formats):
        with transaction() as unit:
            report_index.store(unit, report.month, name, content, now)
        files.append(name)
        report_progress(taken, len(files), len(formats))
    return {
        "files": files,
        "snapshot": report.origin.snapshot,
        "left_out": [name for name in FORMATS if name not in formats],
    }
