"""Closed cases leave the lists of work in time; what is sealed tells not how far they have come."""

from datetime import timedelta

from sqlalchemy import select, text

from survey.cases import filing, opening, queue, sight, steps
from survey.cases.file import open_file
from survey.cases.notices import Way
from survey.models.case import Case, CloseReason
from survey.models.response import Response
from survey.models.staff import RoleName
from tests.features import answering
from tests.features.answering import NOW

LETTER = "Kính gửi Ông/Bà, chúng tôi đã nhắc nhở cán bộ và trả hồ sơ. " * 8
DONE = NOW + timedelta(days=3)
LATER = NOW + timedelta(days=140)


def settle(session, staff, case):
    """Take, reply and close."""
    steps.take(session, staff, case, DONE)
    steps.reply(session, staff, case, (LETTER, Way.PAGE), DONE)
    steps.close(session, staff, case, (CloseReason.RESOLVED, ""), DONE)


def listed(session, staff):
    """Codes an account finds in the lists of work."""
    return {one.code for one in sight.visible(session, staff)}


def test_closed_cases_leave_the_lists_and_are_found_by_month(transact):
    """Months later a closed case stands under its month alone; one still open stays listed."""
    with transact() as session:
        handler = answering.add_staff(session)
        closed, forgotten = answering.raise_case(session), answering.raise_case(session)
        fresh = answering.raise_case(session, LATER - timedelta(days=20))
        settle(session, handler, closed)
        settle(session, handler, fresh)
        everything = {closed.code, forgotten.code, fresh.code}
        assert filing.file_away(session, DONE + timedelta(days=60)) == 0
        assert listed(session, handler) == everything
        assert filing.file_away(session, LATER) == 1
        assert filing.file_away(session, LATER) == 0
        assert listed(session, handler) == everything - {closed.code}
        assert queue.filed_months(session) == ["2026-11"]
        filed = sight.filed_away(session, handler, "2026-11")
        assert [one.code for one in filed] == [closed.code]
        assert open_file(session, handler, closed.code, LATER).timeline[-1].kind == "closed"


def test_a_filed_case_is_seen_within_scope_only(transact):
    """What is filed away follows agency tree and sector like everything else."""
    with transact() as session:
        here, there = answering.agencies(session)[:2]
        case = answering.raise_case(session, agency=here)
        settle(session, answering.add_staff(session), case)
        filing.file_away(session, LATER)

        def seen(role, agency=None):
            staff = answering.add_staff(session, role, agency=agency)
            return [one.code for one in sight.filed_away(session, staff, "2026-11")]

        assert seen(RoleName.HANDLER, here) == seen(RoleName.AGENCY_HEAD, here) == [case.code]
        assert seen(RoleName.HANDLER, there) == seen(RoleName.ANALYST) == []


def test_a_filed_case_that_opens_again_is_listed_again(transact):
    """A case closed late is filed by its month, and comes back when its citizen reopens it."""
    with transact() as session:
        handler = answering.add_staff(session)
        case = answering.raise_case(session)
        steps.take(session, handler, case, NOW)
        steps.reply(session, handler, case, (LETTER, Way.PAGE), LATER)
        steps.close(session, handler, case, (CloseReason.RESOLVED, ""), LATER)
        assert filing.file_away(session, LATER) == 1
        response = session.scalars(select(Response)).one()
        opening.reopen_by_citizen(session, response, LATER + timedelta(days=1))
        assert listed(session, handler) == {case.code}


def test_how_far_a_case_has_come_is_told_by_nothing_in_clear(transact):
    """A new case and a settled one differ in no length, and their revisions only grow by chance."""
    with transact() as session:
        handler = answering.add_staff(session)
        cases = [answering.raise_case(session) for _ in range(20)]
        for case in cases[:10]:
            settle(session, handler, case)
        settled = {case.code for case in cases[:10]}
    with transact() as session:
        rows = session.execute(text('SELECT * FROM "case"')).mappings().all()
        hidden = {"id", "code", "answer_hash", "standing_sealed", "timeline_sealed", "revision"}
        assert len({tuple((k, v) for k, v in row.items() if k not in hidden) for row in rows}) == 1
        for name in ("standing_sealed", "timeline_sealed", "answer_hash"):
            assert len({len(row[name]) for row in rows}) == 1
        done = [row["revision"] for row in rows if row["code"] in settled]
        new = [row["revision"] for row in rows if row["code"] not in settled]
        assert not max(new) < min(done)
        assert not max(done) < min(new)
        assert min(row["revision"] for row in rows) > 2**40


def test_a_case_that_is_worked_on_loses_nothing_by_its_length(transact):
    """Notes as long as they may be, again and again, are all there when the case is opened."""
    with transact() as session:
        handler = answering.add_staff(session)
        case = answering.raise_case(session)
        notes = [f"{number} " + chr(0x1EA0 + number) * 3990 for number in range(12)]
        for words in notes:
            steps.note(session, handler, case, words, DONE)
        code = case.code
    with transact() as session:
        case = session.scalars(select(Case).where(Case.code == code)).one()
        assert [one.text for one in case.events(session)] == ["", *notes]
        assert [one.number for one in case.events(session)] == list(range(1, 14))
