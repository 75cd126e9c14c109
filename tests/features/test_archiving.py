"""Closed cases leave the work lists, and clear columns do not show how far a case has come."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from survey import case_triggers
from survey.cases import access_control, archiving, queue, steps
from survey.cases.case_detail import case_detail
from survey.cases.deadlines import day_of
from survey.cases.notices import Way
from survey.cases.steps import Ending
from survey.errors import Refused
from survey.models.case import Case, CloseReason
from survey.models.job import Job
from survey.models.staff import RoleName, Staff
from survey.period import Month
from survey.privacy import retention
from survey.reports.case_times import read_cases
from tests import ballots
from tests.clocks import NOW
from tests.features import answering

LETTER = "Kính gửi Ông/Bà, chúng tôi đã nhắc nhở cán bộ và trả hồ sơ. " * 8
DONE = NOW + timedelta(days=3)
LATER = NOW + timedelta(days=140)


def settle(session, staff, case):
    """Take a case, reply to it and close it."""
    steps.take(session, staff, case, DONE)
    steps.reply(session, staff, case, (LETTER, Way.PAGE), DONE)
    steps.close(session, staff, case, Ending(CloseReason.RESOLVED), DONE)


def listed(session, staff):
    """Codes of the cases in an account's work lists."""
    return {one.code for one in access_control.visible(session, staff)}


def test_closed_cases_leave_the_lists_and_are_found_by_month(transact):
    """Three months after closing, a case is found by its month only; open cases stay listed."""
    with transact() as session:
        handler = answering.add_staff(session)
        closed, forgotten = answering.raise_case(session), answering.raise_case(session)
        fresh = answering.raise_case(session, LATER - timedelta(days=20))
        settle(session, handler, closed)
        steps.take(session, handler, fresh, LATER)
        steps.close(session, handler, fresh, answering.ENDING, LATER)
        everything = {closed.code, forgotten.code, fresh.code}
        assert archiving.archive_due(session, DONE + timedelta(days=90)) == 0
        assert listed(session, handler) == everything
        assert archiving.archive_due(session, LATER) == 1
        assert archiving.archive_due(session, LATER) == 0
        assert listed(session, handler) == everything - {closed.code}
        assert queue.archived_months(session) == [Month("2026-11")]
        filed = access_control.archived(session, handler, Month("2026-11"))
        assert [one.code for one in filed] == [closed.code]
        assert case_detail(session, handler, closed.code, LATER).timeline[-1].kind == "closed"


def test_what_a_night_led_to_is_not_kept_with_its_day(transact, runner):
    """The jobs that archive cases, erase contacts and count ballots store no numbers in their
    result, since with the day of the job these would show when cases were closed.
    """
    with transact() as session:
        case = answering.raise_case(session)
        settle(session, answering.add_staff(session), case)
    assert runner("worker", "--once", "--now", LATER.isoformat()).code == 0
    with transact() as session:
        assert session.scalars(select(Case.is_archived)).all() == [True]
        kinds = ("cases.archive_due", "privacy.retention", "ballots.count")
        kept = select(Job.state, Job.result).where(Job.kind.in_(kinds))
        assert session.execute(kept).all() == [("done", {})] * len(kinds)


def test_a_filed_case_is_seen_within_scope_only(transact):
    """Agency tree and sector limit who sees an archived case, as with open cases."""
    with transact() as session:
        here, there = answering.agencies(session)[:2]
        case = answering.raise_case(session, agency=here)
        settle(session, answering.add_staff(session), case)
        archiving.archive_due(session, LATER)

        def seen(role, agency=None):
            staff = answering.add_staff(session, role, agency=agency)
            return [one.code for one in access_control.archived(session, staff, Month("2026-11"))]

        assert seen(RoleName.HANDLER, here) == seen(RoleName.AGENCY_HEAD, here) == [case.code]
        assert seen(RoleName.HANDLER, there) == seen(RoleName.ANALYST) == []


