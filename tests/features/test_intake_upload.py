"""A clerk's upload from recognition to the error file, and how long its rows are stored."""

import csv
import io
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pytest
from sqlalchemy import select

from survey.db import db
from survey.errors import Invalid, NotFound, Refused
from survey.intake.upload import (
    drop_expired,
    dry_run,
    error_file,
    find_upload,
    held_table,
    hold_upload,
)
from survey.jobs.queue import enqueue, newest
from survey.jobs.running import run_job
from survey.models.dossier import Dossier
from survey.models.intake import ImportRow, ImportRun, Upload
from survey.models.staff import Staff
from tests.conftest import unit_of_work
from tests.features.exports import CITIZEN_ID, DATA, dump, expected, row, write_csv

NOW = datetime(2026, 3, 20, 3, tzinfo=UTC)
LAST_DAY = date(2026, 6, 30)


@pytest.fixture
def clerk(transact):
    """Id of a clerk's account."""
    with transact() as session:
        staff = Staff(email="mot.cua@example.vn", password="x", active=True, fs_uniquifier="clerk")
        session.add(staff)
        session.flush()
        return staff.id


@contextmanager
def _reading(app):
    with app.app_context():
        yield db.session()


def _hold(app, path, clerk):
    with unit_of_work(app) as session:
        upload = hold_upload(session, path, path.name, clerk, NOW)
        session.add(upload)
        return upload.id


def _confirm(app, upload_id, last_day=LAST_DAY):
    payload = {"upload_id": upload_id, "export_day": last_day.isoformat()}
    with unit_of_work(app) as session:
        enqueue(session, "intake.import", f"intake.import:{upload_id}", payload, NOW)
    with app.app_context():
        assert run_job(NOW)
        return newest(db.session(), f"intake.import:{upload_id}").result


@pytest.mark.parametrize(
    ("name", "last_day"),
    [("messy_dossiers.csv", date(2022, 12, 31)), ("messy_dossiers.xlsx", LAST_DAY)],
)
def test_an_upload_gives_the_outcomes_of_the_command(app, clerk, name, last_day):
    """An upload gives every row the outcome that the command gives it."""
    upload_id = _hold(app, DATA / name, clerk)
    with _reading(app) as session:
        upload = find_upload(session, upload_id, NOW)
        told = dict(upload.recognised["columns"])
        assert told["Số điện thoại" if "xlsx" in name else "Mã TTHC"]
        tried = dry_run(session, upload, last_day, NOW).counts.as_counts()
    assert _confirm(app, upload_id, last_day) == tried
    wanted = {number: line["expected"] for number, line in expected(name).items()}
    with _reading(app) as session:
        rows = session.execute(select(ImportRow.row, ImportRow.outcome))
        assert {line.row: line.outcome for line in rows} == wanted


def test_an_error_file_comes_back_in_the_layout_of_the_input(app, clerk, tmp_path):
    """The error file has the refused rows under the original header with a reason, and is accepted
    once corrected.
    """
    bad = [row(1), row(2, agency="Sở Không Có"), row(3, received="31/02/2026"), ["", "Tổng cộng"]]
    bad[1][4] = "=HYPERLINK(1)"
    upload_id = _hold(app, write_csv(tmp_path / "thang-3.csv", bad), clerk)
    assert _confirm(app, upload_id) == {"rows": 4, "accepted": 1, "rejected": 3, "duplicate": 0}
    with _reading(app) as session:
        name, content = error_file(find_upload(session, upload_id, NOW))
    assert name == "thang-3-loi.csv"
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert header[-1] == "Lý do không nhận"
    assert [(line[1][-4:], line[-1]) for line in rows] == [
        ("0002", "Không nhận ra cơ quan này, hoặc tên ứng với nhiều cơ quan."),
        ("0003", "Không đọc được ngày. Dạng đúng: 30/12/2025 hoặc 30/12/2025 08:30."),
    ]
    assert rows[0][4] == "'=HYPERLINK(1)"
    assert CITIZEN_ID not in content.decode("utf-8-sig")
    rows[0][3], rows[1][7] = "UBND phường Nha Trang", "02/03/2026"
    again = _hold(app, write_csv(tmp_path / "sua.csv", rows, header), clerk)
    assert _confirm(app, again)["accepted"] == 2


