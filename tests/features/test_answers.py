"""An answer is stored once and counted once, and counting destroys the order of answers."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from survey import answers, backup, invitations
from survey.answers import Submission
from survey.ballots import checking, storage
from survey.ballots.aggregates import aggregate_now
from survey.ballots.contents import Current, digest_of
from survey.crypto.tokens import reply_secret
from survey.db import transaction
from survey.errors import Invalid, NotFound, Refused
from survey.models.ballot import ballot_key
from survey.models.case import Case
from survey.models.dossier import Dossier
from survey.models.invitation import Invitation
from survey.models.message import Message
from survey.models.province import Province
from survey.period import Month
from tests import ballots
from tests.ballots import levels
from tests.conftest import Ran, unit_of_work
from tests.opened import end_case, the_case
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

Transact = Callable[[], AbstractContextManager[Session]]
Invite = Callable[..., list[str]]
DAY = timedelta(days=1)
EXPIRED = NOW + 20 * DAY
PROCEDURES = ("1.012784", "2.000815")
TWO_WAY = {
    "SMS_PROVIDER": "kannel",
    "SMS_REPLY_NUMBER": "8099",
    "KANNEL_SEND_URL": "http://localhost:13013/cgi-bin/sendsms",
    "KANNEL_USERNAME": "u",
    "KANNEL_PASSWORD": "p",
    "KANNEL_WEBHOOK_SECRET": "s" * 32,
}


@pytest.fixture
def invite(transact: Transact, runner: Callable[..., Ran], environment: dict[str, str]) -> Invite:
    """`invite(Wanted(1), Wanted(2))` returns the tokens citizens got by SMS, in that order."""

    def ask(*wanted: Wanted) -> list[str]:
        with transact() as session:
            ask_everybody(session)
            finish(session, wanted)
        assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
        found = links(Path(environment["SMS_CONSOLE_FILE"]))
        return [found[one.mobile] for one in wanted]

    return ask


def contents(session: Session) -> dict[str, backup.Contents]:
    """Row count and digest of every table."""
    return backup.read(session.connection(), NOW).tables


def say(transact: Transact, token: str, *, now=NOW, **said) -> None:
    """Send one form through a link."""
    with transact() as session:
        answers.submit(session, token, Submission(**said), now)


@pytest.mark.parametrize("is_counted", [False, True])
def test_a_repeat_changes_nothing_and_a_change_moves_counts(
    transact: Transact, invite: Invite, *, is_counted: bool
) -> None:
    """Sending the same form again changes no table; another rating replaces the old one, keeps a
    digest of it, and changes the figures.
    """
    (token,) = invite(Wanted(1))
    said = {"overall": 2, "reasons": ("officials",), "comment": "Chờ lâu.", "contact": True}
    say(transact, token, **said)
    with transact() as session:
        if is_counted:
            ballots.count(session)
        before = contents(session)
    say(transact, token.lower().replace("0", "o").replace("1", "l"), **said, now=NOW + DAY)
    with transact() as session:
        assert contents(session) == before
    say(transact, token, overall=5, now=NOW + DAY)
    with transact() as session:
        assert levels(session) == {5: 1}
        ballots.count(session)
        assert levels(session) == {5: 1}
        (found,) = ballots.all_found(session).values()
        (version,) = found.ballot.versions
        assert (version.ratings, version.reasons) == ({"overall": 5}, ("officials",))
        assert version.replaced == digest_of(Current({"overall": 2}, ("officials",)))
        assert found.comment == "Chờ lâu."
        assert checking.check(session) == []


def test_counts_equal_a_recount_after_anything(transact: Transact, invite: Invite) -> None:
    """After random answers, changes, repeats, wrong receivers and countings, the figures equal the
    last answers and the counts equal a recount of the ballots.
    """
    tokens = invite(*(Wanted(number, procedure=PROCEDURES[number % 2]) for number in range(12)))
    dice = random.Random(20260520)
    last, disowned = dict[str, Submission](), set[str]()
    for step in range(80):
        token = dice.choice(tokens)
        if token in disowned:
            with transact() as session, pytest.raises(Refused, match="answering_closed"):
                answers.submit(session, token, Submission(overall=1), NOW)
        elif dice.random() < 0.1:
            with transact() as session:
                answers.repudiate(session, token, NOW)
            disowned.add(token)
            last.pop(token, None)
        else:
            again = token in last and dice.random() < 0.2
            last[token] = last[token] if again else _random_form(dice)
            with transact() as session:
                answers.submit(session, token, last[token], NOW)
        if step % 12 == 11:
            with transact() as session:
                ballots.count(session)
                assert checking.check(session) == []
    wanted = Counter(said.overall for said in last.values())
    with transact() as session:
        assert levels(session) == wanted
        assert ballots.count(session) > 0
        assert checking.check(session) == []
        assert levels(session) == wanted
        assert len(last) > 3
        assert len(disowned) > 2


def _random_form(dice: random.Random) -> Submission:
    return Submission(
        overall=dice.randint(1, 5),
        reasons=tuple(dice.sample(("access", "result"), dice.randint(0, 2))),
        comment=dice.choice([None, "", "Tốt.", "Cán bộ vòi tiền."]),
    )


def test_a_failed_answer_leaves_nothing(app: Flask, transact: Transact, invite: Invite) -> None:
    """When the transaction fails, ballot, alert and case are rolled back together."""
    (token,) = invite(Wanted(1))
    with transact() as session:
        before = contents(session)
    bad = Submission(overall=1, comment="Cán bộ vòi tiền.", contact=True)

    def fail_after_answering() -> None:
        with unit_of_work(app) as session:
            answers.submit(session, token, bad, NOW)
            assert session.scalars(select(Case)).all()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_answering()
    too_long = Submission(overall=1, comment="ắ" * 2001)
    for form, code in (
        (too_long, "comment_too_long"),
        (Submission(overall=6), "bad_rating"),
        (Submission(overall=1, reasons=("speed",)), "bad_factor"),
        (Submission(comment="Chưa chọn mức."), "rating_first"),
        (Submission(overall=3, contact=True, contact_phone="113"), "bad_contact_phone"),
    ):
        with pytest.raises(Invalid, match=code), unit_of_work(app) as session:
            answers.submit(session, token, form, NOW)
    with transact() as session:
        assert contents(session) == before
    say(transact, token, overall=3, comment="ắ" * 2000)


def test_an_expired_link_refuses_and_a_case_keeps_it_readable(
    transact: Transact, invite: Invite
) -> None:
    """An expired link is unknown, but a link with a case stays readable until 30 days after
    closing.
    """
    calm, angry, silent = invite(Wanted(1), Wanted(2), Wanted(3))
    say(transact, calm, overall=5)
    say(transact, angry, overall=1)
    with transact() as session:
        for token in (calm, silent):
            for use in (
                lambda token: answers.answer_page(session, token, EXPIRED),
                lambda token: answers.submit(session, token, Submission(overall=4), EXPIRED),
                lambda token: answers.repudiate(session, token, EXPIRED),
                lambda token: invitations.stop(session, token, EXPIRED),
            ):
                with pytest.raises(NotFound, match="no_such_link"):
                    use(token)
        page = answers.answer_page(session, angry, EXPIRED)
        assert page.case is not None
        assert page.answer.overall == 1
        assert not page.may_answer
        with pytest.raises(Refused, match="answering_closed"):
            answers.submit(session, angry, Submission(overall=5), EXPIRED)
        end_case(session, EXPIRED)
    with transact() as session:
        assert answers.answer_page(session, angry, EXPIRED + 30 * DAY - timedelta(seconds=1))
        with pytest.raises(NotFound, match="no_such_link"):
            answers.answer_page(session, angry, EXPIRED + 30 * DAY)


def test_a_wish_to_be_called_can_be_taken_back(transact: Transact, invite: Invite) -> None:
    """Contact data are on the case while the citizen wishes a call, and are erased afterwards."""
    (token,) = invite(Wanted(1))
    say(transact, token, overall=1, contact=True, contact_phone="0912 345 678")
    with transact() as session:
        case = the_case(session)
        assert case.contact.phone_e164 == "+84912345678"
    say(transact, token, contact=False, now=NOW + DAY)
    with transact() as session:
        case = the_case(session)
        assert (case.contact_sealed, case.contact_index) == (None, None)
        texts = [event.text for event in case.events]
        assert "Không muốn được gọi lại nữa." in texts
        assert levels(session) == {1: 1}


def test_answers_by_sms_stay_apart(make_app: Callable[..., Flask]) -> None:
    """Two invitations to one phone are two ballots, and a reply reaches the one of its code."""
    app = make_app(**TWO_WAY)
    phone = "+84905123456"
    with unit_of_work(app) as session:
        province = session.scalars(select(Province)).one()
        province.invite_delay_minutes = province.phone_gap_days = 0
        finish(session, [Wanted(1, phone=phone), Wanted(2, phone=phone)])
    for place, overall in ((0, 1), (1, 5), (0, 2)):
        with unit_of_work(app) as session:
            asked = session.scalars(select(Invitation).order_by(Invitation.id)).all()
            answers.submit_by_sms(session, asked[place], phone, Submission(overall=overall), NOW)
    with unit_of_work(app) as session:
        assert levels(session) == {2: 1, 5: 1}
        asked = session.scalars(select(Invitation).order_by(Invitation.id)).all()
        for invitation, overall in zip(asked, (2, 5), strict=True):
            assert invitation.token_hash is None
            key = ballot_key(session, reply_secret(invitation.id, invitation.reply_code))
            found = storage.find(session, key)
            assert (found.ballot.mode, found.answer.overall) == ("sms", overall)
        assert ballots.count(session) == 2
        assert levels(session) == {2: 1, 5: 1}
        assert checking.check(session) == []
        with pytest.raises(Refused, match="answering_closed"):
            answers.submit_by_sms(session, asked[0], phone, Submission(overall=3), EXPIRED)


def test_answers_at_once_lose_nothing(app: Flask, transact: Transact, invite: Invite) -> None:
    """Forty citizens who answer and change in eight threads are all stored and counted."""
    tokens = invite(*(Wanted(number) for number in range(40)))

    def answer_and_change(place: int) -> None:
        for overall in (1, place % 5 + 1):
            said = Submission(overall=overall, comment=f"Lần {overall}.")
            with app.app_context(), transaction() as session:
                answers.submit(session, tokens[place], said, NOW)

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(answer_and_change, range(40)))
    with transact() as session:
        assert levels(session) == dict.fromkeys(range(1, 6), 8)
        for place, token in enumerate(tokens):
            said = answers.answer_page(session, token, NOW).answer
            assert (said.overall, said.comment) == (place % 5 + 1, f"Lần {place % 5 + 1}.")
        found = ballots.all_found(session).values()
        assert len(found) == 40
        assert sum(one.pooled.current.replaced == ballots.replaced(1) for one in found) == 32
        assert ballots.count(session) == 40
        assert levels(session) == dict.fromkeys(range(1, 6), 8)
        assert checking.check(session) == []


def test_counted_rows_do_not_lie_in_the_order_of_answering(
    engine: str, transact: Transact, invite: Invite
) -> None:
    """The physical place of a counted ballot shows neither the order of answering nor its batch nor
    whether it was changed.
    """
    tokens = invite(*(Wanted(number) for number in range(60)))
    for place, token in enumerate(tokens):
        say(transact, token, overall=place % 5 + 1)
        if place % 20 == 19:
            say(transact, tokens[place - 19], overall=(place - 19) % 5 + 2)
            with transact() as session:
                ballots.count(session)
    place_in_file = " ORDER BY ctid" if engine == "postgresql" else ""
    with transact() as session:
        came = {ballot_key(session, token): place for place, token in enumerate(tokens)}
        rows = session.scalars(text(f"SELECT key FROM ballot{place_in_file}"))  # noqa: S608
        order = [came[bytes(key)] for key in rows]
    assert sorted(order) == list(range(60))
    assert abs(_concordance(order)) < 0.45  # five standard deviations of a shuffled order


def _concordance(order: list[int]) -> float:
    """Kendall's tau between an order and the order of answering."""
    pairs = [(one, other) for place, one in enumerate(order) for other in order[place + 1 :]]
    return sum(1 if one < other else -1 for one, other in pairs) / len(pairs)


