"""The room of one-stop files: upload, dry run, confirm, progress, result; refusals and roles."""

import csv
import io
import re
from datetime import timedelta

import openpyxl
import pytest
from sqlalchemy import func, select

from survey.audit import entries, verify
from survey.jobs import queue
from survey.models.dossier import Dossier
from survey.models.intake import ImportRow, ImportRun, Upload
from survey.models.job import Job, JobState
from tests.conftest import run_command, unit_of_work
from tests.features.exports import CITIZEN_ID, DATA, HEADER, dump, expected, row, write_csv
from tests.web.staff_accounts import form_token, post, signed_in

ROOM = "/staff/intake"
LAST_DAYS = {"messy_dossiers.csv": "2022-12-31", "messy_dossiers.xlsx": "2026-06-30"}
NO_RECORD = re.compile(r"blank_row|repeated_header|column_number_row|total_row|footer_row")


def send(client, content, name, day="2026-06-30"):
    """Fill in the form; a large body is a file of the test client, which would leave it open."""
    answer = post(client, ROOM, file=(io.BytesIO(content), name), export_day=day)
    answer.request.environ["wsgi.input"].close()
    return answer


def held(client, path, **how):
    """Upload a file that is taken; gives the address of its page."""
    answer = send(client, path.read_bytes(), path.name, **how)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def work(app):
    """A worker does what is due."""
    assert run_command(app, "worker", "--once").code == 0


def stored(app, query):
    """One value of the database."""
    with unit_of_work(app) as session:
        return session.scalar(query)


def told(page):
    """The line of figures of a page."""
    return re.search(r'class="verdict">([^<]+)<', page)[1]


@pytest.mark.parametrize("name", LAST_DAYS)
def test_the_page_takes_what_the_command_takes(app, name):
    """Dry run, import and error file of a messy file name exactly the rows of the command."""
    clerk = signed_in(app, "analyst")
    page = held(clerk, DATA / name, day=LAST_DAYS[name])
    lines = expected(name)
    counts = dict.fromkeys(("accepted", "duplicate", "wrong", "none"), 0)
    for line in lines.values():
        none = line["expected"] == "rejected" and NO_RECORD.search(line["reason"])
        counts[("none" if none else line["expected"]).replace("rejected", "wrong")] += 1
    tried = clerk.get(page).text
    words = "{} dòng: {accepted} hợp lệ, {duplicate} trùng, {wrong} lỗi, {none} không phải hồ sơ"
    assert told(tried) == words.format(len(lines), **counts)
    assert "Kết quả kiểm tra thử" in tried
    assert stored(app, select(func.count(Dossier.id))) == 0
    before = error_rows(clerk.get(f"{page}/errors"), name)

    assert post(clerk, f"{page}/confirm", page=page).status_code == 303
    work(app)
    done = clerk.get(page)
    assert told(done.text) == told(tried).replace("hợp lệ", "đã nhận")
    assert "Refresh" not in done.headers
    with unit_of_work(app) as session:
        rows = session.execute(select(ImportRow.row, ImportRow.outcome)).all()
    assert {one.row: one.outcome for one in rows} == {
        number: line["expected"] for number, line in lines.items()
    }
    after = error_rows(clerk.get(f"{page}/errors"), name)
    assert before == after
    assert len(after) == counts["wrong"]


def error_rows(answer, name):
    """The rows below the header of an error file that is offered safely."""
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "public" not in answer.headers["Cache-Control"]
    stem, _, kind = name.rpartition(".")
    assert answer.headers["Content-Disposition"] == f"attachment; filename={stem}-loi.{kind}"
    if kind == "csv":
        return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig")), delimiter=";"))[1:]
    return list(openpyxl.load_workbook(io.BytesIO(answer.data)).active.values)[7:]


def test_what_was_recognised_is_shown(sqlite_app, tmp_path):
    """Columns and what they mean, columns not used, the id column as never stored, the first wrong
    rows with number, column and reason.
    """
    header = [*HEADER, "Màu giấy"]
    rows = [[*row(1, returned="12/03/2062"), "trắng"], [*row(2, agency="Sở <b>Không Có</b>"), ""]]
    clerk = signed_in(sqlite_app, "admin")
    text = clerk.get(held(clerk, write_csv(tmp_path / "thang 6.csv", rows, header))).text
    assert told(text) == "2 dòng: 1 hợp lệ, 0 trùng, 1 lỗi"
    assert "<td>Ngày trả thực tế</td><td>Ngày trả kết quả</td>" in text
    assert re.search(r"<dt>Không lưu</dt><dd>Số CCCD ", text)
    assert "<dt>Không dùng</dt><dd>Màu giấy</dd>" in text
    assert "Ngày trả kết quả sau ngày cuối của kỳ xuất dữ liệu" in text
    assert "dấu chấm phẩy" in text
    problem = re.search(r"<tr><td[^>]*>3</td><td[^>]*>Cơ quan thực hiện</td><td[^>]*>([^<]+)", text)
    assert problem[1].startswith("Không nhận ra cơ quan này")
    workbook = clerk.get(held(clerk, DATA / "messy_dossiers.xlsx")).text
    assert "<dt>Trang tính</dt><dd>Sổ theo dõi</dd>" in workbook
    assert "đọc đến hết dòng 7" in workbook


