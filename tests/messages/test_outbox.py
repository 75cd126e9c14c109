import threading
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, func, select

from survey import invitations
from survey.db import transaction
from survey.errors import Refused
from survey.messages import outbox
from survey.messages.providers import SmsConfigFault, SmsLoad, SmsNotSent, SmsRefused
from survey.models.count import Frame
from survey.models.invitation import CoverageEntry, OptOut
from survey.models.message import Message, MessageKind, MessageState, ProviderHealth
from survey.models.province import Province, SpecialDay
from survey.models.recipient import Recipient
from survey.period import Month
from tests.clocks import PATIENCE
from tests.messages.gateway import NOW, WEEK, Gateway, fails, phone, queue, takes
from tests.seeding import Wanted, ask_everybody, finish

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NO_WAIT = timedelta()


@pytest.fixture
def gateway(app):
    """A gateway, while the application's database is at hand."""
    with app.app_context():
        yield Gateway()


@pytest.fixture
def rows(transact):
    """`rows()`: state and reason of every message, by text order of their due time."""

    def read():
        with transact() as session:
            query = select(Message).order_by(Message.due_at, Message.id)
            return [(m.state, m.reason, m.attempt) for m in session.scalars(query)]

    return read


def invite(transact, *numbers, now=NOW):
    """Finished dossiers whose citizens are asked."""
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(number, finished_at=now - MINUTE) for number in numbers], now)


def frame(transact):
    """Invited and delivered of all cells together."""
    with transact() as session:
        sums = select(func.sum(Frame.invited), func.sum(Frame.delivered))
        return tuple(session.execute(sums).one())


def decisions(transact):
    """Decisions of the ledger, sorted."""
    with transact() as session:
        return sorted(session.scalars(select(CoverageEntry.decision)))


def test_what_is_due_leaves_once(transact, gateway, rows):
    """Every due message reaches the gateway exactly once, however often the run is repeated."""
    with transact() as session:
        for number in range(40):
            queue(session, number, f"Tin {number}")
        queue(session, 99, due_at=NOW + MINUTE)
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(40, 0, 0, 0)
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(0, 0, 0, 0)
    assert sorted(gateway.texts) == sorted(f"Tin {number}" for number in range(40))
    assert [state for state, _, _ in rows()] == ["sent"] * 40 + ["ready"]


def test_limit_holds_back_the_rest(transact, gateway):
    """A run with a limit begins no more calls than that and says what still waits."""
    with transact() as session:
        for number in range(5):
            queue(session, number)
    assert outbox.send_due(gateway, NOW, 2) == outbox.SendSummary(2, 0, 0, 3)


def test_two_workers_share_the_queue(app, transact):
    """Two runs at the same time send every message, and none twice."""
    with transact() as session:
        for number in range(60):
            queue(session, number, f"Tin {number}")
    gateway = Gateway()

    def work():
        with app.app_context():
            outbox.send_due(gateway, NOW)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(gateway.texts) == sorted(f"Tin {number}" for number in range(60))


def test_a_call_that_hangs_holds_up_nobody(transact, gateway):
    """While one call waits for its answer the others go on."""
    others_left = threading.Event()

    def hang(sms):
        if sms.text == "Tin 0":
            assert others_left.wait(PATIENCE)

    def count(_):
        if len(gateway.taken) == 18:
            others_left.set()

    gateway.before, gateway.after = hang, count
    with transact() as session:
        for number in range(19):
            queue(session, number, f"Tin {number}", due_at=NOW - MINUTE * (number == 0))
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(19, 0, 0, 0)
    assert gateway.texts[-1] == "Tin 0"


