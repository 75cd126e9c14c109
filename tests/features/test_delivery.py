"""Delivery of messages as operators see it, and the decisions left to them."""

import secrets
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from survey import audit
from survey.db import table_of
from survey.delivery import rates
from survey.delivery.looking_up import look_up
from survey.delivery.queue_status import outcomes_since, queue_status
from survey.delivery.unclear import ASKED_AFTER, Verdict, decide, unclear, waiting_for_person
from survey.errors import Invalid
from survey.messages import outbox
from survey.messages.suppression import opt_out
from survey.models.message import Message, MessageKind, MessageState, ProviderHealth
from survey.models.message_channel import MessageChannel
from survey.models.recipient import Recipient
from survey.models.staff import Staff
from survey.privacy import retention
from survey.province.workdays import local_day
from tests.conftest import unit_of_work
from tests.features import answering
from tests.messages.gateway import NOW, WEEK, Gateway, fails, phone, queue
from tests.seeding import Wanted, ask_everybody, finish

MINUTE = timedelta(minutes=1)


def fill(session, day, prefix, total, arrived):
    """Add messages of a prefix that left some days ago."""
    rows = [
        {
            "id": secrets.token_hex(16),
            "kind": MessageKind.INVITATION,
            "channel": MessageChannel.SMS,
            "prefix": prefix,
            "segments": 1,
            "encoding": "gsm7",
            "state": MessageState.DELIVERED if place < arrived else MessageState.UNDELIVERED,
            "due_at": NOW - timedelta(days=day),
            "expires_at": NOW,
            "sent_at": NOW - timedelta(days=day),
            "attempt": 1,
            "looks": 0,
            "reason": "",
        }
        for place in range(total)
    ]
    session.execute(insert(table_of(Message)), rows)


def lose(gateway):
    """Let calls of this gateway end without a response."""
    gateway.before = fails(TimeoutError())


def test_the_outbox_tells_how_it_stands(app):
    """The queue status shows messages waiting and scheduled, the oldest, the pace and the remaining
    time.
    """
    with unit_of_work(app) as session:
        for number in range(12):
            queue(session, number, kind=MessageKind.TEST)
        queue(session, 20, due_at=NOW + timedelta(hours=1))
        stand = queue_status(session, NOW + MINUTE)
        assert (stand.waiting, stand.scheduled, stand.oldest) == (12, 1, NOW)
        assert (stand.pace, stand.remaining, stand.pause_reason) == (None, None, None)
        sent = select(Message).where(Message.due_at <= NOW).limit(10)
        for place, message in enumerate(session.scalars(sent)):
            message.state = MessageState.SENT
            message.sent_at = NOW + timedelta(seconds=2 * place)
    with unit_of_work(app) as session:
        stand = queue_status(session, NOW + timedelta(seconds=20))
        assert (stand.sent_today, stand.waiting, stand.is_under_way) == (10, 2, True)
        assert stand.pace == pytest.approx(0.5)
        assert stand.remaining == timedelta(seconds=4)
        assert outcomes_since(session, NOW) == {"sent": 10, "ready": 3}


def test_the_outbox_tells_what_holds_it_back(make_app):
    """A closed send window, a spent budget, an open circuit breaker and a provider fault are each
    shown as the pause reason.
    """
    app = make_app(SMS_DAILY_BUDGET="5")
    night = NOW + timedelta(hours=13)  # 23:00
    with unit_of_work(app) as session:
        pause_reason = queue_status(session, night).pause_reason
        assert (pause_reason.reason, pause_reason.until) == ("window", NOW + timedelta(hours=22))
        health = ProviderHealth(
            name="console", bad_calls=0, tokens=1, day=local_day(NOW), day_segments=5
        )
        session.add(health)
        session.flush()
        assert queue_status(session, NOW).pause_reason.reason == "budget"
        health.open_until = NOW + MINUTE
        assert queue_status(session, NOW).pause_reason.reason == "breaker"
        health.paused_reason = "twilio 20003"
        assert (queue_status(session, NOW).pause_reason.reason, health.paused_reason) == (
            "fault",
            queue_status(session, NOW).pause_reason.detail,
        )


