"""Retention periods of personal data, and their erasure. Counts and ratings stay.

Phone and name of a dossier, and what officials wrote about it, are erased 90 days after its finish,
the contact data of a case 90 days after its closing. Comments are erased a year after the end of
their month unless their case is open. At a citizen's request, phone and name are erased at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    Update,
    and_,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from survey import audit
from survey.ballots import followups
from survey.crypto.sealed import emptied
from survey.models.ballot import CountedBallot, PooledBallot
from survey.models.case import Case, CaseState, if_it_opens, in_work
from survey.models.dossier import Dossier, PhoneKind
from survey.models.extension import Extension
from survey.models.followup import FollowupCard
from survey.models.intake import ImportRow, ImportRun
from survey.models.invitation import Invitation
from survey.models.job import Job, JobState
from survey.models.message import (
    Conversation,
    Inbound,
    Message,
    MessageKind,
    MessageState,
)
from survey.models.recipient import IndexUse, Recipient
from survey.models.stage import END_STAGES, DossierStage
from survey.models.supplement import Supplement
from survey.period import Month
from survey.row_order import shuffle_rows


@dataclass(frozen=True, slots=True)
class Terms:
    """Retention period of each kind of data, in days."""

    # Phones and names: of dossiers after the finish or the end without a result, of messages after
    # they were due, of follow-up cards after the end of their month.
    contact_days: int = 90
    # Blind index of a reminder's phone, after it was sent: only the weekly limit needs it.
    reminded_days: int = 8
    # Contact data of a case, after its closing.
    case_contact_days: int = 90
    # Comments, after the end of their month.
    comment_days: int = 365
    # Inbound texts, after they arrived, unless a person still has to read them.
    inbound_days: int = 90
    # Results of imported rows after the end of the import, and jobs after their end.
    import_row_days: int = 1
    job_days: int = 90


TERMS = Terms()
UNFINISHED = (MessageState.READY, MessageState.SENDING, MessageState.UNKNOWN)


def erase_due(session: Session, now: datetime, terms: Terms = TERMS) -> dict[str, Any]:
    """Erase everything past its retention period; returns kind of data → number of rows."""
    erased = {
        "words": _erase_words(session, _over(now, timedelta(days=terms.contact_days))),
        "dossiers": _erase_dossiers(session, now, timedelta(days=terms.contact_days)),
        "messages": _erase_messages(session, now - timedelta(days=terms.contact_days)),
        "reminders": _forget_reminded(session, now - timedelta(days=terms.reminded_days)),
        "inbound": _erase_inbound(session, now - timedelta(days=terms.inbound_days)),
        "cases": _erase_case_contacts(session, now - timedelta(days=terms.case_contact_days)),
        "followup_cards": _drop_cards(session, now - timedelta(days=terms.contact_days)),
        "comments": _erase_comments(session, now - timedelta(days=terms.comment_days)),
        "import_rows": _drop_import_rows(session, now - timedelta(days=terms.import_row_days)),
        "jobs": _drop_jobs(session, now - timedelta(days=terms.job_days)),
    }
    if any(erased.values()):
        audit.append(session, now, "privacy.retention", "all", detail=erased)
    return erased


def erase_phone(session: Session, e164: str, now: datetime) -> dict[str, int]:
    """Erase the phone number (E.164) and name of one citizen everywhere, at their request.

    Returns kind of data → number of rows. Ratings stay, because no row links them to a citizen.
    """
    recipient = Recipient.by_sms(e164)
    sent = Message.recipient.holds(session, recipient.indexed_text())
    # A reminder that is unlinked meanwhile gets another blind index, so the other indexes are
    # searched after the original one.
    cancelled = _cancel_waiting(session, sent)
    apart = [recipient.indexed_text(use) for use in IndexUse if use is not IndexUse.ASKED]
    others = or_(*(Message.recipient.holds(session, text) for text in apart))
    cancelled += _cancel_waiting(session, others)
    of_phone = Dossier.phone.holds(session, e164)
    erased = {
        "words": _erase_words(session, of_phone),
        "dossiers": _erase_for_good(session, of_phone),
        "messages": _count(
            session,
            _blank_messages().where(or_(sent, others), Message.state.not_in(UNFINISHED)),
        ),
        "cancelled": cancelled,
        "inbound": _count(session, delete(Inbound).where(Inbound.phone.holds(session, e164))),
        "conversations": _count(
            session, delete(Conversation).where(Conversation.phone.holds(session, e164))
        ),
        "followup_cards": followups.forget(session, e164),
        "cases": _blank_contacts(
            session.scalars(select(Case).where(Case.contact.holds(session, e164)).with_for_update())
        ),
    }
    audit.append(session, now, "privacy.erase_phone", "request", detail=erased)
    return erased


def _cancel_waiting(session: Session, of_phone: ColumnElement[bool]) -> int:
    """Cancel and erase the messages that wait to be sent to a phone; returns how many."""
    return _count(
        session,
        _blank_messages()
        .where(of_phone, Message.state == MessageState.READY)
        .values(state=MessageState.CANCELLED, reason="erased"),
    )


def _count(session: Session, statement: Update | Delete) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", result).rowcount


def _blank_dossiers() -> Update:
    return update(Dossier).values(emptied(Dossier))


def _blank_messages() -> Update:
    return update(Message).values(prefix=None, **emptied(Message))


def _over(now: datetime, term: timedelta) -> ColumnElement[bool]:
    """SQL condition for dossiers whose phone number is of no use any more.

    They ended, with or without a result, more than `term` ago and have no open invitation.
    """
    before = now - term
    still_open = exists().where(Invitation.dossier_id == Dossier.id, Invitation.expires_at > now)
    moved = exists().where(DossierStage.dossier_id == Dossier.id, DossierStage.at >= before)
    without_result = and_(
        Dossier.finished_at.is_(None),
        Dossier.stage.in_(END_STAGES),
        Dossier.received_at < before,
        ~moved,
    )
    return and_(or_(Dossier.finished_at < before, without_result), ~still_open)


def _erase_dossiers(session: Session, now: datetime, term: timedelta) -> int:
    has_contact = or_(Dossier.phone_sealed.is_not(None), Dossier.name_sealed.is_not(None))
    return _count(session, _blank_dossiers().where(_over(now, term), has_contact))


def _erase_for_good(session: Session, of_phone: ColumnElement[bool]) -> int:
    """Erase contact data at the citizen's request, so that later imports store none again."""
    for_good = {"contact_erased": True, "phone_kind": PhoneKind.MISSING}
    return _count(session, _blank_dossiers().values(for_good).where(of_phone))