def test_body_is_blanked_when_it_left(transact, gateway):
    """After acceptance the outbox holds neither the link nor, for a dialogue, the phone."""
    invite(transact, 1)
    with transact() as session:
        queue(session, 2)
    outbox.send_due(gateway, NOW)
    with transact() as session:
        left = session.scalars(select(Message).where(Message.state == MessageState.SENT))
        by_kind = {message.kind: message for message in left}
        assert all(message.body_sealed is None for message in by_kind.values())
        assert by_kind["invitation"].recipient_index is not None
        assert by_kind["dialogue"].recipient_index is None
        assert by_kind["dialogue"].recipient_sealed is None
    assert frame(transact) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "reason", "attempt"),
    [
        (SmsNotSent("no connection"), "SmsNotSent", 1),
        (SmsLoad("20429"), "SmsLoad", 1),
        (SmsConfigFault("twilio 20003"), "config_fault", 0),
    ],
)
def test_what_surely_did_not_leave_waits(transact, gateway, rows, fault, reason, attempt):
    """A call that created nothing is tried again later; our own fault burns no attempt."""
    with transact() as session:
        queue(session, 1)
    gateway.before = fails(fault)
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(0, 0, 0, 1)
    assert rows() == [("ready", reason, attempt)]
    gateway.before = takes
    assert outbox.send_due(gateway, NOW).sent == 0
    assert outbox.send_due(gateway, NOW + 20 * MINUTE).sent == 1
    with transact() as session:
        health = session.scalars(select(ProviderHealth)).one()
        assert (health.bad_calls, health.paused_reason, health.day_segments) == (0, None, 1)


def test_refused_for_good_is_not_asked(transact, gateway, rows):
    """A number that the provider refuses is in the ledger with its reason, and all adds up."""
    invite(transact, 1)
    gateway.before = fails(SmsRefused("bad_number"))
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(0, 1, 0, 0)
    assert rows() == [("failed", "bad_number", 1)]
    assert decisions(transact) == ["provider_refused"]
    assert frame(transact) == (0, 0)
    with transact() as session:
        assert invitations.verify_coverage(session, Month("2026-05"))


def test_a_refused_answer_touches_no_ledger(transact, gateway, rows):
    """What is no invitation fails by itself; nothing queued at all is no fault."""
    with transact() as session:
        queue(session, 1)
        outbox.enqueue_many(session, NOW, [])
    gateway.before = fails(SmsRefused("bad_text"))
    assert outbox.send_due(gateway, NOW).failed == 1
    assert rows() == [("failed", "bad_text", 1)]


def test_a_late_answer_of_a_lost_claim_changes_nothing(app, transact, gateway, rows):
    """Who no longer holds a message cannot write about it."""
    with transact() as session:
        queue(session, 1)

    def overtake(_):
        with app.app_context(), transaction() as session:
            message = session.scalars(select(Message)).one()
            message.state, message.attempt_id = MessageState.CANCELLED, None

    gateway.before = overtake
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(0, 0, 0, 0)
    assert rows()[0][0] == "cancelled"


def test_nothing_is_sent_without_a_province(transact, gateway):
    """Before the reference data are loaded there is no window to keep to."""
    with transact() as session:
        session.execute(delete(Province))
    with pytest.raises(Refused, match="no_province"):
        outbox.send_due(gateway, NOW)


def test_a_refusal_for_opting_out_is_remembered(transact, gateway):
    """Who opted out at the provider is on our own list too."""
    invite(transact, 1)
    gateway.before = fails(SmsRefused("opted_out"))
    outbox.send_due(gateway, NOW)
    with transact() as session:
        assert len(session.scalars(select(OptOut)).all()) == 1


def test_unsent_in_time_expires(transact, gateway, rows):
    """An invitation that could not leave in time is counted as never made."""
    invite(transact, 1)
    assert outbox.send_due(gateway, NOW + timedelta(days=60)) == outbox.SendSummary(0, 0, 0, 0)
    assert gateway.calls == 0
    assert rows()[0][0] == "expired"
    assert decisions(transact) == ["expired_unsent"]
    assert frame(transact) == (0, 0)


def test_opted_out_meanwhile(transact, gateway):
    """A wish to be left alone holds for what is already queued."""
    invite(transact, 1)
    with transact() as session:
        invitations.opt_out(session, Recipient.by_sms(Wanted(1).mobile), NOW)
    outbox.send_due(gateway, NOW)
    assert gateway.calls == 0
    assert decisions(transact) == ["opted_out"]
    assert frame(transact) == (0, 0)


