"""The room of monthly reports: months and what is missing, building as a job, downloads, roles."""

import pytest
from sqlalchemy import select

from survey.jobs import queue
from survey.jobs.running import run_job
from survey.models.job import Job
from survey.period import Month
from survey.reports import report_index
from tests.clocks import NOW
from tests.conftest import unit_of_work
from tests.features import report_data
from tests.features.report_data import MONTH
from tests.web.staff_accounts import form_token, post, signed_in

ROOM = "/staff/reports"
# The month of today, which follows the closed one.
OPEN = Month.at(NOW)


@pytest.fixture
def office(app):
    """The application with counts in a closed month and in this one."""
    return prepared(app)


@pytest.fixture
def sqlite_office(sqlite_app):
    """The same on SQLite only, for what no database decides."""
    return prepared(sqlite_app)


def prepared(app):
    """Put counts in."""
    with unit_of_work(app) as session:
        for month, agency in (
            (MONTH, "LOC-KH-W22366"),
            (MONTH, "LOC-KH-SXD"),
            (OPEN, "LOC-KH-SXD"),
        ):
            report_data.count(session, month, agency, finished=9, ratings=[5, 5, 4])
        report_data.close(session, MONTH)
    return app


def work(app):
    """A worker does what is due."""
    with app.app_context():
        return run_job(app.extensions["clock"]())


def test_months_stand_with_what_is_missing(office):
    """A closed month, an open one with its closing day, and no file yet."""
    page = signed_in(office, "analyst").get(ROOM).text
    assert "Đã chốt 15/11/2026" in page
    assert "Tạm tính" in page
    assert "chốt số liệu từ ngày 15/" in page
    assert page.count("Chưa lập báo cáo cho kỳ này") == 2
    assert "1 đơn vị có hồ sơ tháng trước nhưng chưa có hồ sơ kỳ này" in page
    assert "UBND phường Nha Trang" in page


def test_an_analyst_builds_and_a_leader_downloads(sqlite_office):
    """One click queues the work, the page renews itself, then four files lie ready; those of an
    open month bear "tạm tính" in their name.
    """
    analyst = signed_in(sqlite_office, "analyst")
    assert post(analyst, f"{ROOM}/{MONTH}/build", page=ROOM).status_code == 303
    waiting = analyst.get(ROOM)
    assert waiting.headers["Refresh"]
    assert "<progress" in waiting.text
    assert "Refresh" not in analyst.get(f"{ROOM}?dung=1").headers
    assert work(sqlite_office)
    done = signed_in(sqlite_office, "leader").get(ROOM)
    assert "Refresh" not in done.headers
    kinds = {
        "html": (b"<!doctype html>", "text/html"),
        "pdf": (b"%PDF-", "application/pdf"),
        "docx": (b"PK", "wordprocessingml"),
        "xlsx": (b"PK", "spreadsheetml"),
    }
    leader = signed_in(sqlite_office, "leader", sector="land")
    for name, (start, kind) in kinds.items():
        address = f"{ROOM}/{MONTH}/bao-cao-{MONTH}.{name}"
        assert address in done.text
        with leader.get(address) as answer:
            assert answer.data.startswith(start)
            assert kind in answer.content_type
            assert "attachment" in answer.headers["Content-Disposition"]
    post(analyst, f"{ROOM}/{OPEN}/build", page=ROOM)
    assert work(sqlite_office)
    assert f"bao-cao-{OPEN}-tam-tinh.pdf" in analyst.get(ROOM).text