def test_what_is_held_is_sealed_and_goes(app, tmp_path):
    """Names, phones and id numbers stand nowhere in the database while a file waits; the rows go
    with the import; each act is in the audit chain; a formula comes back harmless.
    """
    rows = [row(1), row(2, agency="Sở Không Có", name="=HYPERLINK(1)"), row(3)]
    clerk = signed_in(app, "analyst")
    page = held(clerk, write_csv(tmp_path / "thang-6.csv", rows))
    with unit_of_work(app) as session:
        everything = dump(session.connection())
    for secret in ("Công dân thử", "0905000001", "HYPERLINK", CITIZEN_ID):
        assert secret not in everything
    post(clerk, f"{page}/confirm", page=page)
    work(app)
    text = clerk.get(f"{page}/errors").data.decode("utf-8-sig")
    assert CITIZEN_ID not in text
    assert ";'=HYPERLINK(1);" in text
    assert "Công dân thử" not in text
    again = held(clerk, write_csv(tmp_path / "lai.csv", [row(1)]))
    assert told(clerk.get(again).text) == "1 dòng: 0 hợp lệ, 1 trùng, 0 lỗi"
    assert "confirm" not in clerk.get(again).text
    assert post(clerk, f"{again}/discard", page=again).status_code == 303
    assert "Đã bỏ tệp lai.csv" in clerk.get(ROOM).text
    assert clerk.get(again).status_code == 404
    with unit_of_work(app) as session:
        done = [act.action for act in entries(session)]
        assert [one for one in done if one.startswith("intake.")] == [
            "intake.upload",
            "intake.confirm",
            "intake.errors",
            "intake.upload",
            "intake.discard",
        ]
        assert verify(session)[1]
        session.get_one(Upload, page.rpartition("/")[2]).uploaded_at -= timedelta(hours=25)
    gone = clerk.get(page)
    assert gone.status_code == 404
    assert "chỉ được giữ 24 giờ" in gone.text


def test_two_clicks_import_once(app, clock, tmp_path):
    """Confirmed by two people, while it waits, while it runs and when it is done: one import; what
    was confirmed cannot be discarded.
    """
    clerk, other = signed_in(app, "analyst"), signed_in(app, "admin")
    page = held(clerk, write_csv(tmp_path / "a.csv", [row(1), row(2)]))
    tokens = {one: {"csrf_token": form_token(one, page)} for one in (clerk, other)}
    for one in (clerk, other):
        assert one.post(f"{page}/confirm", data=tokens[one]).status_code == 303
    waiting = other.get(page)
    assert waiting.headers["Refresh"] == "5"
    assert "Đang chờ đến lượt" in waiting.text
    assert "không hoạt động trong 5 phút qua" in waiting.text
    assert "Refresh" not in other.get(f"{page}?dung=1").headers
    with app.app_context():
        taken = queue.take(clock())
        queue.report_progress(taken, 1, 2)
    assert "Đã xong 1/2 dòng." in other.get(page).text
    other.post(f"{page}/confirm", data=tokens[other])
    refused = other.post(f"{page}/discard", data=tokens[other])
    assert refused.status_code == 409
    assert "đã được nạp hoặc đang nạp" in refused.text
    with unit_of_work(app) as session:
        session.get_one(Job, taken.id).state = JobState.WAITING
    work(app)
    other.post(f"{page}/confirm", data=tokens[other])
    assert stored(app, select(func.count(Job.id)).where(Job.kind == "intake.import")) == 1
    assert stored(app, select(func.count(ImportRun.id))) == 1
    assert stored(app, select(func.count(Dossier.id))) == 2
    done = clerk.get(page).text
    assert "Không có dòng lỗi nào phải sửa" in done
    assert clerk.get(f"{page}/errors").status_code == 404
    assert "Đã nạp" in clerk.get(ROOM).text


def test_a_failed_import_can_be_taken_up_again(sqlite_app, clock, tmp_path):
    """The page says in words what went wrong, and offers to go on; a second try finishes."""
    clerk = signed_in(sqlite_app, "analyst")
    page = held(clerk, write_csv(tmp_path / "a.csv", [row(1)]))
    post(clerk, f"{page}/confirm", page=page)
    with sqlite_app.app_context():
        taken = queue.take(clock())
        queue.fail(taken, "import_running", clock(), final=True)
    failed = clerk.get(page).text
    assert "Tệp này đang được nạp ở nơi khác" in failed
    assert "Nạp lại" in failed
    post(clerk, f"{page}/confirm", page=page)
    work(sqlite_app)
    assert told(clerk.get(page).text) == "1 dòng: 1 đã nhận, 0 trùng, 0 lỗi"


