"""Handlers of each kind of job. A handler must be idempotent and opens its own transactions.

Job results are stored with a date, so a handler must never return counts that depend on answers.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from survey.cases import archiving
from survey.db import transaction
from survey.jobs import counting, reencryption, reports, schedule
from survey.jobs.imports import import_upload, sweep_uploads
from survey.jobs.queue import Taken
from survey.privacy import retention

Handler = Callable[[Taken, datetime], dict[str, Any]]


def erase_due(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Erase personal data whose retention period has ended."""
    with transaction() as session:
        retention.erase_due(session, now)
    return {}


def archive_due(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Archive cases that were closed long ago."""
    with transaction() as session:
        archiving.archive_due(session, now)
    return {}


HANDLERS: dict[str, Handler] = {
    schedule.COUNTING: counting.count_ballots,
    "cases.archive_due": archive_due,
    "index.check": counting.check_counts,
    "index.close": counting.close_due_months,
    "intake.import": import_upload,
    "intake.sweep": sweep_uploads,
    "privacy.retention": erase_due,
    reencryption.KIND: reencryption.end_former_keys,
    reports.KIND: reports.build_report,
}
