"""The hotline's inbox: inbound texts that no rule could answer, oldest first, grouped by phone.

Numbers are masked; revealing one needs a reason and counts towards the daily limit of reveals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey import audit
from survey.cases.access_control import REVEAL, REVEALS_A_DAY, reveals_left
from survey.cases.deadlines import FIRST_REACTION_HOURS
from survey.cases.notices import carried
from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.formats import mask_phone
from survey.messages import outbox
from survey.messages.dialogue import parse
from survey.messages.phone import recipient_at
from survey.messages.text import SmsText
from survey.models.message import Inbound, MessageKind
from survey.models.staff import RoleName, Staff, count_use, scope_of
from survey.privacy.masking import mask_text
from survey.province import calendar_of, hotline_of
from survey.province.workdays import local_day

SHOWN_AT_ONCE = 100
WORTH_SENDING = timedelta(days=3)
REASONS = frozenset({"call_back", "compare", "urgent"})


@dataclass(frozen=True, slots=True)
class Text:
    """One inbound text; `call_by`: the deadline of a promised call, None if none was requested."""

    id: str
    received_at: datetime
    words: str
    call_by: datetime | None


@dataclass(frozen=True, slots=True)
class Thread:
    """The open texts of one number, oldest first; `phone` is masked until revealed."""

    phone: str
    texts: tuple[Text, ...]
    may_text: bool

    @property
    def id(self) -> str:
        """The id of its oldest text."""
        return self.texts[0].id


def waiting(session: Session) -> int:
    """How many texts wait for a handler."""
    query = select(func.count()).select_from(Inbound).where(Inbound.needs_person)
    return session.scalar(query) or 0


def threads(session: Session, staff: Staff) -> list[Thread]:
    """The numbers waiting for a handler, oldest first, from at most 100 texts.

    Refused `not_hotline` for accounts other than hotline handlers of the whole province.
    """
    _check(session, staff)
    query = select(Inbound).where(Inbound.needs_person).order_by(Inbound.received_at, Inbound.id)
    grouped: dict[bytes, list[Inbound]] = {}
    for row in session.scalars(query.limit(SHOWN_AT_ONCE)):
        grouped.setdefault(row.phone_index, []).append(row)
    return [_thread(session, rows) for rows in grouped.values()]


def find(session: Session, staff: Staff, text_id: str) -> Thread:
    """All open texts of the number that sent this one; NotFound `no_inbound` once it is settled."""
    _check(session, staff)
    return _thread(session, _rows(session, text_id))


def reveal(session: Session, staff: Staff, text_id: str, reason: str, now: datetime) -> Thread:
    """The thread with number and words in full, for one view; the audit log stores who and why.

    Invalid `reveal_reason`; Refused `reveal_quota` after 20 reveals a day, those of cases included.
    """
    _check(session, staff)
    if reason not in REASONS:
        raise Invalid("reveal_reason")
    # The account's row is locked, so that two concurrent reveals cannot both be the twentieth.
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update())
    if reveals_left(session, staff, now) < 1:
        raise Refused("reveal_quota", str(REVEALS_A_DAY))
    rows = _rows(session, text_id)
    subject = f"inbound:{text_id}"
    detail = {"reason": reason}
    count_use(session, staff.id, REVEAL, local_day(now))
    audit.append(session, now, "inbox.reveal", subject, staff_id=staff.id, detail=detail)
    return _thread(session, rows, in_full=True)


def compose(session: Session, words: str, *, accented: bool) -> SmsText:
    """The answer as SMS text, ending with the hotline's number; Invalid as `notices.carried`."""
    if not words.strip():
        raise Invalid("reply_empty")
    hotline = hotline_of(session)
    return carried(f"{' '.join(words.split())} Tổng đài {hotline}.", accented=accented)


def answer(
    session: Session, staff: Staff, ids: Sequence[str], text: SmsText, now: datetime
) -> None:
    """Answer by SMS and settle the texts with these ids; texts that came later stay open.

    Like other messages of a dialogue, its phone number is deleted after sending.
    """
    rows = _settle(session, staff, ids, "inbox.answer", now)
    recipient = recipient_at(rows[0].phone)
    if recipient is None:
        raise Refused("no_mobile_wished")
    draft = outbox.Draft(
        kind=MessageKind.DIALOGUE,
        recipient=recipient,
        text=text,
        due_at=now,
        expires_at=now + WORTH_SENDING,
    )
    outbox.enqueue(session, now, draft)


def settle(session: Session, staff: Staff, ids: Sequence[str], now: datetime) -> None:
    """Settle these texts without an answer: the citizen was called, or no answer is needed."""
    _settle(session, staff, ids, "inbox.done", now)


def _settle(
    session: Session, staff: Staff, ids: Sequence[str], action: str, now: datetime
) -> list[Inbound]:
    _check(session, staff)
    query = select(Inbound).where(Inbound.id.in_(ids), Inbound.needs_person)
    rows = list(session.scalars(query.order_by(Inbound.received_at).with_for_update()))
    if not rows or len({row.phone_index for row in rows}) > 1:
        raise Conflict("inbound_settled")
    for row in rows:
        row.needs_person = False
        audit.append(session, now, action, f"inbound:{row.id}", staff_id=staff.id)
    return rows


def _check(session: Session, staff: Staff) -> None:
    if staff.role is not RoleName.HANDLER or scope_of(session, staff).agency_ids is not None:
        raise Refused("not_hotline")


def _rows(session: Session, text_id: str) -> list[Inbound]:
    named = session.get(Inbound, text_id)
    if named is None or not named.needs_person:
        raise NotFound("no_inbound")
    query = select(Inbound).where(Inbound.needs_person, Inbound.phone_index == named.phone_index)
    return list(session.scalars(query.order_by(Inbound.received_at, Inbound.id)))


def _thread(session: Session, rows: Sequence[Inbound], *, in_full: bool = False) -> Thread:
    number = rows[0].phone
    return Thread(
        phone=number if in_full else mask_phone(number),
        texts=tuple(_text(session, row, in_full=in_full) for row in rows),
        may_text=recipient_at(number) is not None,
    )


def _text(session: Session, row: Inbound, *, in_full: bool) -> Text:
    words = row.body
    call_by = None
    if parse(words).kind == "call_me":
        calendar = calendar_of(session)
        call_by = calendar.add_working_hours(row.received_at, FIRST_REACTION_HOURS)
    return Text(row.id, row.received_at, words if in_full else mask_text(words), call_by)
