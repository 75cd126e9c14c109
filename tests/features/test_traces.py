"""A repudiated answer, or a message to a citizen who answered, leaves no trace."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey import answers
from survey.answers import Submission
from survey.ballots import checking
from survey.ballots.aggregates import stored_aggregate
from survey.cases import steps
from survey.cases.case_detail import case_detail
from survey.cases.notices import Way
from survey.delivery.costs import month_costs
from survey.delivery.labels import not_sent_words
from survey.delivery.looking_up import look_up
from survey.messages import outbox, receipts
from survey.messages.providers import DeliveryReceipt, SmsNotSent, SmsRefused
from survey.models.ballot import ballot_key
from survey.models.case import Case, case_of
from survey.models.count import Count
from survey.models.message import Message, MessageKind, Receipt
from survey.period import Month
from survey.province.workdays import local_midnight
from survey.web.staff.message_words import reason_words
from tests import ballots
from tests.conftest import unit_of_work
from tests.features import answering
from tests.messages.gateway import NOW, Gateway, fails, phone, queue, takes
from tests.seeding import LINK, Wanted, ask_everybody, finish

Transact = Callable[[], AbstractContextManager[Session]]
Ask = Callable[..., list[str]]
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def gateway(app: Flask) -> Iterator[Gateway]:
    """A gateway, while the application's context is open."""
    with app.app_context():
        yield Gateway()


@pytest.fixture
def ask(transact: Transact, gateway: Gateway) -> Ask:
    """`ask(Wanted(1), Wanted(2))` returns the tokens citizens got by SMS, in that order."""

    def tokens(*wanted: Wanted) -> list[str]:
        with transact() as session:
            ask_everybody(session)
            finish(session, wanted)
        outbox.send_due(gateway, NOW)
        found = {sms.recipient.address: LINK.search(sms.text) for sms in gateway.taken}
        return [match[1] for one in wanted if (match := found[one.mobile])]

    return tokens


def say(transact: Transact, token: str, **said: object) -> None:
    """Send one form through a link."""
    with transact() as session:
        answers.submit(session, token, Submission(**said), NOW)


def rated(session: Session) -> list[tuple[str, str]]:
    """Every row of counts and every sum of a procedure, as of the last counting."""
    counts = [("count", question) for question in session.scalars(select(Count.question))]
    groups = stored_aggregate(session, Month("2026-05")).procedures
    return [*counts, *(("procedure", group.procedure_code) for group, *_ in sorted(groups))]


def test_a_disowned_answer_leaves_no_row_of_counts(transact: Transact, ask: Ask) -> None:
    """After its only answer is repudiated a cell has no row of counts, as if never answered, and a
    changed rating keeps its rows.
    """
    wrong, kept = ask(Wanted(1), Wanted(2, "LOC-KH-W22333", procedure="2.000815"))
    for overall in (1, 4):
        say(transact, kept, overall=overall)
        with transact() as session:
            ballots.count(session)
    with transact() as session:
        before = rated(session)
        assert before == [("count", "overall"), ("procedure", "2.000815")]
    for overall in (2, 5):
        say(transact, wrong, overall=overall)
        with transact() as session:
            ballots.count(session)
    with transact() as session:
        assert len(rated(session)) == 2 * len(before)
        answers.repudiate(session, wrong, NOW)
        assert ballots.count(session) == 1
    with transact() as session:
        assert rated(session) == before
        assert checking.check(session) == []


def test_a_row_of_counts_survives_who_answers_meanwhile(
    app: Flask, transact: Transact, ask: Ask
) -> None:
    """Answers at one agency count while another one's answers about the procedure are repudiated
    and a batch is counted.
    """
    wrong = ask(*(Wanted(number) for number in range(1, 9)))
    right = ask(*(Wanted(number, "LOC-KH-W22333") for number in range(11, 19)))
    for one, other in zip(wrong, right, strict=True):
        say(transact, one, overall=3)
        with transact() as session:
            ballots.count(session)
        with ThreadPoolExecutor(3) as pool:
            instants = (
                pool.submit(_alone, app, answers.repudiate, one, NOW),
                pool.submit(_alone, app, answers.submit, other, Submission(overall=3), NOW),
                pool.submit(_alone, app, ballots.count),
            )
            for instant in instants:
                instant.result()
        with transact() as session:
            assert ballots.levels(session) == {3: 1}
            ballots.count(session)
            assert checking.check(session) == []
            answers.repudiate(session, other, NOW)
            ballots.count(session)
            assert rated(session) == []