def test_no_cell_of_an_error_file_runs_in_a_spreadsheet(app, clerk, tmp_path):
    """Cells that a spreadsheet could run as formulas are text in the error file; numbers and phones
    are unchanged.
    """
    wicked = ["=1+1", "+1+cmd|' /C calc'!A0", "-1-cmd|x!A0", "@SUM(A1)", " =1+1", "＝1+1", "+84x"]
    plain = ["+84 905 000 111", "-12,5", "-", "+84-905-000-111", "Trần = Lê"]
    bad = [row(number, agency="Sở Không Có") for number in range(len(wicked + plain))]
    for line, cell in zip(bad, wicked + plain, strict=True):
        line[4] = cell
    upload_id = _hold(app, write_csv(tmp_path / "a.csv", bad), clerk)
    _confirm(app, upload_id)
    with _reading(app) as session:
        _, content = error_file(find_upload(session, upload_id, NOW))
    _, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert [line[4] for line in rows] == [f"'{cell}" for cell in wicked] + plain


def test_an_error_file_of_a_workbook_is_a_workbook(app, clerk):
    """The error file of a workbook keeps titles, both header rows and real dates, and empties the
    column of identity numbers.
    """
    upload_id = _hold(app, DATA / "messy_dossiers.xlsx", clerk)
    _confirm(app, upload_id)
    with _reading(app) as session:
        name, content = error_file(find_upload(session, upload_id, NOW))
    assert name == "messy_dossiers-loi.xlsx"
    rows = list(openpyxl.load_workbook(io.BytesIO(content)).active.values)
    assert rows[3][0].startswith("SỔ THEO DÕI")
    assert rows[5][1] == "Mã hồ sơ"
    assert rows[6][8] == "Nhận hồ sơ"
    assert len(rows) == 7 + 7
    assert isinstance(rows[7][8], datetime)
    assert not any(line[13] for line in rows)


def test_what_is_held_tells_nothing_and_goes(app, clerk, tmp_path):
    """Rows of an upload are encrypted, have no identity numbers, and are deleted on import or after
    a day.
    """
    path = write_csv(tmp_path / "a.csv", [row(1), row(2)])
    kept, left = _hold(app, path, clerk), _hold(app, path, clerk)
    with _reading(app) as session:
        everything = dump(session.connection())
        assert "Công dân thử" not in everything
        assert CITIZEN_ID not in everything
        cells = [cells for _, cells in held_table(session, session.get_one(Upload, kept)).rows()]
        assert [line[5] for line in cells] == ["", ""]
        with pytest.raises(NotFound):
            find_upload(session, kept, NOW + timedelta(hours=25))
    _confirm(app, kept)
    with _reading(app) as session:
        upload = find_upload(session, kept, NOW)
        assert upload.content_sealed is None
        with pytest.raises(Refused):
            held_table(session, upload)
        with pytest.raises(NotFound):
            error_file(upload)
    with unit_of_work(app) as session:
        assert drop_expired(session, NOW + timedelta(hours=23)) == 0
        assert drop_expired(session, NOW + timedelta(hours=25)) == 2
        assert session.get(Upload, left) is None
        assert session.scalars(select(ImportRow.row)).all() == []
        assert len(session.scalars(select(Dossier.id)).all()) == 2


def test_a_job_that_runs_twice_imports_once(app, clerk, tmp_path):
    """A finished import that is run again only reports its counts again."""
    upload_id = _hold(app, write_csv(tmp_path / "a.csv", [row(1), row(2)]), clerk)
    first = _confirm(app, upload_id)
    assert _confirm(app, upload_id) == first
    with _reading(app) as session:
        assert len(session.scalars(select(ImportRun.id)).all()) == 1


def test_an_upload_over_the_limit_is_refused(app, clerk, tmp_path):
    """An upload above 60 MB is refused with a sentence."""
    with (tmp_path / "big.csv").open("wb") as file:
        file.truncate(61 * 1024 * 1024)
    with pytest.raises(Invalid, match="vượt giới hạn 60 MB"):
        _hold(app, tmp_path / "big.csv", clerk)
