"""What each kind of job does. A handler may run twice; it opens its own transactions.

What it gives is kept with its day, so what citizens' answers led to is not among it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog

from survey import indices, monitoring
from survey.cases import filing
from survey.db import transaction
from survey.jobs import reports
from survey.jobs.imports import import_upload, sweep_uploads
from survey.jobs.queue import Taken
from survey.privacy import retention
from survey.responses import flags

log = structlog.get_logger()

Handler = Callable[[Taken, datetime], dict[str, Any]]


def close_due_months(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Close every month that has dossiers, may be closed and is not."""
    with transaction() as session:
        months = indices.closable_months(session, now)
    for month in months:
        # Each on its own: one closing's act holds the chain, another waits for a month's answers.
        with transaction() as session:
            indices.close(session, month, now)
    return {"closed": months}


def check_counts(_taken: Taken, _now: datetime) -> dict[str, Any]:
    """Compare the counts with the answers; a difference is an error an operator must see."""
    with transaction() as session:
        differences = len(indices.check(session))
    if differences:
        log.error("counts.differ", numbers=differences)
    return {"differences": differences}


def update_watch(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Read what came since the last night, and raise alerts where it is not as usual."""
    with transaction() as session:
        monitoring.update(session, now)
    return {}


def erase_due(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Erase what retention no longer allows."""
    with transaction() as session:
        retention.erase_due(session, now)
    return {}


def file_away(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Take cases that were closed long ago off the lists of work."""
    with transaction() as session:
        filing.file_away(session, now)
    return {}


def forget_tallies(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Drop the tallies of answers of days that are over."""
    with transaction() as session:
        flags.forget_tallies(session, now)
    return {}


HANDLERS: dict[str, Handler] = {
    "answers.tallies": forget_tallies,
    "cases.file_away": file_away,
    "index.check": check_counts,
    "index.close": close_due_months,
    "intake.import": import_upload,
    "intake.sweep": sweep_uploads,
    "privacy.retention": erase_due,
    reports.KIND: reports.build_report,
    "watch.update": update_watch,
}