def at(day, clock):
    """An instant from local wall time."""
    return datetime.fromisoformat(f"{day}T{clock}:00+07:00")


@pytest.mark.parametrize(
    ("instant", "open_again"),
    [
        (at("2026-05-20", "06:30"), at("2026-05-20", "08:00")),
        (at("2026-05-20", "20:00"), at("2026-05-21", "08:00")),
        (at("2026-09-02", "10:00"), at("2026-09-03", "08:00")),
        (at("2026-05-25", "10:00"), at("2026-05-26", "08:00")),  # the province's own day off
    ],
)
def test_window_binds_what_we_start(transact, gateway, instant, open_again):
    """At night and on holidays only answers leave; what we start waits for the window."""
    with transact() as session:
        session.add(SpecialDay(day=at("2026-05-25", "00:00").date(), kind="extra_off"))
        for number, kind in enumerate((MessageKind.REMINDER, MessageKind.DIALOGUE)):
            queue(session, number, kind, kind=kind, due_at=instant, expires_at=instant + WEEK)
    assert outbox.send_due(gateway, instant) == outbox.SendSummary(1, 0, 0, 1)
    assert gateway.texts == ["dialogue"]
    assert outbox.send_due(gateway, open_again).sent == 1


def test_an_answer_that_failed_keeps_to_the_window(transact, gateway):
    """An answer that is repeated hours later does not wake anybody."""
    night = at("2026-05-20", "23:00")
    with transact() as session:
        queue(session, 1, due_at=night)
    gateway.before = fails(SmsNotSent("no connection"))
    outbox.send_due(gateway, night)
    gateway.before = takes
    assert outbox.send_due(gateway, night + 30 * MINUTE) == outbox.SendSummary(0, 0, 0, 1)
    assert outbox.send_due(gateway, at("2026-05-21", "08:00")).sent == 1


def test_validity_ends_with_the_window(transact, gateway):
    """The provider is told to drop what it cannot deliver before the window closes."""
    with transact() as session:
        queue(session, 1, kind=MessageKind.REMINDER, due_at=at("2026-05-20", "19:30"))
        queue(session, 2, due_at=at("2026-05-20", "19:30"), expires_at=at("2026-05-20", "19:40"))
    outbox.send_due(gateway, at("2026-05-20", "19:30"))
    valid = {sms.recipient.address: sms.valid_seconds for sms in gateway.taken}
    assert 1780 < valid[phone(1)] <= 1800
    assert 580 < valid[phone(2)] <= 600


def test_ten_minutes_between_messages_we_start(transact, gateway):
    """One number gets our messages at least ten minutes apart; an answer comes at once, and a
    reminder at a full hour, so that its moment tells of no other message.
    """
    with transact() as session:
        for kind in (MessageKind.REMINDER, MessageKind.CASE_REPLY, MessageKind.DIALOGUE):
            queue(session, 1, kind, kind=kind)
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(2, 0, 0, 1)
    assert outbox.send_due(gateway, NOW + 59 * MINUTE).sent == 0
    assert outbox.send_due(gateway, NOW + 60 * MINUTE).sent == 1
    assert gateway.texts == ["dialogue", "case_reply", "reminder"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (MessageKind.REMINDER, MessageKind.CASE_REPLY),
        (MessageKind.CASE_REPLY, MessageKind.CASE_REPLY),
    ],
)
def test_the_gap_holds_between_runs(transact, gateway, first, second):
    """A message queued later keeps its distance from the one that just left, whatever they are."""
    with transact() as session:
        queue(session, 1, "Mot", kind=first)
    outbox.send_due(gateway, NOW)
    with transact() as session:
        queue(session, 1, "Hai", kind=second, due_at=NOW + MINUTE)
    assert outbox.send_due(gateway, NOW + 5 * MINUTE) == outbox.SendSummary(0, 0, 0, 1)
    assert outbox.send_due(gateway, NOW + 11 * MINUTE).sent == 1


