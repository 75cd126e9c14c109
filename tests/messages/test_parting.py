"""What became of a reminder leads to no dossier, invitation or phone."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import inspect, select, text

from survey import answers, invitations
from survey.answers import Submission
from survey.messages import outbox, receipts
from survey.messages.outbox.unlinking import unlink_due
from survey.messages.providers import DeliveryReceipt
from survey.models.message import Message, MessageKind
from survey.models.province import Province, SendBias
from survey.models.recipient import IndexUse, Recipient
from tests.messages.gateway import NOW, Gateway, fails, phone, queue
from tests.messages.test_outbox import DAY, MINUTE, NO_WAIT, at, decisions, frame, invite
from tests.seeding import LINK, Wanted, ask_everybody, finish

# The night before reminders leave, and the moment they may.
NIGHT, MORNING = at("2026-05-23", "00:30"), at("2026-05-23", "08:00")
MANY = 60
REMINDERS = Message.kind == MessageKind.REMINDER


@pytest.fixture
def gateway(app):
    """A gateway, while the application's database is at hand."""
    with app.app_context():
        yield Gateway()


def asked(transact, gateway, numbers):
    """Citizens are asked one after the other; last digits of the dossier → token."""
    invite(transact, *numbers)
    outbox.send_due(gateway, NOW)
    tokens = {digits(sms.text): LINK.search(sms.text)[1] for sms in gateway.taken}
    gateway.taken.clear()
    return tokens


def digits(words):
    """The last digits of the dossier that a text is about."""
    return int(words.partition("so cuoi ")[2][:4])


def dump(session) -> Iterator[tuple[str, dict]]:
    """Every row of every table as it lies there, with its table."""
    names = inspect(session.connection()).get_table_names()
    for name in names:
        for row in session.execute(text(f'SELECT * FROM "{name}"')).mappings():  # noqa: S608
            yield name, dict(row)


def long(row):
    """Values of a row long enough to be a key, a hash or a name; moments count too."""
    plain = (bytes(one) if isinstance(one, memoryview) else one for one in row.values())
    shown = {one if isinstance(one, bytes) else str(one) for one in plain if one is not None}
    return {one for one in shown if len(one) >= 12}


def reminders_in_place(session):
    """Reminders in the order in which they lie in the database."""
    place = "ctid" if session.get_bind().dialect.name == "postgresql" else "rowid"
    return list(
        session.scalars(select(Message).where(REMINDERS).order_by(text(f"message.{place}")))
    )


def rank_correlation(numbers):
    """Spearman's between an order and the order of asking."""
    ranks = {number: rank for rank, number in enumerate(sorted(numbers))}
    n = len(numbers)
    squares = sum((place - ranks[number]) ** 2 for place, number in enumerate(numbers))
    return 1 - 6 * squares / (n * (n * n - 1))


def settle(transact, gateway, tokens):
    """A third answers, a few disown; reminders leave, their receipts come."""
    for number, token in tokens.items():
        with transact() as session:
            if number % 3 == 0:
                answers.submit(session, token, Submission(overall=2), NOW + MINUTE)
            elif number % 20 == 1:
                invitations.repudiate(session, token, NOW + MINUTE)
    outbox.send_due(gateway, MORNING)
    for place, sms in enumerate(gateway.taken):
        outcome = "delivered" if place % 2 else "undelivered"
        with transact() as session:
            word = DeliveryReceipt("fake", f"G{place}", sms.attempt_id, outcome, "", outcome)
            receipts.apply(session, MORNING + MINUTE, word)


