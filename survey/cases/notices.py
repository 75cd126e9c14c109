"""SMS about a case for citizens who asked for a call: reply, postponed deadline, reopening."""

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from survey.cases.deadlines import reopen_until
from survey.errors import Invalid, Refused
from survey.messages import outbox
from survey.messages.phone import recipient_at
from survey.messages.segments import measure
from survey.messages.text import REFUSED_BY_CARRIERS, SmsText, deadline_words, plain
from survey.messages.versions import compose as compose_text
from survey.models.case import Case
from survey.models.message import MessageKind
from survey.models.recipient import Recipient
from survey.province import hotline_of

# A reply with more segments than this is read on the page; the message only announces it.
MOST_SEGMENTS = 5
WORTH_SENDING = timedelta(days=3)


class Way(StrEnum):
    """How a reply reaches the citizen in addition to the page of the link."""

    PAGE = "page"
    NOTICE = "notice"
    PLAIN = "plain"
    ACCENTED = "accented"


def may_text(case: Case) -> bool:
    """Whether the citizen asked for a call and gave a mobile number."""
    return _recipient(case) is not None


def compose(session: Session, case: Case, reply: str, way: Way, now: datetime) -> SmsText | None:
    """The message for a reply; None if it is published on the page only.

    NOTICE announces the reply; PLAIN and ACCENTED contain its text without and with diacritics.
    Invalid `sms_characters` lists the characters that carriers refuse, `reply_too_long_for_sms`
    gives the number of segments.
    """
    if way is Way.PAGE:
        return None
    hotline = hotline_of(session)
    if way is Way.NOTICE:
        by = deadline_words(reopen_until(now), "vi_accented")
        return compose_text(
            session, "answered", case_code=case.code, url="", hotline=hotline, by=by
        )
    words = f"Phản ánh {case.code}: {' '.join(reply.split())} Tổng đài {hotline}."
    return carried(words, accented=way is Way.ACCENTED)


def carried(words: str, *, accented: bool) -> SmsText:
    """A text as SMS, with or without diacritics; Invalid as in `compose`."""
    text = words if accented else plain(words)
    if refused := [sign for sign in dict.fromkeys(text) if sign in REFUSED_BY_CARRIERS]:
        raise Invalid("sms_characters", " ".join(refused))
    size = measure(text)
    if size.segments > MOST_SEGMENTS:
        raise Invalid("reply_too_long_for_sms", f"{size.segments}")
    return SmsText(text, size.encoding, size.segments)


def send(session: Session, case: Case, text: SmsText, now: datetime) -> None:
    """Queue the message in the outbox; Refused `no_mobile_wished` without a mobile number."""
    recipient = _recipient(case)
    if recipient is None:
        raise Refused("no_mobile_wished")
    draft = outbox.Draft(
        kind=MessageKind.CASE_REPLY,
        recipient=recipient,
        text=text,
        due_at=now,
        expires_at=now + WORTH_SENDING,
        case_code=case.code,
    )
    outbox.enqueue(session, now, draft)


def notify_of_deadline(session: Session, case: Case, body: str, now: datetime) -> None:
    """Send the deadline of the written reply: `body` is `delay` (postponed) or `reopened`.

    A citizen who asked for no call, or gave no mobile number, reads it on the page of the link.
    """
    if not may_text(case):
        return
    hotline = hotline_of(session)
    by = deadline_words(case.record.due_at, "vi_accented")
    text = compose_text(session, body, case_code=case.code, hotline=hotline, by=by, url="")
    send(session, case, text, now)


def _recipient(case: Case) -> Recipient | None:
    wish = case.contact
    return recipient_at(wish.phone_e164) if wish else None