REFUSED = {
    "cut.xlsx": ((DATA / "messy_dossiers.xlsx").read_bytes()[:9000], "hỏng hoặc tải về chưa trọn"),
    "page.xls": (b"<html><table></table></html>", "thực ra là trang web"),
    "locked.xlsx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "đặt mật khẩu",
    ),
    "prose.csv": ("Kính gửi\n".encode() * 9, "Không thấy dòng tiêu đề"),
    "empty.csv": (b"", "rỗng"),
    "../../ra <b>ngoài</b>.pdf": (b"%PDF-1.7", "không phải csv, xlsx, xls hay ods"),
    "x" * 300 + ".csv": (b"\0" * 61 * 1024 * 1024, "vượt giới hạn 60 MB"),
}


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: name[:20])
def test_a_file_that_cannot_be_taken_is_refused(sqlite_app, name):
    """The form comes back with one sentence at the field, the day kept, nothing stored."""
    content, words = REFUSED[name]
    clerk = signed_in(sqlite_app, "analyst")
    answer = send(clerk, content, name, "2026-01-31")
    assert answer.status_code == 400
    assert "<title>Lỗi: Nhập hồ sơ" in answer.text
    assert answer.text.count(words) == 2
    assert 'value="2026-01-31"' in answer.text
    assert "<b>ngoài" not in answer.text
    assert stored(sqlite_app, select(func.count(Upload.id))) == 0


def test_a_file_over_the_limit_of_a_request_is_answered(sqlite_app):
    """More than a request may hold is 413, with the limit in words at the field."""
    clerk = signed_in(sqlite_app, "analyst")
    answer = send(clerk, bytes(65 * 1024 * 1024), "to.csv")
    assert answer.status_code == 413
    assert "Tệp vượt giới hạn 60 MB." in answer.text


@pytest.mark.parametrize(
    ("day", "words"),
    [("", "Ngày chưa đúng"), ("31/12/2025", "Ngày chưa đúng"), ("2099-01-01", "chưa đến")],
)
def test_the_last_day_of_the_export_is_checked(sqlite_app, tmp_path, day, words):
    """No day, another form of day and a day to come are told at the field."""
    content = write_csv(tmp_path / "a.csv", [row(1)]).read_bytes()
    answer = send(signed_in(sqlite_app, "analyst"), content, "a.csv", day)
    assert answer.status_code == 400
    assert words in answer.text


def test_an_empty_room_and_a_form_without_a_file(sqlite_app):
    """The page says why it is empty and what is read; sending nothing asks for a file."""
    clerk = signed_in(sqlite_app, "analyst")
    empty = clerk.get(ROOM).text
    assert "Chưa có tệp nào trong 24 giờ qua." in empty
    assert "tối đa 60 MB" in empty
    nothing = post(clerk, ROOM, export_day="2026-06-30")
    assert nothing.status_code == 400
    assert "Hãy chọn tệp hồ sơ trước." in nothing.text


def test_clerks_only(sqlite_app, tmp_path):
    """Handlers, heads and leaders neither see the room nor find a file in it."""
    clerk = signed_in(sqlite_app, "analyst")
    page = held(clerk, write_csv(tmp_path / "a.csv", [row(1)]))
    assert "Nhập hồ sơ" in clerk.get("/staff/dashboard").text
    for role in ("handler", "agency_head", "leader"):
        other = signed_in(sqlite_app, role)
        for path in (ROOM, page, f"{page}/errors"):
            assert other.get(path).status_code == 403
        token = form_token(other, "/staff/password")
        for act in ("confirm", "discard"):
            assert other.post(f"{page}/{act}", data={"csrf_token": token}).status_code == 403
        assert "Nhập hồ sơ" not in other.get("/staff/password").text
    assert clerk.post(f"{page}/confirm").status_code == 400
    assert stored(sqlite_app, select(func.count(Job.id))) == 0


def test_a_very_long_file_is_tried_in_part(sqlite_app, tmp_path):
    """A dry run stops where a request would last too long, and the page says so."""
    path = write_csv(tmp_path / "nam.csv", [row(n) for n in range(1, 50_003)])
    clerk = signed_in(sqlite_app, "analyst")
    text = clerk.get(held(clerk, path)).text
    assert told(text).startswith("50.000 dòng: ")
    assert "Tệp có 50.002 dòng; mới kiểm tra thử 50.000 dòng đầu." in text
    assert "Nạp tệp này" in text