def test_nothing_leads_from_a_reminder_to_its_dossier(transact, gateway):
    """Sent or not needed, no value of a reminder's row or receipt stands with an invitation,
    dossier, phone or other message, and all of a day look alike but for how they went.
    """
    settle(transact, gateway, asked(transact, gateway, range(1, MANY + 1)))
    assert 30 < len(gateway.taken) < MANY
    with transact() as session:
        rows = list(dump(session))
    unlinked = [row for name, row in rows if name == "message" and row["kind"] == "reminder"]
    attempts = {row["attempt_id"] for row in unlinked} - {None}
    words = [r for name, r in rows if name == "receipt" and r["attempt_id"] in attempts]
    others = [(name, row) for name, row in rows if row not in (*unlinked, *words)]
    assert (len(unlinked), len(words)) == (MANY, len(gateway.taken))
    gone = ("invitation_id", "case_hash", "recipient_sealed", "prefix", "body_sealed", "token_hash")
    assert {row[column] for row in unlinked for column in (*gone, "retry_at")} == {None}
    assert len({(row["due_at"], row["expires_at"]) for row in unlinked}) == 1
    days = {str(unlinked[0]["due_at"])}
    for row in (*unlinked, *words):
        here = long(row) - days
        assert not [name for name, other in others if here & long(other)]


def test_who_is_not_reminded_keeps_no_hash(transact, gateway):
    """Of two reminders of one phone it cannot be told that one was needed and the other not."""
    with transact() as session:
        ask_everybody(session)
        session.scalars(select(Province)).one().phone_gap_days = 0
        finish(session, [Wanted(number, phone=phone(9)) for number in (1, 2)])
    for minutes in (0, 11):
        outbox.send_due(gateway, NOW + minutes * MINUTE)
    with transact() as session:
        answered = LINK.search(gateway.texts[0])[1]
        answers.submit(session, answered, Submission(overall=4), NOW + DAY)
    for hours in range(3):
        outbox.send_due(gateway, MORNING + timedelta(hours=hours))
    with transact() as session:
        rows = {
            one.state: one.recipient_index
            for one in session.scalars(select(Message).where(REMINDERS))
        }
        unlinked = Recipient.by_sms(phone(9)).indexed_text(IndexUse.UNLINKED)
        mine = Message.recipient.hash_of(session, unlinked)
        assert rows == {"sent": mine, "cancelled": None}


def test_row_order_does_not_pair_reminders_with_invitations(transact, gateway):
    """Neither the place of parted reminders nor the order they leave in is that of invitations."""
    asked(transact, gateway, range(1, MANY + 1))
    outbox.send_due(gateway, NIGHT)
    with transact() as session:
        lying = [digits(one.body) for one in reminders_in_place(session)]
    outbox.send_due(gateway, MORNING)
    left = [digits(words) for words in gateway.texts]
    with transact() as session:
        assert {one.state for one in reminders_in_place(session)} == {"sent"}
    for order in (lying, left):
        assert sorted(order) == list(range(1, MANY + 1))
        assert abs(rank_correlation(order)) < 0.6


def test_parted_bodies_are_equally_long(transact, gateway):
    """While parted reminders wait neither length nor time tells one from another."""
    asked(transact, gateway, range(1, 4))
    with transact() as session:
        finish(session, [Wanted(5, agency="LOC-KH-SXD")], NOW)
    outbox.send_due(gateway, NOW + 5 * timedelta(hours=1))
    outbox.send_due(gateway, NIGHT)
    with transact() as session:
        rows = reminders_in_place(session)
        assert len(rows) == 4
        assert len({(len(one.body_sealed), len(one.recipient_sealed)) for one in rows}) == 1
        assert len({(one.due_at, one.expires_at, one.state) for one in rows}) == 1


def test_two_senders_part_each_reminder_once(app, transact, gateway):
    """Two runs at once send every reminder, and none twice."""
    asked(transact, gateway, range(1, 31))

    def work():
        with app.app_context():
            outbox.send_due(gateway, MORNING)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(map(digits, gateway.texts)) == list(range(1, 31))
    with transact() as session:
        assert [one.state for one in reminders_in_place(session)] == ["sent"] * 30


class Killed(Exception):
    """The process ends here."""


def die(_):
    """End before the commit."""
    raise Killed


def test_none_is_lost_where_a_run_is_killed(transact, gateway):
    """Killed while it parts reminders, or after and before they leave: each still leaves once."""
    asked(transact, gateway, range(1, 11))
    with pytest.raises(Killed), transact() as session:
        die(unlink_due(session, NIGHT))
    with transact() as session:
        assert all(one.invitation_id for one in reminders_in_place(session))
        assert unlink_due(session, NIGHT) == 10
    with transact() as session:
        assert unlink_due(session, NIGHT) == 0
    outbox.send_due(gateway, MORNING)
    assert sorted(map(digits, gateway.texts)) == list(range(1, 11))


