"""What may be issued: approval, lines that stay suppressed, and revisions reported once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey import accounts, answers, audit, indices
from survey.answers import Submission
from survey.errors import Refused
from survey.models.staff import RoleName, Staff
from survey.period import Month
from survey.reports import approval, build, gather, html, tables
from survey.reports.sections import compose
from tests.features import report_data
from tests.features.report_data import MONTH, NOW
from tests.seeding import Wanted, ask_everybody, finish, links
from tests.web.figures import HEALTH_OFFICE, fill

ASKED = datetime(2026, 6, 10, 3, tzinfo=UTC)
CLOSING = "2026-06-15T08:00:00+07:00"
AFTER = datetime(2026, 6, 20, 3, tzinfo=UTC)
NEXT_CLOSING = datetime(2026, 7, 15, 3, tzinfo=UTC)


def test_a_report_prints_no_covering_line(transact, tmp_path):
    """A line that is suppressed to protect a small sector is in no table, sentence or chart of the
    page.
    """
    with transact() as session:
        for sector, rated in (("land", 200), ("construction", 41), ("health", 3)):
            ratings = {4: rated}
            fill(session, MONTH, HEALTH_OFFICE, sector, finished=2 * rated, ratings=ratings)
        report_data.close(session, MONTH)
        report = gather.gather(session, MONTH, NOW)
    hidden = [one for one in report.sectors if one.is_suppressed]
    assert {one.key for one in hidden} == {"construction", "health"}
    document = compose(report)
    rows = [row for table in document.sections[0].tables for row in table.rows]
    for one in hidden:
        (first, *_) = [row for row in rows if row[1].text == one.label]
        assert [cell.text for cell in first[2:6]] == ["–", "–", f"– / {one.finished}", "–"]
        assert f"{one.label}: –" in document.picture.alternative
    assert tables.SUPPRESSED_NOTE in html.render(document)


@pytest.fixture
def leader(transact):
    """Id of a leader's account."""
    with transact() as session:
        wanted = accounts.NewAccount("ct@khanhhoa.gov.vn", RoleName.LEADER)
        staff, _ = accounts.add(session, NOW, wanted)
        staff.name = "Trần Thị Bình"
        return staff.id


def test_a_leader_approves_once_and_the_mark_goes(transact, leader, tmp_path):
    """Every copy says DỰ THẢO until the first approval, which is final, recorded and shown with
    name and time; an open or damaged month cannot be approved.
    """
    with transact() as session:
        snapshot = report_data.close_small(session)
        staff = session.get_one(Staff, leader)
        draft = build.build(session, MONTH, ("html", "docx", "xlsx"), tmp_path, NOW).files
        assert "DỰ THẢO" in draft[0].read_text("utf-8")
        first = approval.approve(session, MONTH, staff, NOW)
        again = approval.approve(session, MONTH, staff, NEXT_CLOSING)
        assert (again.approved_at, again.name) == (first.approved_at, "Trần Thị Bình")
        final = build.build(session, MONTH, ("html", "docx", "xlsx"), tmp_path, NOW).files
        assert not {*draft} & {*final}
        page = final[0].read_text("utf-8")
        assert "DỰ THẢO" not in page
        assert "Trần Thị Bình duyệt lúc 09:00 ngày 16/11/2026" in page
        (act,) = audit.entries(session, action="report.approve")
        assert (act.staff_id, act.detail["digest"]) == (leader, snapshot.digest)
        assert audit.verify(session)[1]
        with pytest.raises(Refused, match="not_closed"):
            approval.approve(session, Month("2026-08"), staff, NOW)
        damaged = report_data.close_small(session, report_data.BEFORE)
        damaged.digest = "0" * 64
        with pytest.raises(Refused, match="snapshot_broken"):
            approval.approve(session, report_data.BEFORE, staff, NOW)


@pytest.fixture
def say(transact, runner, environment):
    """`say(number, overall, at)`: 25 people were asked about May, 12 of them on land, and one about
    June.
    """
    month = datetime(2026, 5, 31, 3, tzinfo=UTC)
    asked = [Wanted(number, finished_at=month) for number in range(1, 13)]
    asked += [Wanted(number, finished_at=month, procedure="2.000815") for number in range(13, 21)]
    asked += [Wanted(number, finished_at=month, procedure="1.014092") for number in range(21, 26)]
    with transact() as session:
        ask_everybody(session)
        finish(session, [*asked, Wanted(50, finished_at=ASKED)], now=ASKED)
    runner("messages", "send-due", "--now", ASKED.isoformat())
    sent = links(Path(environment["SMS_CONSOLE_FILE"]))
    tokens = {one.number: sent[one.mobile] for one in asked}

    def say(number, overall, at):
        with transact() as session:
            answers.submit(session, tokens[number], Submission(overall=overall), at)

    return say


def test_late_answers_are_told_by_the_next_report(transact, runner, say):
    """The next month's report shows a month's late answers, old figure beside new with the reasons,
    without a new figure below five answers, and its own closing fixes them.
    """
    for number in (1, 2, 3, 4, 5, 6, 13, 14, 15, 16, 17):
        say(number, 5, ASKED)
    assert runner("index", "close", "--period", "2026-05", "--now", CLOSING).code == 0
    for number in (7, 8, 9, 10, 21, 22, 23, 24, 25):
        say(number, 2, AFTER)
    for number in (1, 18):
        say(number, 1, AFTER)
    with transact() as session:
        finish(session, [Wanted(40, finished_at=ASKED.replace(month=5))], now=AFTER)
        draft = gather.gather(session, Month("2026-06"), AFTER).revision
        indices.close(session, Month("2026-06"), NEXT_CLOSING)
    say(11, 5, AFTER)
    with transact() as session:
        report = gather.gather(session, Month("2026-06"), NEXT_CLOSING)
    found = report.revision
    assert draft == found
    assert (found.late, found.changed, found.dossiers) == (10, 1, 1)
    whole, health, justice, land = found.lines
    assert (whole.old.index, whole.old.rated, whole.new.rated) == (1.0, 11, 21)
    assert whole.new.index < 0.75
    assert (land.moved, land.new.rated) == (5, 10)
    assert (justice.moved, justice.new, health.new) == (1, None, None)
    page = html.render(compose(report))
    assert "10 phiếu người dân trả lời sau ngày chốt, 1 phiếu người dân sửa lại sau ngày" in page
    assert tables.REVISION_NOTE in page
    assert runner("index", "recompute", "--snapshot", "2").code == 0
