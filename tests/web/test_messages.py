"""The room of messages, used as a person uses it, without JavaScript."""

import re
from datetime import timedelta
from html import unescape

from sqlalchemy import select

from survey import audit
from survey.jobs import heartbeat
from survey.models.job import ProcessKind
from survey.models.message import Message, MessageKind, MessageState, ProviderHealth
from survey.period import Month
from survey.province.workdays import local_day
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.messages.gateway import phone, queue
from tests.web.staff_accounts import form_token, post, signed_in

ROOM = "/staff/messages"


def put(app, number, **changes):
    """A message that is due now, changed as wanted; its id."""
    with unit_of_work(app) as session:
        fields = {"due_at": NOW - timedelta(minutes=2), "expires_at": NOW + timedelta(days=7)}
        message_id = queue(session, number, kind=MessageKind.INVITATION, **fields)
        message = session.get(Message, message_id)
        for name, value in changes.items():
            setattr(message, name, value)
        return message_id


def said(answer):
    """The words of a page, without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(answer.text)).split())


def test_a_long_send_is_watched_without_script(make_app, clock):
    """Counts, pace and time left; the page renews itself while messages leave, and not after."""
    app = make_app(DEMO="1")
    with unit_of_work(app) as session:
        heartbeat.beat(session, ProcessKind.SENDER, NOW)
    for number in range(3):
        put(app, number)
    for number in range(3, 8):
        sent_at = NOW - timedelta(seconds=10 + number)
        put(app, number, state=MessageState.SENT, sent_at=sent_at)
    clerk = signed_in(app, "analyst")
    clock.set(NOW)  # the pace is that of the last minute, however long this took
    page = clerk.get(ROOM)
    assert page.headers["Refresh"] == "5"
    words = said(page)
    assert "3 tin đang chờ gửi" in words
    assert re.search(r"Tốc độ 0,\d tin/giây ?, còn khoảng \d+ giây", words)
    assert re.search(r"Đã gửi 5 62,5% nhà mạng đã nhận", words)
    assert "Refresh" not in clerk.get(f"{ROOM}?dung=1").headers
    with unit_of_work(app) as session:
        for message in session.scalars(select(Message)):
            message.state, message.sent_at = MessageState.DELIVERED, NOW
    done = clerk.get(ROOM)
    assert "Refresh" not in done.headers
    assert "Mọi tin đến hạn đã được gửi" in said(done)


def test_a_silent_worker_is_told(app):
    """Nobody waits for messages that nothing sends."""
    put(app, 1)
    assert "Bộ phận gửi tin không hoạt động" in said(signed_in(app, "admin").get(ROOM))


def test_unclear_messages_are_decided_on_their_page(app):
    """Listed masked, decided for the ticked ones or for all; nothing ticked changes nothing."""
    mark_unknown = {
        "state": MessageState.UNKNOWN,
        "unknown_since": NOW - timedelta(hours=1),
        "attempt_id": None,
        "reason": "ReadTimeout",
    }
    first, _ = put(app, 1, **mark_unknown), put(app, 2, **mark_unknown)
    clerk = signed_in(app, "analyst")
    assert "2 tin chưa rõ đã gửi hay chưa" in said(clerk.get(ROOM))
    page = clerk.get(f"{ROOM}/unclear")
    assert "09••••001" in page.text
    assert phone(1)[3:] not in page.text
    empty = post(clerk, f"{ROOM}/unclear", verdict="left", scope="chosen")
    assert empty.status_code == 400
    done = post(clerk, f"{ROOM}/unclear", verdict="left", scope="chosen", message=first)
    assert done.status_code == 303
    assert "Đã ghi là đã gửi: 1 tin" in said(clerk.get(f"{ROOM}/unclear"))
    assert post(clerk, f"{ROOM}/unclear", verdict="send_again", scope="all").status_code == 303
    with unit_of_work(app) as session:
        states = session.scalars(select(Message.state).order_by(Message.state)).all()
        assert states == ["ready", "sent"]
    assert "Không có tin nào cần quyết định" in said(clerk.get(f"{ROOM}/unclear"))


def test_a_number_is_looked_up_by_form(app):
    """The hotline finds what a caller was sent; a part of a number is refused; looks are kept."""
    put(app, 7, state=MessageState.DELIVERED)
    hotline = signed_in(app, "handler")
    token = form_token(hotline, f"{ROOM}/search")
    found = hotline.post(f"{ROOM}/search", data={"csrf_token": token, "phone": "0900 000 007"})
    assert re.search(r"Lời mời – \d\d:\d\d .* Đến máy", said(found))
    assert "0900 000 007" not in found.text
    wrong = hotline.post(f"{ROOM}/search", data={"csrf_token": token, "phone": "0007"})
    assert wrong.status_code == 400
    with unit_of_work(app) as session:
        assert len(list(audit.entries(session, action="message.look_up"))) == 1


def test_costs_are_told_by_agency_with_budgets_and_reasons(make_app):
    """Dong and segments of who was asked for, why others did not leave, and the budgets' marks."""
    app = make_app(SMS_DAILY_BUDGET="10", SMS_MONTHLY_BUDGET="1000")
    put(app, 1, state=MessageState.DELIVERED, sent_at=NOW, cost_dong=850)
    put(app, 2, state=MessageState.CANCELLED, reason="opted_out")
    with unit_of_work(app) as session:
        health = ProviderHealth(name="console", bad_calls=0, tokens=1)
        health.day, health.day_segments = local_day(NOW), 10
        health.month, health.month_segments = Month.at(NOW), 850
        session.add(health)
    words = said(signed_in(app, "leader").get(f"{ROOM}/costs"))
    assert re.search(r"850 đồng, tháng .* 1 tin đã gửi", words)
    assert "Nhắc lại và trả lời tin người dân nhắn đến 1 1 850" in words
    assert "Người dân từ chối nhận tin 1" in words
    assert "đã dùng 10/10 đoạn (100%) ▼ Hết, tin giữ lại chờ" in words
    assert "đã dùng 850/1.000 đoạn (85%) ◐ Gần hết" in words
