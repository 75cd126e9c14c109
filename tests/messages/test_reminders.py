"""One reminder, three days later, to those who did not answer."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from survey import invitations
from survey.answers import Submission, submit
from survey.answers.submitting import submit_by_sms
from survey.db import transaction
from survey.messages import outbox, receipts
from survey.messages.providers import DeliveryReceipt
from survey.models.invitation import Invitation
from survey.models.message import Message, MessageKind
from survey.models.province import Province
from survey.models.recipient import Recipient
from tests.conftest import unit_of_work
from tests.features.test_answers import TWO_WAY
from tests.messages.gateway import NOW, Gateway
from tests.messages.test_outbox import DAY, MINUTE, at, frame, invite
from tests.seeding import LINK, Wanted

THIRD = NOW + 3 * DAY


@pytest.fixture
def gateway(app):
    """A gateway, while the application's database is at hand."""
    with app.app_context():
        yield Gateway()


def states(transact):
    """State and reason of every reminder."""
    with transact() as session:
        query = select(Message).where(Message.kind == MessageKind.REMINDER)
        return [(one.state, one.reason) for one in session.scalars(query)]


def test_one_reminder_with_the_same_link(transact, gateway):
    """Who stays silent is reminded once, of the same dossier, with the link of the invitation."""
    invite(transact, 1)
    outbox.send_due(gateway, NOW)
    assert outbox.send_due(gateway, THIRD + MINUTE) == outbox.SendSummary(1, 0, 0, 0)
    assert outbox.send_due(gateway, THIRD + 9 * DAY) == outbox.SendSummary(0, 0, 0, 0)
    first, second = gateway.texts
    assert LINK.search(first)[1] == LINK.search(second)[1]
    assert "(4 so cuoi 0001)" in second
    assert frame(transact) == (1, 1)


def test_it_waits_for_its_day(transact, gateway):
    """It is due from the first minute of a local day, and leaves when that day's window opens."""
    invite(transact, 1)
    outbox.send_due(gateway, NOW)
    with transact() as session:
        query = select(Message.due_at, Message.expires_at)
        (row,) = session.execute(query.where(Message.kind == MessageKind.REMINDER))
    assert tuple(row) == (at("2026-05-23", "00:00"), at("2026-06-03", "00:00"))
    for instant, waiting in (("2026-05-22", "23:59"), 0), (("2026-05-23", "07:59"), 1):
        assert outbox.send_due(gateway, at(*instant)) == outbox.SendSummary(0, 0, 0, waiting)
    assert outbox.send_due(gateway, at("2026-05-23", "08:00")) == outbox.SendSummary(1, 0, 0, 0)


@pytest.mark.parametrize("event", ["answered", "disowned", "opted out", "undelivered"])
def test_no_reminder_where_it_is_not_wanted(transact, gateway, event):
    """Nobody is reminded of what they answered, disowned, never got, or of anything unwanted."""
    invite(transact, 1)
    outbox.send_due(gateway, NOW)
    (sms,) = gateway.taken
    token = LINK.search(sms.text)[1]
    with transact() as session:
        if event == "answered":
            submit(session, token, Submission(overall=4), NOW + MINUTE)
        elif event == "disowned":
            invitations.repudiate(session, token, NOW + MINUTE)
        elif event == "opted out":
            invitations.opt_out(session, Recipient.by_sms(Wanted(1).mobile), NOW + MINUTE)
        else:
            word = DeliveryReceipt("fake", "", sms.attempt_id, "x", "30005", "undelivered")
            receipts.apply(session, NOW + MINUTE, word)
    assert outbox.send_due(gateway, THIRD + MINUTE) == outbox.SendSummary(0, 0, 0, 0)
    assert len(gateway.taken) == 1
    reason = "opted_out" if event == "opted out" else "not_needed"
    assert states(transact) == [("cancelled", reason)]


def test_nothing_is_written_when_somebody_answers(transact, gateway):
    """Until its turn comes a reminder looks the same whether there is an answer or not."""

    def row():
        with transact() as session:
            query = select(Message).where(Message.kind == MessageKind.REMINDER)
            message = session.scalars(query).one()
            return {name: value for name, value in vars(message).items() if name[0] != "_"}

    invite(transact, 1)
    outbox.send_due(gateway, NOW)
    before = row()
    with transact() as session:
        submit(session, LINK.search(gateway.texts[0])[1], Submission(overall=1), NOW + MINUTE)
    assert row() == before


def test_none_on_a_holiday(transact, gateway):
    """A reminder that falls on a holiday waits for the next day that is none."""
    eve = datetime.fromisoformat("2026-08-30T10:00:00+07:00")
    invite(transact, 1, now=eve)
    outbox.send_due(gateway, eve)
    assert outbox.send_due(gateway, eve + 3 * DAY + MINUTE) == outbox.SendSummary(0, 0, 0, 1)
    assert outbox.send_due(gateway, eve + 4 * DAY + MINUTE).sent == 1


@pytest.mark.parametrize(("rule", "days"), [("reminder_days", 0), ("link_days", 3)])
def test_none_where_it_makes_no_sense(transact, gateway, rule, days):
    """A province may do without, and a link about to expire is not reminded of."""
    with transact() as session:
        setattr(session.scalars(select(Province)).one(), rule, days)
    invite(transact, 1)
    outbox.send_due(gateway, NOW)
    assert states(transact) == []


@pytest.mark.parametrize("event", ["", "answered", "disowned", "undelivered"])
def test_two_way_reminder(make_app, event):
    """Where citizens reply by SMS the reminder repeats the code, unless the code was used, the
    question disowned or never brought.
    """
    app = make_app(**TWO_WAY)
    gateway = Gateway()
    with app.app_context():
        invite(lambda: unit_of_work(app), 1)
        outbox.send_due(gateway, NOW)
        with transaction() as session:
            invitation = session.scalars(select(Invitation)).one()
            code = invitation.reply_code
            if event == "answered":
                mobile, given = Wanted(1).mobile, Submission(overall=2)
                submit_by_sms(session, invitation, mobile, given, NOW + MINUTE)
            elif event == "undelivered":
                attempt = gateway.taken[0].attempt_id
                word = DeliveryReceipt("fake", "", attempt, "x", "30005", "undelivered")
                receipts.apply(session, NOW + MINUTE, word)
            invitation.is_repudiated = event == "disowned"
        outbox.send_due(gateway, THIRD + timedelta(minutes=1))
    texts = [text for text in gateway.texts if "nhac" in text]
    assert [f"ma {code} gui 8099" in text for text in texts] == ([] if event else [True])
