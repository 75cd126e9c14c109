from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from survey.db import transaction
from survey.messages import outbox
from survey.models.message import Message, MessageKind, MessageState
from survey.models.province import Province
from tests.messages.gateway import NOW, Gateway, fails, queue, takes
from tests.messages.test_outbox import MINUTE, NO_WAIT, invite


@pytest.fixture
def gateway(app):
    """A gateway, while the application's database is at hand."""
    with app.app_context():
        yield Gateway()


@pytest.fixture
def rows(transact):
    """`rows()`: the state of every message, by due time."""

    def read():
        with transact() as session:
            return list(session.scalars(select(Message.state).order_by(Message.due_at)))

    return read


def test_unclear_is_not_repeated_until_looked_twice(transact, gateway, rows):
    """A call that ended unclear and created nothing is sent again only after two looks."""
    with transact() as session:
        queue(session, 1)
    gateway.before = fails(TimeoutError())
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(0, 0, 1, 0)
    gateway.before = takes
    looks = [
        outbox.reconcile(gateway, NOW + minutes * MINUTE, NO_WAIT) for minutes in (1, 3, 9, 11)
    ]
    unknown, released = outbox.ReconcileSummary(0, 0, 1), outbox.ReconcileSummary(0, 1, 0)
    assert looks == [unknown, unknown, unknown, released]
    assert outbox.send_due(gateway, NOW + 11 * MINUTE).sent == 1
    assert len(gateway.taken) == 1


@pytest.mark.parametrize("kind", [MessageKind.INVITATION, MessageKind.DIALOGUE])
def test_unclear_that_was_taken_is_found(transact, gateway, rows, kind):
    """A call that ended unclear but was taken is found in the listing and never repeated."""
    if kind == MessageKind.INVITATION:
        invite(transact, 1)
    else:
        with transact() as session:
            queue(session, 1)
    gateway.after = fails(ConnectionResetError())
    assert outbox.send_due(gateway, NOW).unknown == 1
    assert outbox.reconcile(gateway, NOW + 3 * MINUTE, NO_WAIT).found_sent == 1
    assert outbox.send_due(gateway, NOW + 60 * MINUTE) == outbox.SendSummary(0, 0, 0, 0)
    assert len(gateway.taken) == 1
    assert rows()[0] == "sent"


def test_same_text_sent_before_is_not_mistaken(transact, gateway):
    """An earlier message with the same words does not stand for the lost one."""
    with transact() as session:
        queue(session, 1)
    outbox.send_due(gateway, NOW)
    with transact() as session:
        queue(session, 1, due_at=NOW + MINUTE)
    gateway.before = fails(TimeoutError())
    outbox.send_due(gateway, NOW + MINUTE)
    assert outbox.reconcile(gateway, NOW + 20 * MINUTE, NO_WAIT).released == 1


def test_changed_text_is_known_by_its_token(transact, gateway):
    """A provider that changes signs of the text still shows our token."""
    invite(transact, 1)
    gateway.after = fails(TimeoutError())
    outbox.send_due(gateway, NOW)
    (sms,) = gateway.taken
    altered = replace(sms, text="[QC] " + sms.text)
    other = replace(sms, attempt_id="b" * 32, text="Tin khac")
    gateway.taken = [other, altered]
    assert outbox.reconcile(gateway, NOW + 3 * MINUTE, NO_WAIT).found_sent == 1


def test_listing_that_fails_decides_nothing(transact, gateway):
    """While the provider cannot be asked, doubt stays doubt."""
    with transact() as session:
        queue(session, 1)
    gateway.before = fails(TimeoutError())
    outbox.send_due(gateway, NOW)
    gateway.listing = lambda: fails(TimeoutError())(None)
    for minutes in (3, 12, 100):
        summary = outbox.reconcile(gateway, NOW + minutes * MINUTE, NO_WAIT)
        assert summary == outbox.ReconcileSummary(0, 0, 1)
    gateway.listing = lambda: None
    assert outbox.reconcile(gateway, NOW + 120 * MINUTE, NO_WAIT).released == 1


