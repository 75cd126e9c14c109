"""Texts that no rule could answer: a person reads them, and reveals of numbers are recorded."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from survey import audit
from survey.answers.conversation import receive
from survey.cases import access_control, inbox
from survey.cases.access_control import REVEALS_A_DAY
from survey.errors import Conflict, Invalid, NotFound, Refused
from survey.messages import outbox
from survey.messages.providers import InboundSms
from survey.models.message import Inbound, Message
from survey.models.organisation import Agency
from survey.models.staff import RoleName
from tests.conftest import unit_of_work
from tests.features import answering
from tests.messages.gateway import Gateway
from tests.seeding import NOW

ASKED = "Toi goi so 0905 111 222 khong ai nghe, CCCD 056123456789"


def text(session, number, words, minutes=0):
    """Receive a text."""
    at = NOW + timedelta(minutes=minutes)
    receive(session, InboundSms("fake", f"{number}/{minutes}", f"+8490000{number:04d}", words), at)


def test_texts_wait_by_number_oldest_first(app):
    """The texts of a masked number are listed together, and a wish to be called has its date."""
    with unit_of_work(app) as session:
        staff = answering.add_staff(session)
        text(session, 1, "Cho toi hoi", 5)
        text(session, 2, ASKED, 1)
        text(session, 1, "GOI", 9)
        first, second = inbox.threads(session, staff)
        assert (first.phone, second.phone) == ("09••••002", "09••••001")
        assert first.texts[0].words == "Toi goi so [số điện thoại] khong ai nghe, CCCD [số giấy tờ]"
        assert [one.words for one in second.texts] == ["Cho toi hoi", "GOI"]
        hello, call = second.texts
        assert hello.call_by is None
        assert call.call_by > NOW
        assert inbox.waiting(session) == 3
        assert inbox.find(session, staff, second.texts[1].id) == second


def test_a_look_at_a_number_needs_a_reason_and_is_counted(app):
    """A number is revealed once with a reason, recorded without a digit of it, at most twenty a day
    including cases.
    """
    with unit_of_work(app) as session:
        staff = answering.add_staff(session)
        text(session, 2, ASKED)
        (thread,) = inbox.threads(session, staff)
        with pytest.raises(Invalid, match="reveal_reason"):
            inbox.reveal(session, staff, thread.id, "curiosity", NOW)
        left = access_control.reveals_left(session, staff, NOW)
        seen = inbox.reveal(session, staff, thread.id, "call_back", NOW)
        assert (seen.phone, seen.texts[0].words) == ("+84900000002", ASKED)
        assert access_control.reveals_left(session, staff, NOW) == left - 1 == REVEALS_A_DAY - 1
        case = answering.raise_case(session, contact=answering.WISH)
        access_control.reveal(session, staff, case, "Gọi lại", NOW)
        for _ in range(left - 2):
            inbox.reveal(session, staff, thread.id, "compare", NOW)
        with pytest.raises(Refused, match="reveal_quota"):
            inbox.reveal(session, staff, thread.id, "urgent", NOW)
        inbox.reveal(session, staff, thread.id, "urgent", NOW + timedelta(days=1))
        entry = audit.entries(session, action="inbox.reveal")[0]
        assert (entry.staff_id, entry.subject, entry.detail) == (
            staff.id,
            f"inbound:{thread.id}",
            {"reason": "call_back"},
        )


def test_an_answer_leaves_once_and_settles_what_was_read(app):
    """A reply goes once to the number that wrote and finishes the texts that were read; later texts
    wait.
    """
    with unit_of_work(app) as session:
        staff = answering.add_staff(session)
        text(session, 3, "Bao gio co ket qua?")
        (thread,) = inbox.threads(session, staff)
        text(session, 3, "Alo", 2)
        sms = inbox.compose(session, "Hồ sơ đã xong,\n mời Ông/Bà đến nhận.", accented=False)
        assert sms.text.startswith("Ho so da xong, moi Ong/Ba den nhan. Tong dai ")
        assert sms.segments == 1
        inbox.answer(session, staff, [one.id for one in thread.texts], sms, NOW)
        with pytest.raises(Conflict, match="inbound_settled"):
            inbox.answer(session, staff, [thread.id], sms, NOW)
        with pytest.raises(NotFound, match="no_inbound"):
            inbox.find(session, staff, thread.id)
        (left,) = inbox.threads(session, staff)
        assert [one.words for one in left.texts] == ["Alo"]
        inbox.settle(session, staff, [left.id], NOW)
        assert inbox.threads(session, staff) == []
        acts = audit.entries(session, staff_id=staff.id)
        assert [act.action for act in acts] == ["inbox.answer", "inbox.done"]
    gateway = Gateway()
    with app.app_context():
        outbox.send_due(gateway, NOW)
    assert [(sms.recipient.address, sms.text[:13]) for sms in gateway.taken] == [
        ("+84900000003", "Ho so da xong")
    ]
    with unit_of_work(app) as session:
        assert session.scalars(select(Message.recipient_index)).all() == [None]


def test_numbers_of_two_people_are_never_settled_together(app):
    """A form with texts of two numbers changes nothing, and a landline gets no text."""
    with unit_of_work(app) as session:
        staff = answering.add_staff(session)
        text(session, 1, "Cho hoi")
        text(session, 2, "Cho hoi", 1)
        ids = [one.id for one in inbox.threads(session, staff)]
        with pytest.raises(Conflict, match="inbound_settled"):
            inbox.settle(session, staff, ids, NOW)
        assert inbox.waiting(session) == 2
        number = "+842583822999"
        row = session.get(Inbound, ids[0])
        row.phone = number
        sms = inbox.compose(session, "Xin chào", accented=True)
        assert not inbox.find(session, staff, ids[0]).may_text
        with pytest.raises(Refused, match="no_mobile_wished"):
            inbox.answer(session, staff, ids[:1], sms, NOW)
        with pytest.raises(Invalid, match="reply_empty"):
            inbox.compose(session, "  ", accented=True)


def test_only_the_hotline_reads_the_inbox(sqlite_app):
    """No other role and no handler of a single agency reads the inbox."""
    with unit_of_work(sqlite_app) as session:
        text(session, 1, "Can bo doi tien")
        agency = session.scalars(select(Agency).limit(1)).one()
        for role in RoleName:
            scoped = role in {RoleName.AGENCY_HEAD, RoleName.HANDLER}
            staff = answering.add_staff(session, role, agency=agency if scoped else None)
            with pytest.raises(Refused, match="not_hotline"):
                inbox.threads(session, staff)