def test_more_than_are_parted_at_once(transact, gateway):
    """However many are due, all are parted before the first may leave."""
    asked(transact, gateway, range(1, 251))
    assert outbox.send_due(gateway, NIGHT).waiting == 250
    with transact() as session:
        rows = reminders_in_place(session)
        assert [one.invitation_id for one in rows] == [None] * 250


def test_the_week_cap_counts_reminders(transact, gateway):
    """A reminder that left counts for its phone, though it bears another hash of it."""
    with transact() as session:
        province = session.scalars(select(Province)).one()
        province.phone_week_cap, province.phone_gap_days = 2, 0
    asked(transact, gateway, [1])
    outbox.send_due(gateway, MORNING)
    with transact() as session:
        queue(session, 1, "So cuoi 0009", kind=MessageKind.CASE_REPLY, due_at=MORNING)
        finish(session, [Wanted(2, phone=Wanted(1).mobile)], MORNING)
    outbox.send_due(gateway, MORNING + 9 * MINUTE)
    assert len(gateway.taken) == 1
    for instant in (MORNING + 11 * MINUTE, NOW + 7 * DAY - MINUTE):
        outbox.send_due(gateway, instant)
        assert len(gateway.taken) == 2
    outbox.send_due(gateway, NOW + 7 * DAY + MINUTE)
    assert len(gateway.taken) == 3


def test_who_has_to_wait_is_not_asked_about_answers(transact, gateway):
    """A reminder held back for another message looks the same with an answer and without."""
    tokens = asked(transact, gateway, [1, 2])
    with transact() as session:
        answers.submit(session, tokens[1], Submission(overall=4), NOW + MINUTE)
        for number in (1, 2):
            queue(session, number, "Tra loi", kind=MessageKind.CASE_REPLY, due_at=MORNING)
    outbox.send_due(gateway, MORNING)
    with transact() as session:
        waits = [(one.state, one.retry_at) for one in reminders_in_place(session)]
        assert waits == [("ready", MORNING + timedelta(hours=1))] * 2
    outbox.send_due(gateway, MORNING + timedelta(hours=1))
    with transact() as session:
        states = sorted(one.state for one in reminders_in_place(session))
        assert states == ["cancelled", "sent"]


@pytest.mark.parametrize("event", ["answered", "disowned"])
def test_a_repeated_invitation_that_was_answered_counts_as_sent(transact, gateway, event):
    """Released for another try and answered meanwhile, it arrived: its row is that of any other,
    and its reminder is queued and dropped like any other.
    """
    mute = Gateway(can_list=False)
    invite(transact, 1)
    with transact() as session:
        session.scalars(select(Province)).one().send_bias = SendBias.PREFER_SEND
    mute.after = fails(TimeoutError())
    outbox.send_due(mute, NOW)
    assert outbox.reconcile(mute, NOW + 11 * MINUTE, NO_WAIT).released == 1
    assert frame(transact) == (1, 0)
    token = LINK.search(mute.texts[0])[1]
    with transact() as session:
        if event == "answered":
            answers.submit(session, token, Submission(overall=3), NOW + MINUTE)
        else:
            invitations.repudiate(session, token, NOW + MINUTE)
    later = NOW + 12 * MINUTE
    assert outbox.send_due(mute, later) == outbox.SendSummary(0, 0, 0, 0)
    with transact() as session:
        one = session.scalars(select(Message).where(~REMINDERS)).one()
        assert (one.state, one.reason, one.body_sealed) == ("sent", "", None)
        assert (one.provider_id, one.attempt) == (one.attempt_id, 1)
        assert later <= one.sent_at < later + MINUTE
        (reminder,) = reminders_in_place(session)
        assert (reminder.state, reminder.due_at) == ("ready", at("2026-05-23", "00:00"))
    assert (mute.calls, frame(transact), decisions(transact)) == (1, (1, 1), ["asked"])
    assert outbox.send_due(mute, MORNING) == outbox.SendSummary(0, 0, 0, 0)
    with transact() as session:
        assert [one.state for one in reminders_in_place(session)] == ["cancelled"]
