"""Cases in the monthly report: which were answered in writing in time, and which were not."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.cases import opening, steps
from survey.cases.notices import Way
from survey.models.case import CloseReason
from survey.period import Month
from survey.reports.case_times import read_cases
from tests.features import answering, report_data
from tests.features.test_reports import sheet, squeezed, words_of_docx, words_of_html
from tests.web.figures import fill

# 3 November 2026 is a Tuesday; a case of that day is due five working days later, on the 10th.
OPENED = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
IN_TIME = datetime(2026, 11, 6, 2, 0, tzinfo=UTC)
TOO_LATE = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
CLOSED_AT = datetime(2026, 12, 15, 2, 0, tzinfo=UTC)
MONTH = Month("2026-11")
LETTER = ("Đã nhắc nhở cán bộ và xin lỗi ông/bà.", Way.PAGE)


def close(session, staff, case, reason, at):
    """Take a case and close it for a reason, at one instant."""
    steps.take(session, staff, case, at)
    steps.close(session, staff, case, answering.ending(reason), at)


def answer(session, staff, case, at, reason=CloseReason.RESOLVED):
    """Take a case, reply in writing and close it, all at one instant."""
    steps.take(session, staff, case, at)
    steps.reply(session, staff, case, LETTER, at)
    steps.close(session, staff, case, answering.ending(reason), at)


def counted(line):
    """The figures of a line that are not 0, by name."""
    names = ("on_time", "late", "overdue", "unanswered", "transferred", "unreachable", "waiting")
    return {name: getattr(line, name) for name in names if getattr(line, name)}


@pytest.fixture
def month(transact):
    """Four cases of November: answered in time, late, never, and reopened after a reply."""
    with transact() as session:
        staff = answering.add_staff(session)
        cases = [answering.raise_case(session, now=OPENED) for _ in range(4)]
        answer(session, staff, cases[0], IN_TIME)
        answer(session, staff, cases[1], TOO_LATE)
        answer(session, staff, cases[3], IN_TIME)
        opening.open_again(session, datetime(2026, 12, 20, 2, 0, tzinfo=UTC), cases[3])
    return transact


def test_cases_count_by_their_deadline(month):
    """Replied in time, replied late and overdue without a reply are counted apart."""
    with month() as session:
        found = read_cases(session, MONTH, CLOSED_AT)
    assert (found.opened, found.total.due) == (4, 4)
    assert counted(found.total) == {"on_time": 2, "late": 1, "overdue": 1}
    assert found.total.on_time_share == 2 / 4
    assert (found.closed, found.reopened) == (3, 0)
    # From Wednesday 4 November, 07:30, to Friday 6 November, 09:00: 7.5 + 7.5 + 1.5 hours.
    assert found.median_reply_hours == found.median_taken_hours == 16.5
    assert [one.due for one in found.by_agency] == [4]
    assert [one.label for one in found.by_reason] == ["Mức đánh giá 1 hoặc 2"]


@pytest.mark.parametrize(
    ("reason", "column"),
    [
        (CloseReason.NOT_A_COMPLAINT, "unanswered"),
        (CloseReason.TRANSFERRED, "transferred"),
        (CloseReason.UNREACHABLE, "unreachable"),
    ],
)
def test_a_case_closed_without_an_answer_is_never_in_time(transact, reason, column):
    """A case closed without a written reply is counted in its own column, lowers the share answered
    in time and has no time of answering, whatever the reason.
    """
    with transact() as session:
        staff = answering.add_staff(session)
        answered, *others = [answering.raise_case(session, now=OPENED) for _ in range(3)]
        answer(session, staff, answered, TOO_LATE)
        for case in others:
            close(session, staff, case, reason, IN_TIME)
        found = read_cases(session, MONTH, CLOSED_AT)
        early = read_cases(session, MONTH, IN_TIME)
    assert counted(found.total) == {"late": 1, column: 2}
    assert found.total.on_time_share == 0
    assert found.median_reply_hours == 61.5
    # What is closed before the deadline is not in time either while the deadline is still to come.
    assert counted(early.total) == {"waiting": 1, column: 2}
    assert early.total.on_time_share == 0
    assert early.median_reply_hours is None


@pytest.mark.parametrize(
    ("reason", "column"),
    [
        (CloseReason.EXPLAINED, "on_time"),
        (CloseReason.NOT_A_COMPLAINT, "on_time"),
        (CloseReason.TRANSFERRED, "transferred"),
        (CloseReason.UNREACHABLE, "unreachable"),
    ],
)
def test_a_letter_that_a_case_was_sent_on_is_no_answer(transact, reason, column):
    """A reply in time does not count if the case was then transferred or reached nobody."""
    with transact() as session:
        staff = answering.add_staff(session)
        answer(session, staff, answering.raise_case(session, now=OPENED), IN_TIME, reason)
        assert counted(read_cases(session, MONTH, CLOSED_AT).total) == {column: 1}


def test_a_report_shows_cases_as_they_stood(month):
    """A report counts cases as of its instant and month only."""
    with month() as session:
        early = read_cases(session, MONTH, datetime(2026, 11, 9, 2, 0, tzinfo=UTC)).total
        later = read_cases(session, MONTH, datetime(2027, 1, 4, 2, 0, tzinfo=UTC))
        assert read_cases(session, Month("2026-10"), CLOSED_AT).total.due == 0
    assert counted(early) == {"on_time": 2, "waiting": 2}
    assert counted(later.total) == {"on_time": 2, "late": 1, "overdue": 1}


def test_a_case_counts_in_the_month_its_answer_was_due(month):
    """A case counts in the month of its deadline, and a reopened one again in the month of the new
    deadline.
    """
    with month() as session:
        late_in_november = datetime(2026, 11, 27, 2, 0, tzinfo=UTC)
        answering.raise_case(session, now=late_in_november)
        november, december = (
            read_cases(session, name, datetime(2027, 1, 15, 2, 0, tzinfo=UTC))
            for name in (MONTH, Month("2026-12"))
        )
    assert (november.opened, november.total.due) == (5, 4)
    assert (december.opened, december.reopened) == (0, 1)
    # Opened again on Sunday 20 December, due on Friday 25 December, and never answered then.
    assert counted(december.total) == {"overdue": 2}


def test_a_deadline_that_was_put_off_counts_as_it_was_put_off(transact):
    """A postponed deadline is the one that counts, as on the page of the case, and the number of
    postponed ones is shown.
    """
    with transact() as session:
        staff = answering.add_staff(session)
        kept, missed = (answering.raise_case(session, now=OPENED) for _ in range(2))
        for case in (kept, missed):
            steps.take(session, staff, case, IN_TIME)
            steps.postpone(session, staff, case, "Chờ đơn vị xác minh", IN_TIME)
        # Five working days end on the 10th, a third more at 14:30 on the 12th.
        steps.reply(session, staff, kept, LETTER, datetime(2026, 11, 12, 3, 0, tzinfo=UTC))
        steps.reply(session, staff, missed, LETTER, datetime(2026, 11, 13, 3, 0, tzinfo=UTC))
        assert kept.record.due_at == datetime(2026, 11, 12, 7, 30, tzinfo=UTC)
        found = read_cases(session, MONTH, CLOSED_AT)
    assert counted(found.total) == {"on_time": 1, "late": 1}
    assert found.postponed == 2


def test_no_format_of_the_report_calls_the_unanswered_in_time(transact, runner, tmp_path):
    """Page, Word and Excel show on page 1 and in tables how many were answered and how many were
    not.
    """
    with transact() as session:
        staff = answering.add_staff(session)
        for reason in ("transferred", "unreachable", "not_a_complaint"):
            case = answering.raise_case(session, now=OPENED)
            close(session, staff, case, CloseReason(reason), IN_TIME)
        agency, sector = answering.agencies(session)[0].code, answering.sectors(session)[0]
        fill(session, MONTH, agency, sector, finished=40, ratings={})  # who opened the cases
        report_data.close_small(session, MONTH, CLOSED_AT)
    made = runner(
        "report", "build", "--period", MONTH, "--formats", "html,docx,xlsx", "--out", tmp_path,
        "--now", CLOSED_AT.isoformat(), "--json",
    )  # fmt: skip
    page, word, excel = map(Path, made.json["files"])
    for text in (words_of_html(page), words_of_docx(word)):
        assert squeezed("Phản ánh được trả lời đúng hạn 0,0% 0/3 phản ánh đến hạn") in text
        assert squeezed("3 phản ánh kết thúc mà người dân không được trả lời") in text
        assert squeezed("đều được trả lời") not in text
    rows = {row[0]: row[1:] for row in sheet(excel, "Phản ánh") if row}
    assert rows["Toàn tỉnh"] == [3, 0, 0, 0, 1, 1, 1, 0]