def _erase_words(session: Session, of_dossier: ColumnElement[bool]) -> int:
    """Erase what officials wrote about missing papers and about delays of some dossiers."""
    dossiers = select(Dossier.id).where(of_dossier)
    supplements = update(Supplement).where(Supplement.text_sealed.is_not(None))
    extensions = update(Extension).where(Extension.reason_sealed.is_not(None))
    return _count(
        session,
        supplements.where(Supplement.dossier_id.in_(dossiers)).values(emptied(Supplement)),
    ) + _count(
        session,
        extensions.where(Extension.dossier_id.in_(dossiers)).values(emptied(Extension)),
    )


def _erase_messages(session: Session, before: datetime) -> int:
    return _count(
        session,
        _blank_messages().where(
            Message.due_at < before,
            Message.recipient_sealed.is_not(None),
            Message.state.not_in(UNFINISHED),
        ),
    )


def _forget_reminded(session: Session, before: datetime) -> int:
    """Erase the blind index of unlinked reminders once the weekly limit does not need it.

    The index reveals which reminders went to the same phone.
    """
    return _count(
        session,
        update(Message)
        .values(recipient_index=None)
        .where(Message.kind == MessageKind.REMINDER, Message.invitation_id.is_(None))
        .where(Message.sent_at < before, Message.recipient_index.is_not(None)),
    )


def _erase_inbound(session: Session, before: datetime) -> int:
    is_over = (Inbound.received_at < before, Inbound.needs_person.is_(False))
    return _count(session, delete(Inbound).where(*is_over))


def _erase_case_contacts(session: Session, before: datetime) -> int:
    """Erase contact data of cases closed before an instant.

    The closing time is encrypted, so every case with contact data is decrypted.
    """
    query = select(Case).where(Case.contact_sealed.is_not(None)).with_for_update()
    cases = session.scalars(query).all()
    records = {case.id: if_it_opens(case, Case.record) for case in cases}
    ended = {key: one.closed_at for key, one in records.items() if one and one.closed_at}
    return _blank_contacts(case for case in cases if ended.get(case.id, before) < before)


def _blank_contacts(cases: Iterable[Case]) -> int:
    """Remove phone number, name and dossier from some cases; returns how many."""
    blanked = 0
    for case in cases:
        case.contact = None
        blanked += 1
    return blanked


def _erase_comments(session: Session, before: datetime) -> int:
    """Erase comments of the months that ended before an instant, except those of open cases.

    Comments are chosen by month, because a ballot holds no date.
    """
    month, kept = Month.at(before), _ballots_of_open_cases(session)
    erased = 0
    for table in (CountedBallot, PooledBallot):
        old = (table.month < month, table.comment_sealed.is_not(None), table.key.not_in(kept))
        months = set(session.scalars(select(table.month).where(*old)))
        erased += _count(session, update(table).values(comment_sealed=None).where(*old))
        # An updated row moves behind the others, which would reveal that it had a comment.
        shuffle_rows(session, table, table.month.in_(months), on_sqlite=False)
    return erased


def _drop_cards(session: Session, before: datetime) -> int:
    """Delete follow-up cards by month, because a card holds no date."""
    return _count(session, delete(FollowupCard).where(FollowupCard.month < Month.at(before)))


def _ballots_of_open_cases(session: Session) -> list[bytes]:
    """Keys of the ballots whose cases are not closed."""
    records = (if_it_opens(case, Case.record) for case in session.scalars(in_work()))
    return [
        bytes.fromhex(one.ballot_key)
        for one in records
        if one and one.ballot_key is not None and one.state != CaseState.CLOSED
    ]


def _drop_import_rows(session: Session, before: datetime) -> int:
    done = select(ImportRun.id).where(ImportRun.finished_at < before)
    return _count(session, delete(ImportRow).where(ImportRow.run_id.in_(done)))


def _drop_jobs(session: Session, before: datetime) -> int:
    over = Job.state.in_((JobState.DONE, JobState.FAILED))
    return _count(session, delete(Job).where(over, Job.finished_at < before))