def _alone(app: Flask, instant: Callable[..., object], *said: object) -> None:
    with unit_of_work(app) as session:
        instant(session, *said)


def test_an_empty_row_of_counts_is_as_good_as_none(transact: Transact, ask: Ask) -> None:
    """A recount reports no difference for rows of zeros."""
    (token,) = ask(Wanted(1))
    say(transact, token, overall=3)
    with transact() as session:
        ballots.count(session)
        row = session.scalars(select(Count)).one()
        values = {one.key: getattr(row, one.key) for one in Count.__mapper__.column_attrs}
        session.add(Count(**{**values, "channel": "online", "n3": 0}))
    with transact() as session:
        assert checking.check(session) == []
        assert checking.rebuild(session) == 0


@pytest.mark.parametrize("is_counted", [False, True])
def test_the_case_of_a_disowned_answer_looks_like_any_other(
    transact: Transact, ask: Ask, *, is_counted: bool
) -> None:
    """The case of a repudiated answer has a hash as long as others that leads to no answer, counted
    or not.
    """
    wrong, kept = ask(Wanted(1), Wanted(2))
    for token in (wrong, kept):
        say(transact, token, overall=1)
    with transact() as session:
        of_wrong = ballot_key(session, wrong)
        if is_counted:
            ballots.count(session)
        assert len(session.scalars(case_of(session, of_wrong)).all()) == 1
        answers.repudiate(session, wrong, NOW)
    with transact() as session:
        hashes = session.scalars(select(Case.answer_hash)).all()
        assert [len(one) for one in hashes] == [16, 16]
        assert len(set(hashes)) == 2
        assert session.scalars(case_of(session, of_wrong)).all() == []


@pytest.fixture
def texted(transact: Transact, ask: Ask) -> str:
    """The token of a citizen who wished a call and whose written reply is in the outbox."""
    (token,) = ask(Wanted(1))
    say(transact, token, overall=1, contact=True)
    with transact() as session:
        staff = answering.add_staff(session)
        case = session.scalars(select(Case)).one()
        for step, more in ((steps.take, ()), (steps.reply, (("Đã nhắc nhở.", Way.PLAIN),))):
            claimed = steps.claim(session, staff, case.code, case.revision)
            step(session, staff, claimed, *more, NOW)
            session.flush()
    return token


def the_text(session: Session) -> Message:
    """The message of the case."""
    return session.scalars(select(Message).where(Message.kind == MessageKind.CASE_REPLY)).one()


def held(message: Message) -> set[str]:
    """Which references to its case and phone a message still has."""
    names = ("case_hash", "recipient_sealed", "recipient_index", "prefix", "body_sealed")
    return {name for name in names if getattr(message, name) is not None}


def test_a_text_that_waits_is_not_sent_once_the_wish_is_taken_back(
    transact: Transact, gateway: Gateway, texted: str
) -> None:
    """A waiting reply is cancelled and emptied when the wish is withdrawn, with a reason and its
    day only.
    """
    say(transact, texted, contact=False)
    gateway.taken.clear()
    outbox.send_due(gateway, LATER)
    assert gateway.taken == []
    with transact() as session:
        text = the_text(session)
        assert (text.state, text.reason, held(text)) == ("cancelled", "withdrawn", set())
        assert text.settled_at == local_midnight(NOW)
        assert month_costs(session, Month("2026-05"), LATER).not_sent == {"withdrawn": 1}
    assert not_sent_words("withdrawn") != reason_words("withdrawn") != "withdrawn"


@pytest.mark.parametrize("outcome", ["", "delivered"])
def test_a_text_that_left_leads_from_the_case_to_no_phone(
    transact: Transact, gateway: Gateway, texted: str, outcome: str
) -> None:
    """A sent or delivered reply keeps its state and time, and no reference to case and phone."""
    outbox.send_due(gateway, LATER)
    if outcome:
        hear(transact, gateway, outcome)
    say(transact, texted, contact=False)
    with transact() as session:
        text = the_text(session)
        assert (text.state, held(text)) == (outcome or "sent", set())
        assert text.sent_at >= LATER
        assert session.scalars(select(Case)).one().contact_index is None


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_text_under_way_keeps_its_phone_until_its_fate_is_known(
    transact: Transact, gateway: Gateway, texted: str, *, is_lost: bool
) -> None:
    """A reply with unknown result loses its case at once and its phone and text after reconciling;
    a lost one is not repeated.
    """
    if is_lost:
        gateway.before = fails(TimeoutError())
    gateway.after = fails(TimeoutError())
    assert outbox.send_due(gateway, LATER).unknown == 1
    say(transact, texted, contact=False)
    with transact() as session:
        assert held(the_text(session)) == {"recipient_sealed", "recipient_index", "body_sealed"}
    gateway.before = gateway.after = takes
    calls = gateway.calls
    done = outbox.reconcile(gateway, LATER + 11 * MINUTE, timedelta())
    assert (done.found_sent, done.released) == (not is_lost, is_lost)
    outbox.send_due(gateway, LATER + 12 * MINUTE)
    assert gateway.calls == calls
    with transact() as session:
        text = the_text(session)
        assert (text.state, held(text)) == ("expired" if is_lost else "sent", set())