def test_two_clicks_are_one_job(office):
    """Asking again while the work waits adds nothing."""
    analyst = signed_in(office, "analyst")
    token = form_token(analyst, ROOM)
    for _ in range(2):
        analyst.post(f"{ROOM}/{MONTH}/build", data={"csrf_token": token})
    with unit_of_work(office) as session:
        kinds = session.scalars(select(Job.kind)).all()
    assert kinds == ["report.build"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [("pdf_not_available", "libpango-1.0-0"), ("worker_died", "Tiến trình chạy nền bị ngắt")],
)
def test_progress_and_failure_are_told(office, clock, fault, words):
    """How many files are done while it runs; the reason in words when it failed."""
    analyst = signed_in(office, "analyst")
    post(analyst, f"{ROOM}/{MONTH}/build", page=ROOM)
    with office.app_context():
        taken = queue.take(clock())
        queue.report_progress(taken, 3, 4)
        assert "xong 3/4 tệp" in analyst.get(ROOM).text
        queue.fail(taken, fault, clock(), final=True)
    page = analyst.get(ROOM).text
    assert "Lần lập gần nhất không thành." in page
    assert words in page
    assert fault not in page
    assert "Lập báo cáo" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{MONTH}/bao-cao-{MONTH}.pdf", 404),
        (f"{MONTH}/..%2F..%2Fkeys.json", 404),
        ("2026-13/bao-cao-2026-13.pdf", 404),
        (f"{MONTH}/bao-cao-2026-09.pdf", 404),
    ],
)
def test_only_built_files_can_be_fetched(office, path, status):
    """No other name and no other folder leads to a file."""
    assert signed_in(office, "leader").get(f"{ROOM}/{path}").status_code == status


def test_a_future_month_is_refused_and_a_wrong_one_unknown(office):
    """Each answers with its own page, and no job is made."""
    analyst = signed_in(office, "analyst")
    token = {"csrf_token": form_token(analyst, ROOM)}
    future = analyst.post(f"{ROOM}/2099-01/build", data=token)
    assert future.status_code == 400
    assert "Kỳ 2099-01 chưa đến" in future.text
    assert analyst.post(f"{ROOM}/thang-10/build", data=token).status_code == 404
    assert not work(office)


@pytest.mark.parametrize(
    ("role", "agency", "reads", "builds"),
    [
        ("analyst", "", 200, 303),
        ("leader", "", 200, 403),
        ("admin", "", 200, 403),
        ("handler", "", 403, 403),
        ("agency_head", "LOC-KH-SXD", 403, 403),
    ],
)
def test_each_role_sees_what_is_its_own(office, role, agency, reads, builds):
    """Analysts build, leaders and administrators read; others are told whom to ask."""
    client = signed_in(office, role, agency)
    assert client.get(ROOM).status_code == reads
    token = form_token(client, "/staff/password")
    answer = client.post(f"{ROOM}/{MONTH}/build", data={"csrf_token": token})
    assert answer.status_code == builds
    assert ("Lập báo cáo" in client.get(ROOM).text) == (builds == 303)


def test_nothing_to_report_yet(make_app):
    """A fresh installation says what to do first."""
    page = signed_in(make_app(), "leader").get(ROOM)
    assert "Chưa có kỳ nào để lập báo cáo." in page.text


def test_a_leader_approves_and_the_files_are_made_again(sqlite_office):
    """Only a leader finds the button; one click approves, queues the files without DỰ THẢO, and
    the page says who and when. An open month has no such button and refuses.
    """
    address = f"{ROOM}/{MONTH}/approve"
    analyst = signed_in(sqlite_office, "analyst")
    assert "Duyệt báo cáo" not in analyst.get(ROOM).text
    assert post(analyst, address, page=ROOM).status_code == 403
    leader = signed_in(sqlite_office, "leader")
    assert "Duyệt báo cáo" not in leader.get(ROOM).text  # there is nothing to read yet
    with unit_of_work(sqlite_office) as session:
        report_index.store(session, MONTH, f"bao-cao-{MONTH}.docx", b"draft", NOW)
    assert leader.get(ROOM).text.count("Duyệt báo cáo") == 1
    assert post(leader, address, page=ROOM).status_code == 303
    assert work(sqlite_office)
    page = leader.get(ROOM).text
    assert "duyệt lúc" in page
    assert "Duyệt báo cáo" not in page
    assert f"bao-cao-{MONTH}-da-duyet.docx" in page
    refused = post(leader, f"{ROOM}/{OPEN}/approve", page="/staff/password")
    assert refused.status_code == 409
    assert "chưa chốt số liệu" in refused.text
