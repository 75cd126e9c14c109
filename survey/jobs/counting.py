"""Counting the pool of ballots, with all that has to happen in the same transaction."""

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

# What was rewritten: dead rows must go. Where their bytes would show when a case was opened, how
# counts have moved or who said what before whom, the pages go as well; these tables are small.
REWRITTEN = (CountedBallot, Message)
REBUILT = (PooledBallot, Count, BallotAggregate, Case, Conversation, WaitingEntry)

log = structlog.get_logger()


def count(session: Session, now: datetime) -> int:
    """Count every ballot that waits; how many.

    The control charts read the days that are over before their ballots lose them; what citizens
    caused is appended to the audit log, and rows that would keep an order are shuffled.
    """
    counting.lock(session)
    monitoring.update(session, now)
    counted = counting.count(session)
    archiving.shuffle(session)
    shuffle_conversations(session)
    # Last, as everywhere: staff hold a case when they take the lock of the audit log.
    audit.append_waiting(session)
    return counted


def count_and_clean(now: datetime) -> int:
    """Count every ballot that waits, and clean the pages of what was rewritten; how many."""
    with transaction() as session:
        counted = count(session, now)
    clean_up(REWRITTEN, rebuilt=REBUILT)
    return counted


def count_ballots(_taken: Taken, now: datetime) -> dict[str, Any]:
    """The job of the night; its result names no number, since that would show who answered when."""
    count_and_clean(now)
    return {}


def close(session: Session, month: Month, now: datetime) -> Snapshot:
    """Close a month (YYYY-MM): what waits is counted first, and of those who answered no follow-up
    card is left. Refused and Invalid as `indices.close` says.
    """
    count(session, now)
    snapshot = indices.close(session, month, now)
    followups.destroy_answered(session, month)
    return snapshot


def close_due_months(_taken: Taken, now: datetime) -> dict[str, Any]:
    """Close every month that has dossiers, may be closed and is not, each on its own."""
    with transaction() as session:
        months = indices.closable_months(session, now)
    closed = []
    for month in months:
        try:
            with transaction() as session:
                close(session, month, now)
            closed.append(month)
        except Refused as refusal:
            # No fault of the program: an operator must look at the counts.
            log.error("closing.refused", month=month, code=refusal.code)  # noqa: TRY400
    return {"closed": closed}


def check_counts(_taken: Taken, _now: datetime) -> dict[str, Any]:
    """Compare the counts with the ballots; a difference is an error an operator must see."""
    # Every ballot is decrypted: no writer waits for it, and all is read in one snapshot.
    differences = checking.check(db.session())
    if differences:
        first = checking.described(differences[0])
        log.error("counts.differ", numbers=len(differences), first=first)
    return {"differences": len(differences)}
