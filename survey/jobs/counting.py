"""The counting job: counts the pool of ballots, with what must happen in the same transaction."""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.orm import Session

from survey import audit, indices, monitoring
from survey.ballots import checking, counting, followups
from survey.cases import archiving
from survey.db import db, transaction
from survey.errors import Refused
from survey.jobs.queue import Taken
from survey.messages.outbox.unlinking import shuffle_conversations
from survey.models.audit import WaitingEntry
from survey.models.ballot import BallotAggregate, CountedBallot, PooledBallot
from survey.models.case import Case
from survey.models.count import Count
from survey.models.message import Conversation, Message
from survey.models.snapshot import Snapshot
from survey.period import Month
from survey.row_order import clean_up

# Tables whose rows are rewritten, so that dead rows must be removed (VACUUM). In REBUILT the bytes
# of dead rows would reveal when a case was opened, how counts changed or in which order citizens
# wrote, so these small tables are rewritten into new files (VACUUM FULL).
REWRITTEN = (CountedBallot, Message)
REBUILT = (PooledBallot, Count, BallotAggregate, Case, Conversation, WaitingEntry)

log = structlog.get_logger()


def count(session: Session, now: datetime) -> int:
    """Count every ballot of the pool; returns how many.

    The control charts read past days before counting removes the days of their ballots. Waiting
    audit entries that citizens caused are appended to the audit log, and rows whose physical order
    would reveal the order of writing are shuffled.
    """
    counting.lock(session)
    monitoring.update(session, now)
    counted = counting.count(session)
    archiving.shuffle(session)
    shuffle_conversations(session)
    # Last, the lock order everywhere: staff have locked a case when they lock the audit log.
    audit.append_waiting(session)
    return counted


def count_and_clean(now: datetime) -> int:
    """Count every ballot of the pool, and clean the pages of rewritten tables; how many ballots."""
    with transaction() as session:
        counted = count(session, now)
    clean_up(REWRITTEN, rebuilt=REBUILT)
    return counted


def count_ballots(_taken: Taken, now: datetime) -> dict[str, Any]:
    """The nightly counting job; its result is empty: a number would show who answered when."""
    count_and_clean(now)
    return {}


def close(session: Session, month: Month, now: datetime) -> Snapshot:
    """Count the pool, close a month (YYYY-MM), and delete follow-up cards of those who answered.

    Raises Refused and Invalid like `indices.close`.
    """
    count(session, now)
    snapshot = indices.close(session, month, now)
    followups.destroy_answered(session, month)
    return snapshot


def close_due_months(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Close every month that can be closed, each in its own transaction; a refusal is logged."""
    with transaction() as session:
        months = indices.closable_months(session, now)
    closed = []
    for month in months:
        try:
            with transaction() as session:
                close(session, month, now)
            closed.append(month)
        except Refused as refusal:
            # Not a fault of the program: an operator must check the counts.
            log.error("closing.refused", month=month, code=refusal.code)  # noqa: TRY400
    return {"closed": closed}


def check_counts(_taken: Taken, _now: datetime) -> dict[str, Any]:
    """Compare the counts with the ballots; a difference is logged as an error for the operator.

    The result is empty, like that of the counting job.
    """
    # Every ballot is decrypted; all is read from one database snapshot, so no writer waits.
    differences = checking.check(db.session())
    if differences:
        first = checking.described(differences[0])
        log.error("counts.differ", numbers=len(differences), first=first)
    return {}
