"""How cases are closed and reopened."""

from datetime import UTC, datetime, timedelta

import pytest

from survey import case_triggers
from survey.cases import opening, steps
from survey.cases.deadlines import may_reopen, read_clocks
from survey.cases.notices import Way
from survey.cases.queue import case_groups, open_cases
from survey.cases.steps import Ending
from survey.errors import Invalid, Refused
from survey.messages.text import deadline_words
from survey.models.case import CaseEvent, CloseReason, check_words
from survey.models.staff import Staff
from tests import ballots
from tests.features import answering
from tests.features.answering import WISH, prepare, texts
from tests.opened import the_case

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LETTER = "Kính gửi Ông/Bà, chúng tôi đã nhắc nhở cán bộ và trả hồ sơ."


def test_settled_needs_a_written_reply(transact, work):
    """A case cannot be closed as resolved before a written reply."""
    code, handler = prepare(transact)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        with pytest.raises(Refused, match="close_needs_reply"):
            steps.close(session, staff, case, Ending(CloseReason.RESOLVED), MONDAY)


@pytest.mark.parametrize("reason", ["transferred", "unreachable", "not_a_complaint"])
def test_no_case_closes_without_words_for_the_citizen(transact, work, reason):
    """Closing without a written reply needs a text for the citizen, whatever the reason; after a
    reply the text is optional.
    """
    code, handler = prepare(transact)
    to = "Thanh tra tỉnh" if reason == "transferred" else ""
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        for words in ("", "  ", "x" * 4001):
            with pytest.raises(Invalid) as refusal:
                steps.close(session, staff, case, Ending(CloseReason(reason), words, to), MONDAY)
            assert refusal.value.code == ("text_too_long" if words.strip() else "close_text")
        assert case.record.state == "in_progress"
        said = Ending(CloseReason(reason), f" {LETTER} ", to)
        steps.close(session, staff, case, said, MONDAY)
        last = case.timeline[-1]
        assert (last.text, last.reason, last.receiver) == (LETTER, reason, to)
    with transact() as session:
        handler = session.get_one(Staff, handler)
        replied = answering.raise_case(session)
        steps.take(session, handler, replied, MONDAY)
        steps.reply(session, handler, replied, (LETTER, Way.PAGE), MONDAY)
        steps.close(session, handler, replied, Ending(CloseReason(reason), "", to), MONDAY)


def test_a_transfer_names_its_receiver(transact, work):
    """A transfer without a receiver, or with one longer than a line, is refused."""
    code, handler = prepare(transact)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        steps.reply(session, staff, case, (LETTER, Way.PAGE), MONDAY)
        for receiver in ("", " \n ", "x" * 201):
            ending = Ending(CloseReason.TRANSFERRED, LETTER, receiver)
            with pytest.raises(Invalid, match="close_receiver"):
                steps.close(session, staff, case, ending, MONDAY)


def test_a_timeline_holds_no_closing_without_words(transact):
    """A timeline refuses a closing without text, reason or, for a transfer, receiver; a reply
    before the case was reopened does not count.
    """
    with transact() as session:
        case = answering.raise_case(session)
        began = case.timeline
        told = CaseEvent(MONDAY, None, "replied", LETTER)
        again = CaseEvent(MONDAY, None, "reopened")
        silent = CaseEvent(MONDAY, None, "closed", "", "unreachable")
        check_words([*began, told, silent])
        for events in ([*began, silent], [*began, told, again, silent]):
            with pytest.raises(ValueError, match="words for the citizen"):
                check_words(events)
    for wrong in (("", ""), ("transferred", ""), ("unreachable", "Thanh tra tỉnh")):
        with pytest.raises(ValueError, match="has"):
            CaseEvent(MONDAY, None, "closed", LETTER, *wrong)


def test_the_words_of_an_ending_are_texted_where_that_was_wished(transact, work):
    """A citizen who wished a call is texted why the case was closed and who received it."""
    code, handler = prepare(transact, contact=WISH, overall=1)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        ending = Ending(CloseReason.TRANSFERRED, "Đã chuyển.", "Thanh tra tỉnh", way=Way.PLAIN)
        steps.close(session, staff, case, ending, MONDAY)
        (text,) = texts(session)
        assert f"Phan anh {code}: Da chuyen. Noi nhan: Thanh tra tinh." in text
        assert case.record.state == "closed"


def test_the_citizen_reopens_once_within_thirty_days(transact, work):
    """A citizen may reopen a case once, after a reply and within 30 days of closing, and any
    handler may take it then.
    """
    code, handler = prepare(transact)

    def reopen(now):
        with transact() as session:
            (key,) = ballots.keys(session)
            return opening.reopen_by_citizen(session, key, now).code

    with pytest.raises(Refused, match="case_not_reopenable"):
        reopen(MONDAY)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        steps.reply(session, staff, case, (LETTER, Way.PAGE), MONDAY)
        steps.close(session, staff, case, Ending(CloseReason.EXPLAINED), MONDAY)
        assert may_reopen(case.record, MONDAY + timedelta(days=30))
    with pytest.raises(Refused, match="case_not_reopenable"):
        reopen(MONDAY + timedelta(days=31))
    assert reopen(MONDAY + timedelta(days=2)) == code
    with transact() as session:
        case = the_case(session)
        assert (case.state, case.assignee_id, case.replied_at) == ("reopened", None, None)
        assert case.due_at > MONDAY + timedelta(days=7)
        assert [len(card.cases) for card in case_groups(open_cases(session))] == [1]
    with pytest.raises(Refused, match="case_already_reopened"):
        reopen(MONDAY + timedelta(days=3))


def test_a_case_closed_without_a_reply_may_be_opened_again(transact, work):
    """A case closed without a reply may be reopened too, once within 30 days."""
    code, handler = prepare(transact)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        steps.close(session, staff, case, answering.ENDING, MONDAY)
        record = case.record
        assert may_reopen(record, MONDAY + timedelta(days=30))
        assert not may_reopen(record, MONDAY + timedelta(days=31))
        assert read_clocks(session, record, MONDAY)[1].pace == "stopped"
    with transact() as session:
        (key,) = ballots.keys(session)
        assert opening.reopen_by_citizen(session, key, MONDAY).code == code
        assert not may_reopen(the_case(session).record, MONDAY)


def test_who_wished_a_call_is_told_that_it_is_open_again(transact, work):
    """Reopening is confirmed with the new deadline, by SMS when a call was wished, else on the
    page.
    """
    code, handler = prepare(transact, contact=WISH, overall=1)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        steps.reply(session, staff, case, (LETTER, Way.PAGE), MONDAY)
    with transact() as session:
        (key,) = ballots.keys(session)
        case = opening.reopen_by_citizen(session, key, MONDAY + timedelta(days=1))
        (text,) = texts(session)
        assert f"Phan anh {code} da mo lai theo yeu cau" in text
        assert deadline_words(case.record.due_at, "vi") in text


def test_what_comes_after_closing_is_not_lost(transact, work):
    """Grave words or a wish to be called after closing reopen the same case."""
    code, handler = prepare(transact)
    with work(handler, code) as (session, staff, case):
        steps.take(session, staff, case, MONDAY)
        steps.close(session, staff, case, answering.ENDING, MONDAY)
    with transact() as session:
        (key,) = ballots.keys(session)
        changed = answering.change(session, key, overall=1, comment="Họ vòi tiền tôi")
        case = case_triggers.raise_for_answer(session, MONDAY, changed, None)
        record = case.record
        assert (case.code, record.state, record.reason) == (code, "reopened", "grave_words")
        assert may_reopen(record, MONDAY) is False
        assert not record.is_reopened
