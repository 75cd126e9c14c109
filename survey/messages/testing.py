"""Test messages: staff send a text to their own number, to see it on a real phone."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import audit
from survey.errors import Invalid, Refused
from survey.messages import outbox
from survey.messages.phone import recipient_at
from survey.messages.text import SmsText
from survey.models.message import MessageKind
from survey.models.staff import Staff, count_use, used_on
from survey.province.workdays import local_day

ACTION = "text.test"
TESTS_A_DAY = 20
WORTH_SENDING = timedelta(hours=1)


def send_test(session: Session, staff_id: int, typed: str, text: SmsText, now: datetime) -> None:
    """Queue a text for a number as typed; the audit log records who sent it.

    Invalid `bad_mobile`; Refused `test_quota` after twenty an account and local day.
    """
    recipient = recipient_at(typed)
    if recipient is None:
        raise Invalid("bad_mobile")
    # The account's row is locked, so that two tests at once cannot both be the last allowed one.
    session.execute(select(Staff.id).where(Staff.id == staff_id).with_for_update())
    if used_on(session, staff_id, ACTION, local_day(now)) >= TESTS_A_DAY:
        raise Refused("test_quota", str(TESTS_A_DAY))
    count_use(session, staff_id, ACTION, local_day(now))
    draft = outbox.Draft(
        kind=MessageKind.TEST,
        recipient=recipient,
        text=text,
        due_at=now,
        expires_at=now + WORTH_SENDING,
    )
    message = outbox.enqueue(session, now, draft)
    audit.append(session, now, ACTION, f"message:{message.id}", staff_id=staff_id)