@pytest.mark.parametrize("is_counted", [False, True])
def test_not_mine_takes_the_answer_out(
    transact: Transact, invite: Invite, *, is_counted: bool
) -> None:
    """When a wrong receiver repudiates, the answer leaves tables and counts; repeating it does
    nothing.
    """
    kept, wrong = invite(Wanted(1), Wanted(2))
    say(transact, kept, overall=4)
    say(transact, wrong, overall=1, comment="Chờ lâu.")
    with transact() as session:  # the register may put a procedure right after it was counted
        session.execute(update(Dossier).values(procedure_code=PROCEDURES[1]))
        if is_counted:
            ballots.count(session)
    for is_again in (False, True):
        with transact() as session:
            answers.repudiate(session, wrong, NOW)
        with transact() as session:
            _is_out(session)
            if is_again:
                ballots.count(session)
                _is_out(session)
                assert [one.answer.overall for one in ballots.all_found(session).values()] == [4]
                assert checking.check(session) == []


def _is_out(session: Session) -> None:
    """Assert that the second of two answers is gone from counts, ballots, case and messages."""
    assert levels(session) == {4: 1}
    ((group, numbers),) = aggregate_now(session, Month("2026-05")).by_procedure(["overall"]).items()
    assert (group.procedure_code, numbers) == (PROCEDURES[0], [0, 0, 0, 1, 0])
    assert [one.overall for one in ballots.all_said(session)] == [4]
    assert [one.comment for one in ballots.all_found(session).values() if one.comment] == []
    assert the_case(session).ballot_key is None
    assert Counter(session.scalars(select(Message.kind))) == {"invitation": 2, "reminder": 2}
