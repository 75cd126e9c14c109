"""Reminders of before no longer lead to their dossiers once the database is upgraded."""

import secrets
from datetime import UTC, datetime, timedelta

import flask_migrate
import pytest
from sqlalchemy import MetaData, Table, insert, select, text

from survey import sealing
from survey.db import db, transaction
from survey.models.message import Message, MessageState, Receipt
from survey.models.response import AnswerTally
from survey.sms import outbox
from tests.conftest import unit_of_work
from tests.seeding import LINK, Wanted, ask_everybody, finish
from tests.sms.gateway import NOW, WEEK, Gateway, queue

REMINDER = Message.kind == "reminder"
ENDED = {"sent", "delivered", "cancelled", "undelivered", "expired", "failed", "delivery_unknown"}
OLD = "0003"
MANY = 60


@pytest.fixture
def before(app):
    """A database of the version before, with invitations that left and a reminder to each, queued
    as it was then: to the minute, under the hash of the phone.
    """
    gateway = Gateway()
    with unit_of_work(app) as session:
        ask_everybody(session)
        finish(session, [Wanted(number) for number in range(1, MANY + 1)])
    with app.app_context():
        outbox.send_due(gateway, NOW)
        flask_migrate.downgrade(revision=OLD)
        with transaction() as session:
            for number, one in enumerate(_reminders(session)):
                one.due_at, one.expires_at = NOW + timedelta(days=3), NOW + timedelta(days=14)
                _let_go(one, number)
            attempt = next(one.attempt_id for one in _reminders(session) if one.state == "sent")
            session.add(
                Receipt(
                    provider="fake",
                    provider_id="G1",
                    attempt_id=attempt,
                    status="x",
                    received_at=NOW,
                )
            )
        yield gateway


def _reminders(session):
    return session.scalars(select(Message).where(REMINDER)).all()