@pytest.mark.parametrize(("bias", "released"), [("prefer_miss", 0), ("prefer_send", 1)])
def test_provider_that_cannot_be_asked(transact, gateway, bias, released):
    """Where nobody can find out, the province's choice decides: a person, or once more."""
    mute = Gateway(can_list=False)
    with transact() as session:
        session.scalars(select(Province)).one().send_bias = bias
        queue(session, 1)
    mute.before = fails(TimeoutError())
    outbox.send_due(mute, NOW)
    assert outbox.reconcile(mute, NOW + 5 * MINUTE, NO_WAIT).released == 0
    summary = outbox.reconcile(mute, NOW + 11 * MINUTE, NO_WAIT)
    assert (summary.released, summary.still_unknown) == (released, 1 - released)


def test_claims_of_the_dead_are_taken_over(transact, clock, gateway, rows):
    """A worker that died in a call leaves a doubt, which is looked into and not guessed at."""
    with transact() as session:
        message = session.get(Message, queue(session, 1))
        message.state, message.attempt, message.attempt_id = MessageState.SENDING, 1, "a" * 32
        message.owner, message.provider, message.unknown_since = "gone:1", "fake", NOW
        message.leased_at = clock() - timedelta(seconds=30)
    assert outbox.send_due(gateway, NOW) == outbox.SendSummary(0, 0, 0, 0)
    assert outbox.reconcile(gateway, NOW + 11 * MINUTE, NO_WAIT).still_unknown == 0
    assert rows()[0] == "sending"
    with transact() as session:
        session.scalars(select(Message)).one().leased_at -= timedelta(seconds=60)
    assert outbox.reconcile(gateway, NOW + 11 * MINUTE, NO_WAIT).released == 1


@pytest.mark.parametrize(
    ("kind", "early", "late"), [(MessageKind.CASE_REPLY, 71, 73), (MessageKind.DIALOGUE, 73, 87)]
)
def test_no_receipt_for_days(transact, gateway, rows, kind, early, late):
    """What was sent and never confirmed is called unconfirmed after three days; an answer, of which
    only the day is known, after the third whole one.
    """
    with transact() as session:
        queue(session, 1, kind=kind)
    outbox.send_due(gateway, NOW)
    outbox.reconcile(gateway, NOW + timedelta(hours=early), NO_WAIT)
    assert rows()[0] == "sent"
    outbox.reconcile(gateway, NOW + timedelta(hours=late), NO_WAIT)
    assert rows()[0] == "delivery_unknown"


def test_settled_while_the_provider_was_asked(app, transact, gateway, rows):
    """A doubt that a receipt settles meanwhile is not settled a second time."""
    with transact() as session:
        queue(session, 1)
    gateway.before = fails(TimeoutError())
    outbox.send_due(gateway, NOW)

    def settle():
        with app.app_context(), transaction() as session:
            session.scalars(select(Message)).one().state = MessageState.SENT

    gateway.listing = settle
    summary = outbox.reconcile(gateway, NOW + 11 * MINUTE, NO_WAIT)
    assert summary == outbox.ReconcileSummary(0, 0, 0)


def test_no_other_provider_repeats_a_doubt(transact, gateway, rows):
    """While nobody knows whether one provider took a message, another one never sends it."""
    with transact() as session:
        queue(session, 1)
    gateway.before = fails(TimeoutError())
    outbox.send_due(gateway, NOW)
    other = Gateway()
    other.name = "other"
    for hours in (1, 24, 48):
        later = NOW + timedelta(hours=hours)
        assert outbox.reconcile(other, later, NO_WAIT) == outbox.ReconcileSummary(0, 0, 1)
        assert outbox.send_due(other, later) == outbox.SendSummary(0, 0, 0, 0)
    assert (other.calls, rows()) == (0, ["unknown"])


def test_taken_over_while_the_call_was_under_way(app, transact, gateway, rows):
    """A slow call whose claim was taken over ends as the same doubt, and is asked about once."""
    with transact() as session:
        queue(session, 1)

    def slow(_):
        with app.app_context(), transaction() as session:
            session.scalars(select(Message)).one().step(MessageState.UNKNOWN)
        raise TimeoutError

    gateway.before = slow
    assert outbox.send_due(gateway, NOW).unknown == 1
    assert rows() == ["unknown"]
    assert outbox.reconcile(gateway, NOW + 11 * MINUTE, NO_WAIT).released == 1
