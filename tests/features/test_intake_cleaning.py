"""Cleaning of single cells and headings: codes, dates and header words."""

from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from survey.db import db
from survey.intake.cleaning import channel_of
from survey.intake.codes import clean_dossier_code, dossier_code_day, procedure_code
from survey.intake.columns import find_header
from survey.intake.dates import read_timestamp
from survey.intake.known import read_header_words
from tests.conftest import run_command
from tests.features.exports import HEADER, outcomes, row, write_csv

VALID = (
    *("000.00.04.H51-200221-0001", "38.98.H29-210519-0013", "000.00.01.H29-240115-0001"),
    *("000.00.00.H32-210101-0001", "000.00.15.H32-210104-0001", "000.00.15.H32-220228-9999"),
    *("000.21.33.H32-220412-0107", "001.21.33.H32-221231-0002", "000.00.12.H51-240229-0005"),
    *("000.00.09.G12-230630-0044", "H32.15-220412-0007", "H32.15.3-250630-0120"),
    *("H32.107-250701-0001", "H51.22-220110-12345", "H32.8-260102-000123"),
)
INVALID = (
    *("000.00.15.H32-220230-0001", "000.00.15.H32-230229-0001", "000.00.15.H32-221301-0001"),
    *("000.00.15.H32-20220412-0001", "000.00.15.H32-220412-01", "000.00.15.H32-220412-0000"),
    *("000.00.15.H32-220412", "000.00.15-220412-0001", "000.00.15.K32-220412-0001"),
    *("000.00.15.H99-220412-0001", "00.00.15.H32-220412-0001", "H32-220412-0001"),
    *("2.000815.000.00.00.H32", "=000.00.15.H32-220412-0001"),
)
MOMENTS = {
    "5/3/2026": "2026-03-05",
    "05-03-2026 7:05": "2026-03-05T07:05",
    "05.03.2026 17:00:07": "2026-03-05T17:00:07",
    "2026-03-05": "2026-03-05",
    "2026-03-05T08:00": "2026-03-05T08:00",
    "05/03/26": "2026-03-05",
    " 05/03/2026\u00a008:30 ": "2026-03-05T08:30",
    "46086": "2026-03-05",
    "46086,5": "2026-03-05T12:00",
    46086: "2026-03-05",
    46086.354166666664: "2026-03-05T08:30",
    date(2026, 3, 5): "2026-03-05",
    datetime(2026, 3, 5, 8, 29, 59, 999_900): "2026-03-05T08:30",  # noqa: DTZ001 - a cell
}
UNREADABLE = (
    *("chưa có", "31/02/2026", "00/00/0000", "5/3", "05/03-2026", "05/03/2026 25:00", "123456"),
    *("12", 12, 1.5, True, "05/03/1026", "-", None),
)


@pytest.mark.parametrize("code", VALID)
def test_dossier_codes_of_all_shapes_are_read(code):
    """Each valid sample is read as a code with the day that is written in it."""
    day = dossier_code_day(clean_dossier_code(code))
    assert day is not None
    assert f"-{day:%y%m%d}-" in code


@pytest.mark.parametrize("code", ["", *INVALID])
def test_what_only_looks_like_a_dossier_code_is_not(code):
    """Wrong dates, provinces, lengths and similar codes are not read as dossier codes."""
    assert dossier_code_day(clean_dossier_code(code)) is None


def test_dossier_codes_are_compared_cleaned():
    """Blanks, case, dashes, full-width digits and invisible characters make no difference to a
    code.
    """
    for text in (" 000.00.15.h32–210104–0001 ", "000.00.15.H32 - 210104 −\u200b０００１"):
        assert clean_dossier_code(text) == "000.00.15.H32-210104-0001"


def test_procedure_codes_lose_suffixes_and_regain_zeros():
    """Suffixes are dropped, a numeric cell gets its lost zero back, anything else is no code."""
    assert procedure_code("1.013225.000.00.00.H32") == "1.013225"
    assert procedure_code(1.00415) == "1.004150"
    assert [procedure_code(text) for text in ("9.999999", "abc", "H32.1", "1.0132")] == [""] * 4


@pytest.mark.parametrize("cell", MOMENTS)
def test_dates_of_all_shapes_are_read(cell):
    """Texts, serial numbers and real dates are read, and a day without a time gets none."""
    assert str(read_timestamp(cell)) == MOMENTS[cell]


@pytest.mark.parametrize("cell", UNREADABLE)
def test_what_is_no_date_is_not_read(cell):
    """Impossible days, partial dates, words and absurd years are not read as dates."""
    assert read_timestamp(cell) is None


