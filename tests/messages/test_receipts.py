import pytest
from sqlalchemy import func, select

from survey.messages import outbox, receipts
from survey.messages.providers import DeliveryReceipt
from survey.models.message import Message, MessageKind, Receipt
from tests.messages.gateway import NOW, Gateway, fails, queue
from tests.messages.test_outbox import MINUTE, NO_WAIT, decisions, frame, invite


@pytest.fixture
def gateway(app):
    """A gateway, while the application's database is at hand."""
    with app.app_context():
        yield Gateway()


@pytest.fixture
def report(transact, gateway):
    """`report("delivered")`: the gateway's word about the last message it took."""

    def word(outcome, *, by_attempt=True, error="", status=None):
        sms = gateway.taken[-1]
        receipt = DeliveryReceipt(
            provider="fake",
            provider_id=f"G{sms.attempt_id[:20]}",
            attempt_id=sms.attempt_id if by_attempt else "",
            status=status or outcome,
            error_code=error,
            outcome=outcome,
        )
        with transact() as session:
            receipts.apply(session, NOW + MINUTE, receipt)
        with transact() as session:
            query = select(Message.state).where(Message.kind != MessageKind.REMINDER)
            return session.scalars(query).one()

    return word


def sent(transact, gateway):
    """One invitation that the gateway took."""
    invite(transact, 1)
    outbox.send_due(gateway, NOW)


@pytest.mark.parametrize("by_attempt", [True, False])
def test_delivered(transact, gateway, report, by_attempt):
    """A receipt finds its message by our attempt id or by the provider's name."""
    sent(transact, gateway)
    assert report("delivered", by_attempt=by_attempt) == "delivered"
    assert frame(transact) == (1, 1)


def test_out_of_order_and_doubled(transact, gateway, report):
    """A late "in progress" takes nothing back, and a repeat is stored once."""
    sent(transact, gateway)
    assert report("delivered") == "delivered"
    assert report("in_progress", status="sent") == "delivered"
    assert report("delivered") == "delivered"
    with transact() as session:
        assert session.scalar(select(func.count()).select_from(Receipt)) == 2


def test_failure_is_not_erased(transact, gateway, report):
    """Once undelivered, a later success of another segment does not hide it."""
    sent(transact, gateway)
    assert report("undelivered", error="30005") == "undelivered"
    assert report("delivered") == "undelivered"
    assert frame(transact) == (1, 0)
    assert decisions(transact) == ["asked"]


def test_first_word_is_a_failure(transact, gateway, report):
    """A doubt that ends as undelivered was handed over and did not arrive."""
    invite(transact, 1)
    gateway.after = fails(TimeoutError())
    outbox.send_due(gateway, NOW)
    assert report("undelivered", error="30008") == "undelivered"
    assert frame(transact) == (1, 0)


def test_an_answer_that_did_not_arrive(transact, gateway, report):
    """What is no invitation is in no frame."""
    with transact() as session:
        queue(session, 1)
    outbox.send_due(gateway, NOW)
    assert report("undelivered", error="30003") == "undelivered"


def test_never_left_the_provider(transact, gateway, report):
    """A message that the provider dropped from its queue counts as never sent."""
    sent(transact, gateway)
    assert report("expired", error="30036") == "expired"
    assert frame(transact) == (0, 0)
    assert decisions(transact) == ["expired_unsent"]


@pytest.mark.parametrize("released", [False, True])
def test_receipt_settles_a_doubt(transact, gateway, report, released):
    """Any word about an unclear call proves that it was taken, even after it was given back."""
    invite(transact, 1)
    gateway.after = fails(TimeoutError())
    outbox.send_due(gateway, NOW)
    if released:
        taken, gateway.taken = gateway.taken, []
        assert outbox.reconcile(gateway, NOW + 11 * MINUTE, NO_WAIT).released == 1
        gateway.taken = taken
    assert report("in_progress", status="queued") == "sent"
    assert outbox.send_due(gateway, NOW + 60 * MINUTE).sent == 0
    assert frame(transact) == (1, 1)


def test_unknown_message(transact, gateway):
    """A receipt for something we never sent is kept and changes nothing."""
    with transact() as session:
        queue(session, 1)
        receipt = DeliveryReceipt("fake", "nobody", "", "delivered", "", "delivered")
        receipts.apply(session, NOW, receipt)
        assert session.scalars(select(Message.state)).one() == "ready"
