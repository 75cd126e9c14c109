"""Cases in the monthly report: in time, late or overdue, as they stood at the closing."""

from datetime import UTC, datetime

import pytest

from survey.cases import opening, steps
from survey.cases.notices import Way
from survey.models.case import CloseReason
from survey.reports.case_times import read_cases
from tests.features import answering

# 3 November 2026 is a Tuesday; a case of that day is due five working days later, on the 10th.
OPENED = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
IN_TIME = datetime(2026, 11, 6, 2, 0, tzinfo=UTC)
TOO_LATE = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
CLOSED_AT = datetime(2026, 12, 15, 2, 0, tzinfo=UTC)
MONTH = "2026-11"


def answer_case(session, staff, case, at):
    """A handler takes a case, replies in writing and closes it, all at one moment."""
    steps.take(session, staff, case, at)
    steps.reply(session, staff, case, ("Đã nhắc nhở cán bộ và xin lỗi ông/bà.", Way.PAGE), at)
    steps.close(session, staff, case, (CloseReason.RESOLVED, ""), at)


@pytest.fixture
def month(transact):
    """Four cases of November: in time, late, never answered, and one reopened after its reply."""
    with transact() as session:
        staff = answering.add_staff(session)
        cases = [answering.raise_case(session, now=OPENED) for _ in range(4)]
        answer_case(session, staff, cases[0], IN_TIME)
        answer_case(session, staff, cases[1], TOO_LATE)
        answer_case(session, staff, cases[3], IN_TIME)
        opening.open_again(session, datetime(2026, 12, 20, 2, 0, tzinfo=UTC), cases[3])
    return transact


def test_cases_count_by_their_deadline(month):
    """Replied in time, replied late and overdue without a reply are told apart, with hours."""
    with month() as session:
        found = read_cases(session, MONTH, CLOSED_AT)
    line = found.total
    assert (line.opened, line.on_time, line.late, line.overdue, line.waiting) == (4, 2, 1, 1, 0)
    assert line.on_time_share == 2 / 4
    assert (found.closed, found.reopened) == (3, 0)
    # From Wednesday 4 November, 07:30, to Friday 6 November, 09:00: 7.5 + 7.5 + 1.5 hours.
    assert found.median_reply_hours == 16.5
    assert [one.opened for one in found.by_agency] == [4]
    assert [one.label for one in found.by_reason] == ["Mức đánh giá 1 hoặc 2"]


def test_a_report_shows_cases_as_they_stood(month):
    """What happened after the moment of the report is not in it, nor are cases of other months."""
    with month() as session:
        early = read_cases(session, MONTH, datetime(2026, 11, 9, 2, 0, tzinfo=UTC)).total
        later = read_cases(session, MONTH, datetime(2027, 1, 4, 2, 0, tzinfo=UTC))
        assert read_cases(session, "2026-10", CLOSED_AT).total.opened == 0
    assert (early.on_time, early.late, early.overdue, early.waiting) == (2, 0, 0, 2)
    assert (later.reopened, later.total.on_time, later.total.overdue) == (1, 1, 2)