def _let_go(one, number):
    """A fate for every third: left, not needed, or still under way; the others wait."""
    fates = (MessageState.SENT, MessageState.CANCELLED, MessageState.UNKNOWN)
    if number % 2:
        return
    one.state = fates[number // 2 % 3]
    if one.state != "cancelled":
        one.attempt, one.attempt_id, one.provider = 1, secrets.token_hex(16), "fake"
    if one.state == "unknown":
        one.unknown_since = one.claimed_at = NOW
        return
    one.body_sealed, one.settled_at, one.claimed_at, one.unknown_since = None, NOW, NOW, NOW
    one.sent_at = NOW if one.state == "sent" else None


def _in_place(session):
    place = "ctid" if session.get_bind().dialect.name == "postgresql" else "rowid"
    return session.scalars(select(Message).where(REMINDER).order_by(text(f"message.{place}"))).all()


def test_ended_reminders_lead_nowhere(before):
    """Those that left or were dropped lose what leads to a dossier, their ids and their places;
    their receipts still find them.
    """
    with transaction() as session:
        old = [(one.id, one.attempt_id, one.state) for one in _in_place(session)]
    ended = [attempt for _, attempt, state in old if state == "sent"]
    flask_migrate.upgrade()
    with transaction() as session:
        new = [one for one in _in_place(session) if one.state in ENDED]
        assert {state for _, _, state in old} == {"ready", "sent", "cancelled", "unknown"}
        assert len(new) == sum(state in ENDED for _, _, state in old) == 20
        assert not {one.id for one in new} & {name for name, _, _ in old}
        left = [one.attempt_id for one in new if one.state == "sent"]
        assert sorted(left) == sorted(ended)
        assert left != ended
        gone = (
            "invitation_id",
            "phone_sealed",
            "phone_index",
            "prefix",
            "body_sealed",
            "token_hash",
        )
        assert {getattr(one, column) for one in new for column in gone} == {None}
        assert {(one.due_at, one.expires_at) for one in new} == {(_midnight(3), _midnight(3))}
        moments = ("sent_at", "settled_at", "claimed_at", "unknown_since")
        assert {getattr(one, name) for one in new for name in moments} == {None, _midnight(0)}
        heard = select(Message.state).join(Receipt, Receipt.attempt_id == Message.attempt_id)
        assert session.scalars(heard).all() == ["sent"]


def _midnight(days):
    """Midnight in Viet Nam so many days after."""
    return datetime(2026, 5, 19, 17, tzinfo=UTC) + timedelta(days=days)


def test_open_reminders_go_on(before):
    """Those that wait do so by the day and leave once; those under way keep what they need."""
    flask_migrate.upgrade()
    with transaction() as session:
        waiting = [one for one in _reminders(session) if one.state == "ready"]
        assert len(waiting) == 30
        assert {(one.due_at, one.expires_at) for one in waiting} == {(_midnight(3), _midnight(14))}
        assert all(one.invitation_id for one in waiting)
        unclear = [one for one in _reminders(session) if one.state == "unknown"]
        assert [one.invitation_id for one in unclear] == [None] * 10
        for one in unclear:
            phone = sealing.unseal(session, "message.phone", one.id, one.phone_sealed)
            assert one.phone_index == sealing.reminder_index(session, phone)
        assert len({len(one.body_sealed) for one in unclear}) == 1
    before.taken.clear()
    assert outbox.reconcile(before, NOW + timedelta(days=1), timedelta()).released == 10
    assert outbox.send_due(before, NOW + timedelta(days=4)).sent == 40
    assert len({LINK.search(words)[1] for words in before.texts}) == 40


def test_answers_of_a_dialogue_keep_days(app, transact):
    """Those that left or ended lose their moments, and so do all receipts; those that wait do not
    leave the earlier or later for it.
    """
    late = NOW.replace(hour=20, microsecond=5)  # past midnight in Viet Nam
    with transact() as session:
        for number, state in enumerate(("sent", "cancelled", "ready")):
            message = session.get_one(Message, queue(session, number, due_at=late))
            message.state, message.sent_at, message.retry_at = state, late, late
        word = {"provider": "fake", "provider_id": "G1", "attempt_id": "", "status": "x"}
        session.add(Receipt(**word, received_at=late))
    with app.app_context():
        flask_migrate.downgrade(revision=OLD)
        flask_migrate.upgrade()
    with transact() as session:
        for one in session.scalars(select(Message).where(Message.sent_at.is_not(None))):
            kept = (one.due_at, one.expires_at, one.sent_at, one.retry_at)
            day = _midnight(1)
            waits = (late, NOW + WEEK, late, late)
            assert kept == (waits if one.state == "ready" else (day, day, day, None))
        assert session.scalars(select(Receipt.received_at)).one() == _midnight(1)
        found = select(Receipt.id).where(Receipt.received_at >= _midnight(1))
        assert len(session.scalars(found).all()) == 1


def test_tallies_and_conversations_begin_anew(app):
    """What named an agency or a phone's hash is dropped, going up and coming down."""
    with app.app_context():
        flask_migrate.downgrade(revision=OLD)
        with db.engine.begin() as connection:
            old = Table("answer_tally", MetaData(), autoload_with=connection)
            agency_id = connection.scalar(text("SELECT min(id) FROM agency"))
            row = {"agency_id": agency_id, "slot": NOW.replace(tzinfo=None), "answers": 3}
            connection.execute(insert(old), [row])
            talk = text("INSERT INTO conversation (phone_index) VALUES (:index)")
            connection.execute(talk, {"index": b"0123456789abcdef"})
        flask_migrate.upgrade()
        with transaction() as session:
            assert session.scalars(select(AnswerTally)).all() == []
            assert session.execute(text("SELECT * FROM conversation")).all() == []


def test_coming_down_no_parted_reminder_is_sent_unasked(before):
    """The version before could not ask whether a parted reminder is needed: it is dropped."""
    flask_migrate.upgrade()
    outbox.send_due(before, NOW + timedelta(days=2, hours=15))  # at night: parted, not sent
    flask_migrate.downgrade(revision=OLD)
    with transaction() as session:
        states = {one.state for one in _reminders(session)}
        assert states == {"sent", "cancelled", "delivery_unknown"}