def hear(transact: Transact, gateway: Gateway, outcome: str, **changes: str) -> None:
    """Receive the gateway's receipt for the last message it took."""
    sms = gateway.taken[-1]
    named = {"provider_id": f"G{sms.attempt_id[:20]}", "attempt_id": sms.attempt_id, **changes}
    word = DeliveryReceipt("fake", status=outcome, error_code="", outcome=outcome, **named)
    with transact() as session:
        receipts.apply(session, LATER + MINUTE, word)


def timestamps(session: Session) -> set[datetime]:
    """All instants of messages and receipts."""
    rows = [*session.scalars(select(Message)), *session.scalars(select(Receipt))]
    columns = [(row, one.key) for row in rows for one in row.__mapper__.column_attrs]
    values = [getattr(row, key) for row, key in columns]
    return {value for value in values if isinstance(value, datetime)}


@pytest.mark.parametrize("outcome", ["delivered", "undelivered", "expired", "sent"])
@pytest.mark.parametrize("is_early", [False, True])
def test_a_dialogue_that_is_over_bears_days(
    transact: Transact, gateway: Gateway, outcome: str, *, is_early: bool
) -> None:
    """A finished message of a dialogue and its receipts hold days only, whatever the provider
    reports and when.
    """
    with transact() as session:
        queue(session, 1, due_at=NOW - MINUTE)
    gateway.before = fails(SmsNotSent())
    outbox.send_due(gateway, NOW)
    gateway.before = takes
    if is_early:
        gateway.after = lambda _: hear(transact, gateway, outcome)
    outbox.send_due(gateway, LATER)
    if not is_early:
        hear(transact, gateway, outcome)
    with transact() as session:
        message = session.scalars(select(Message)).one()
        assert message.state == outcome
        assert timestamps(session) == {local_midnight(NOW)}


def test_a_dialogue_that_never_left_bears_days(transact: Transact, gateway: Gateway) -> None:
    """A refused, expired or never confirmed message of a dialogue, and a stray receipt, hold no
    instant.
    """
    with transact() as session:
        queue(session, 1)
        queue(session, 2, expires_at=NOW)
        queue(session, 3)
    gateway.before = lambda sms: (
        fails(SmsRefused("bad_number"))(sms) if sms.recipient.address == phone(1) else None
    )
    outbox.send_due(gateway, NOW)
    hear(transact, gateway, "delivered", attempt_id="", provider_id="nobody")
    outbox.reconcile(gateway, NOW + 3 * DAY, timedelta())
    with transact() as session:
        assert Counter(session.scalars(select(Message.state))) == {
            "failed": 1,
            "expired": 1,
            "sent": 1,
        }
        assert timestamps(session) == {local_midnight(NOW)}
    outbox.reconcile(gateway, NOW + 4 * DAY, timedelta())
    with transact() as session:
        assert timestamps(session) == {local_midnight(NOW), local_midnight(NOW + 4 * DAY)}


def test_what_was_texted_about_a_case_is_found_by_who_may(
    transact: Transact, gateway: Gateway, texted: str
) -> None:
    """A reply without references is shown on the page of its case, found by the whole number, and
    charged to the agency of the case.
    """
    assert texted
    outbox.send_due(gateway, LATER)
    with transact() as session:
        staff, case = answering.add_staff(session), session.scalars(select(Case)).one()
        assert case_detail(session, staff, case.code, LATER).timeline[-1].kind == "message"
        found = look_up(session, staff, Wanted(1).mobile, LATER).messages
        assert {one.kind for one in found} == {"invitation", "reminder", "case_reply"}
        (spent,) = month_costs(session, Month("2026-05"), LATER).by_agency
        assert (spent.key, spent.messages) == (Wanted(1).agency, 2)