def test_a_number_is_asked_so_often_a_week(transact, gateway):
    """Beyond the cap of a week what asks waits its turn; a reply to a complaint does not."""
    with transact() as session:
        session.scalars(select(Province)).one().phone_week_cap = 2
        for day in range(3):
            terms = {"due_at": NOW + day * DAY, "expires_at": NOW + 2 * WEEK}
            queue(session, 1, f"Hoi {day}", kind=MessageKind.REMINDER, **terms)
        queue(session, 1, "Tra loi", kind=MessageKind.CASE_REPLY, due_at=NOW + 3 * DAY)
    for day in range(7):
        outbox.send_due(gateway, NOW + day * DAY)
    assert gateway.texts == ["Hoi 0", "Hoi 1", "Tra loi"]
    assert outbox.send_due(gateway, NOW + WEEK + 60 * MINUTE).sent == 1


def test_no_window_and_no_gap_in_rehearsal(make_app, environment):
    """The demo shows the whole loop at any hour."""
    app = make_app(DEMO="1")
    gateway = Gateway()
    night = at("2026-09-02", "23:00")
    with app.app_context():
        with transaction() as session:
            for text in ("Mot", "Hai"):
                ends = {"due_at": night, "expires_at": night + WEEK}
                queue(session, 1, text, kind=MessageKind.INVITATION, **ends)
        assert outbox.send_due(gateway, night).sent == 2


def test_daily_budget_stops_and_keeps(make_app, environment):
    """At the end of the day's segments messages stay ready, and leave the next day."""
    app = make_app(SMS_DAILY_BUDGET="3")
    gateway = Gateway()
    with app.app_context():
        with transaction() as session:
            for number in range(5):
                queue(session, number)
        assert outbox.send_due(gateway, NOW) == outbox.SendSummary(3, 0, 0, 2)
        assert outbox.send_due(gateway, NOW + timedelta(days=1)) == outbox.SendSummary(2, 0, 0, 0)


def test_breaker_opens_and_closes(transact, gateway):
    """After ten bad calls in a row nothing is begun; later one message tries, then all go."""
    with transact() as session:
        for number in range(60):
            queue(session, number)
    gateway.before = fails(SmsNotSent("no connection"))
    outbox.send_due(gateway, NOW)
    assert 10 <= gateway.calls <= 40
    calls = gateway.calls
    outbox.send_due(gateway, NOW + MINUTE)
    assert gateway.calls == calls
    outbox.send_due(gateway, NOW + 7 * MINUTE)
    assert gateway.calls == calls + 1
    gateway.before = takes
    assert outbox.send_due(gateway, NOW + 120 * MINUTE) == outbox.SendSummary(60, 0, 0, 0)


def test_config_fault_pauses_at_once(transact, gateway):
    """Wrong credentials stop the provider, say so, and heal by themselves when put right."""
    with transact() as session:
        for number in range(40):
            queue(session, number)
    gateway.before = fails(SmsConfigFault("twilio 20003"))
    outbox.send_due(gateway, NOW)
    assert gateway.calls <= 30
    with transact() as session:
        assert session.scalars(select(ProviderHealth)).one().paused_reason == "twilio 20003"
    gateway.before = takes
    assert outbox.send_due(gateway, NOW + 5 * MINUTE).sent == 0
    assert outbox.send_due(gateway, NOW + 20 * MINUTE).sent == 40


def test_pace_is_kept(make_app, environment):
    """All calls together stay within the messages a second that the settings allow."""
    app = make_app(SMS_RATE="40")
    gateway = Gateway()
    begun = []
    gateway.before = lambda _: begun.append(time.monotonic())
    with app.app_context():
        with transaction() as session:
            for number in range(40):
                queue(session, number)
        outbox.send_due(gateway, NOW)
    assert begun[-1] - begun[0] >= 0.7