def test_channels_are_told_by_their_words():
    """Counter, online and post are recognised in any spelling, anything else is unknown."""
    told = {
        "counter": ("Trực tiếp", "TRỰC TIẾP", "truc tiep tai mot cua"),
        "online": ("Trực tuyến", "Trực tuyến mức độ 4", "Trực tuyến toàn trình"),
        "post": ("BCCI", "Bưu chính công ích", "qua bưu điện"),
        "unknown": ("", "Khác"),
    }
    for channel, texts in told.items():
        assert {channel_of(text) for text in texts} == {channel}


def _header(app, *rows):
    with app.app_context():
        session: Session = db.session()
        return find_header(rows, read_header_words(session))


def test_headers_are_found_under_titles_and_in_two_rows(sqlite_app):
    """A header is found despite titles above, a group over the dates, capitals, stars and unknown
    columns.
    """
    top = [
        "TT",
        "MÃ HỒ SƠ (*)",
        "Tên TTHC",
        "Đơn vị",
        "Ngày, tháng, năm",
        "",
        "",
        "Màu",
        "Số CMND/CCCD",
    ]
    below = ["", "", "", "", "Nhận hồ sơ:", "Hẹn trả kết quả", "Ngày có kết quả", "", ""]
    found = _header(sqlite_app, ["SỞ XÂY DỰNG"], [], top, below, ["(1)", "(2)"])
    assert (found.first_row, found.last_row) == (2, 3)
    assert found.id_columns == (8,)
    names = ("row_no", "dossier_code", "procedure_name", "agency")
    dates = ("received_at", "due_at", "returned_at")
    assert found.columns == {name: index for index, name in enumerate((*names, *dates))}


@pytest.mark.parametrize(
    ("headings", "due", "returned"),
    [
        (["Ngày hẹn trả", "Ngày trả kết quả"], 3, 4),
        (["Ngày trả kết quả", "Ngày hẹn trả"], 4, 3),
        (["Ngày trả kết quả", "Ngày trả thực tế"], 3, 4),
        (["Ngày trả kết quả"], None, 3),
        (["Ngày hẹn trả", "Ngày trả", "Ngày kết thúc"], 3, 5),
    ],
)
def test_the_ambiguous_return_date_is_the_finish_unless_another_is(
    sqlite_app, headings, due, returned
):
    """`Ngày trả (kết quả)` is the finish, or the due date if another column is the finish."""
    found = _header(sqlite_app, ["Mã hồ sơ", "Mã TTHC", "Ngày tiếp nhận", *headings])
    assert (found.columns.get("due_at"), found.columns["returned_at"]) == (due, returned)


def test_two_columns_of_one_meaning_go_by_the_order_of_the_list(sqlite_app):
    """Of two headings for one field, the one that is earlier in the list of aliases is read."""
    found = _header(sqlite_app, ["Mã hồ sơ", "Đơn vị tiếp nhận", "Cơ quan thực hiện", "Ngày nhận"])
    assert found.columns["agency"] == 2


STRUCTURE = {
    "blank_row": [["", "", ""], ["17", "", ""], ["\u200b", " "]],
    "repeated_header": [[text.upper() for text in HEADER]],
    "column_number_row": [[f"({n})" for n in range(1, 12)], ["A", "B", *map(str, range(1, 10))]],
    "total_row": [["", "Cộng trang 1"], ["Tổng cộng: 5 hồ sơ"], ["", "", "TỔNG SỐ", "", "5"]],
    "footer_row": [
        ["", "NGƯỜI LẬP BIỂU", "", "THỦ TRƯỞNG"],
        ["", "", "", "", "", "", "", "", "(Ký tên)"],
    ],
    "missing_dossier_code": [row(1, code=""), row(1, code="", name="Công ty Tổng Hợp")],
    "bad_dossier_code": [row(1, code="12345"), row(1, code="Cộng")],
}


@pytest.mark.parametrize("reason", STRUCTURE)
def test_rows_that_are_no_records_are_told_apart(sqlite_app, tmp_path, reason):
    """Blank, repeated, numbering, total and signature rows are skipped by name, broken records are
    not.
    """
    path = write_csv(tmp_path / "rows.csv", [row(9), *STRUCTURE[reason], row(8)])
    out = tmp_path / "out.csv"
    command = ("intake", "import", path, "--dry-run", "--now", "2026-06-30", "--outcomes", out)
    assert run_command(sqlite_app, *command).code == 0
    first, *middle, last = outcomes(out).values()
    assert [first["outcome"], last["outcome"]] == ["accepted", "accepted"]
    assert [line["reason"] for line in middle] == [reason] * len(STRUCTURE[reason])
    assert {line["dossier_code"] for line in middle} == {""}