def test_a_carrier_that_stops_delivering_is_marked(app):
    """A day far below a carrier's usual delivery rate is marked, an ordinary day or one with few
    messages is not.
    """
    with unit_of_work(app) as session:
        for day in range(1, 30):
            fill(session, day, "090", 60, 58 - day % 3)
            fill(session, day, "098", 50, 48 + day % 3)
            fill(session, day, "092", 8, 8)
        fill(session, 0, "090", 60, 31)
        fill(session, 0, "098", 50, 47)
        fill(session, 0, "092", 3, 2)
        board = rates.board(session, NOW)
        today = board.days[-1]
        assert today == local_day(NOW)
        low = [(line.carrier, line.prefix) for line in board.low_on(today)]
        assert low == [("MobiFone", "")]
        assert board.low_lately() == ["MobiFone"]
        assert all(not board.low_on(day) for day in board.days[:-1])
        whole = next(line for line in board.lines if line.carrier == "MobiFone")
        assert whole.days[-1].share == pytest.approx(31 / 60)
        assert whole.days[-1].usual == pytest.approx(0.95, abs=0.01)
        assert board.has_receipts


def test_a_long_outage_does_not_become_usual(app):
    """Days marked as low do not enter the usual rate of later days, also at thousands of messages a
    day.
    """
    with unit_of_work(app) as session:
        for day in range(8, 30):
            fill(session, day, "098", 1100, 1070 - day % 5)
        for day in range(8):
            fill(session, day, "098", 1100, 600)
        board = rates.board(session, NOW)
        whole = next(line for line in board.lines if line.carrier == "Viettel")
        assert [day.is_low for day in whole.days] == [False] * 6 + [True] * 8


def test_what_may_still_arrive_is_not_counted(app):
    """A message of the last day without a receipt is not counted; an older one counts as not
    delivered.
    """
    with unit_of_work(app) as session:
        fill(session, 0, "098", 10, 10)
        fill(session, 2, "098", 10, 10)
        for message in session.scalars(select(Message)):
            message.state = MessageState.SENT
        board = rates.board(session, NOW)
        assert not board.has_receipts
        days = board.lines[0].days
        assert (days[-1].handed_over, days[-3].handed_over, days[-3].arrived) == (0, 10, 0)


def test_a_number_is_found_whole_and_the_look_is_recorded(app):
    """A number in any notation finds its messages and its opt-out, and the audit log records the
    look-up without a digit of it.
    """
    with unit_of_work(app) as session:
        ask_everybody(session)
        finish(session, [Wanted(42, phone="+84912345678")], NOW)
        staff = answering.add_staff(session)
        opt_out(session, Recipient.by_sms("+84912345678"), NOW)
        number = look_up(session, staff, "(+84) 912.345.678", NOW)
        assert number.masked == "09••••678"
        assert [(one.kind, one.last4) for one in number.messages] == [("invitation", "0042")]
        assert number.opted_out_on == local_day(NOW)
        assert look_up(session, staff, "0912345679", NOW).messages == []
        looks = audit.entries(session, action="message.look_up")
        told = [(one.staff_id, one.subject, one.detail) for one in looks]
        assert told == [
            (staff.id, "phone", {"found": 1}),
            (staff.id, "phone", {"found": 0}),
        ]
        for wrong in ("0912", "1900 1234", "0258 3822 999", "", "678"):
            with pytest.raises(Invalid, match="bad_mobile"):
                look_up(session, staff, wrong, NOW)


def test_no_look_finds_what_became_of_a_reminder(app):
    """A look-up finds a reminder until the day it is due, and not afterwards."""
    gateway = Gateway()
    with unit_of_work(app) as session:
        ask_everybody(session)
        finish(session, [Wanted(42)], NOW)
        staff_id = answering.add_staff(session).id
    kinds = []
    for timestamp in (NOW, NOW + timedelta(days=2, hours=15), NOW + timedelta(days=3)):
        with app.app_context():
            outbox.send_due(gateway, timestamp)
        with unit_of_work(app) as session:
            staff = session.get_one(Staff, staff_id)
            found = look_up(session, staff, Wanted(42).mobile, timestamp)
            kinds.append(sorted(one.kind for one in found.messages))
    assert kinds == [["invitation", "reminder"], ["invitation"], ["invitation"]]
    assert len(gateway.taken) == 2