def test_a_filed_case_that_opens_again_is_listed_again(transact):
    """Grave words added later reopen an archived case under an alert with the new date."""
    with transact() as session:
        handler = answering.add_staff(session)
        case = answering.raise_case(session)
        settle(session, handler, case)
        assert archiving.archive_due(session, LATER) == 1
        (key,) = ballots.keys(session)
        changed = answering.change(session, key, overall=1, comment="Họ vòi tiền tôi")
        case_triggers.raise_for_answer(session, LATER, changed, None)
        assert listed(session, handler) == {case.code}
        (card,) = queue.case_groups(queue.open_cases(session))
        assert card.opened_at == day_of(LATER)


def test_a_damaged_case_stops_nothing_but_itself(transact, runner):
    """Lists, commands, report and nightly jobs skip a case that cannot be decrypted and name it."""
    with transact() as session:
        handler = answering.add_staff(session)
        head = answering.add_staff(
            session, RoleName.AGENCY_HEAD, agency=answering.agencies(session)[0]
        )
        sound, broken, moved = (answering.raise_case(session) for _ in range(3))
        settle(session, handler, sound)
        moved.timeline_sealed = broken.timeline_sealed
        broken.record_sealed = sound.record_sealed
        ids = handler.id, head.id
        codes = [one.code for one in (sound, broken, moved)]
    with transact() as session:
        handler, head = (session.get_one(Staff, one) for one in ids)
        sound, broken, moved = codes
        cases = access_control.visible(session, handler)
        assert {one.code for one in cases} == {sound, moved}
        assert access_control.damaged(session, handler, cases) == [broken]
        assert access_control.damaged(session, head, access_control.visible(session, head)) == []
        assert archiving.archive_due(session, LATER) == 1
        assert retention.erase_due(session, LATER)["comments"] == 0
        assert read_cases(session, Month("2026-11"), LATER).opened == 2
        for code in (broken, moved):
            with pytest.raises(Refused, match=code):
                case_detail(session, handler, code, LATER)
    assert [one["code"] for one in runner("cases", "list", "--json").json] == [moved]
    assert runner("alerts", "list").code == 0


def test_how_far_a_case_has_come_is_told_by_nothing_in_clear(transact):
    """A new case and a closed one have ciphertexts of equal length and random revisions."""
    with transact() as session:
        handler = answering.add_staff(session)
        cases = [answering.raise_case(session) for _ in range(20)]
        for case in cases[:10]:
            settle(session, handler, case)
        closed = {case.code for case in cases[:10]}
    with transact() as session:
        rows = session.execute(text('SELECT * FROM "case"')).mappings().all()
        hidden = {"id", "code", "answer_hash", "record_sealed", "timeline_sealed", "revision"}
        assert len({tuple((k, v) for k, v in row.items() if k not in hidden) for row in rows}) == 1
        for name in ("record_sealed", "timeline_sealed", "answer_hash"):
            assert len({len(row[name]) for row in rows}) == 1
        done = [row["revision"] for row in rows if row["code"] in closed]
        new = [row["revision"] for row in rows if row["code"] not in closed]
        assert not max(new) < min(done)
        assert not max(done) < min(new)
        assert min(row["revision"] for row in rows) > 2**40


def test_a_case_that_is_worked_on_loses_nothing_by_its_length(transact):
    """Twelve notes of the greatest length are all in the timeline when the case is decrypted."""
    with transact() as session:
        handler = answering.add_staff(session)
        case = answering.raise_case(session)
        notes = [f"{number} " + chr(0x1EA0 + number) * 3990 for number in range(12)]
        for words in notes:
            steps.note(session, handler, case, words, DONE)
        code = case.code
    with transact() as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        assert [one.text for one in case.timeline] == ["", *notes]
        assert [one.number for one in case.timeline] == list(range(1, 14))