def test_delivery_is_watched_by_what_is_no_reminder(app):
    """A reminder that left counts for no carrier and no prefix."""
    gateway = Gateway()
    with unit_of_work(app) as session:
        ask_everybody(session)
        finish(session, [Wanted(42)], NOW)
    for timestamp in (NOW, NOW + timedelta(days=3)):
        with app.app_context():
            assert outbox.send_due(gateway, timestamp).sent == 1
    with unit_of_work(app) as session:
        board = rates.board(session, NOW + timedelta(days=5))
        assert [sum(day.handed_over for day in line.days) for line in board.lines] == [1, 1]


def test_a_narrowed_account_finds_its_own_dossiers_only(app):
    """An account limited to one agency or sector finds no messages of the others."""
    with unit_of_work(app) as session:
        ask_everybody(session)
        one, other = answering.agencies(session)[:2]
        finish(session, [Wanted(42, agency=one.code, phone="+84912345678")], NOW)
        rights = ({}, {"agency": one}, {"agency": other}, {"sector": "investment"})
        staff = [answering.add_staff(session, **right) for right in rights]
        seen = [look_up(session, person, "0912345678", NOW).messages for person in staff]
        assert [len(messages) for messages in seen] == [1, 1, 0, 0]


def test_a_dialogue_keeps_no_part_of_its_number(app):
    """A message of a dialogue never has a prefix, and erasure removes that of other messages."""
    with unit_of_work(app) as session:
        talk = session.get(Message, queue(session, 1))
        test = session.get(Message, queue(session, 2, kind=MessageKind.TEST))
        assert (talk.prefix, test.prefix) == (None, "090")
        retention.erase_phone(session, phone(2), NOW)
        session.refresh(test)
        assert (test.prefix, test.recipient_index) == (None, None)


@pytest.mark.parametrize("verdict", Verdict)
def test_a_person_settles_what_no_machine_can(app, verdict):
    """A person decides that an unclear message was sent or is sent again, and the audit log records
    the decision.
    """
    gateway = Gateway(can_list=False)
    with unit_of_work(app) as session:
        ask_everybody(session)
        finish(session, [Wanted(number) for number in (1, 2, 3)], NOW)
        staff_id = answering.add_staff(session).id
    lose(gateway)
    with app.app_context():
        assert outbox.send_due(gateway, NOW, limit=2).unknown == 2
    later = NOW + ASKED_AFTER + MINUTE
    with unit_of_work(app) as session:
        assert waiting_for_person(session, NOW + MINUTE) == 0
        shown = unclear(session, later)
        assert {one.last4 for one in shown} < {"0001", "0002", "0003"}
        assert all(one.phone.startswith("09••••") for one in shown)
        assert decide(session, staff_id, [shown[0].id], verdict, later) == 1
        assert decide(session, staff_id, [shown[0].id], verdict, later) == 0
        assert decide(session, staff_id, None, verdict, later) == 1
        assert waiting_for_person(session, later) == 0
        told = audit.entries(session, action="message.decide")
        assert [one.detail["messages"] for one in told] == [1, 1]
        chosen = session.get(Message, shown[0].id)
        assert chosen.state == ("sent" if verdict is Verdict.LEFT else "ready")
        assert (chosen.body_sealed is None) == (verdict is Verdict.LEFT)
    calm = Gateway(can_list=False)
    with app.app_context():
        outbox.send_due(calm, later)
    assert len(calm.taken) == (1 if verdict is Verdict.LEFT else 3)


def test_unclear_for_a_week_is_still_there(app):
    """An unclear message waits for a person without a time limit."""
    gateway = Gateway(can_list=False)
    lose(gateway)
    with unit_of_work(app) as session:
        queue(session, 1, expires_at=NOW + 2 * WEEK)
    with app.app_context():
        outbox.send_due(gateway, NOW)
        outbox.reconcile(gateway, NOW + WEEK, settle=timedelta())
    with unit_of_work(app) as session:
        assert waiting_for_person(session, NOW + WEEK) == 1
