"""A stray quote in a CSV file neither loses a dossier nor gives one another's phone."""

from itertools import product

import pytest
from sqlalchemy import func, select

from survey.models.dossier import Dossier
from survey.models.intake import ImportRow
from survey.models.message import Message
from tests.conftest import run_command, unit_of_work
from tests.features.exports import HEADER, outcomes, row, write_csv

NOW = "2026-03-20T10:00:00+07:00"
ROWS = 8


def spoil(path, delimiter, *places, lone=False):
    """A register in which some cells, (row from 1, column), begin with a quote or are one."""
    rows = [list(map(str, row(n))) for n in range(1, ROWS + 1)]
    for number, column in places:
        rows[number - 1][column] = '"' if lone else f'"{rows[number - 1][column]}'
    text = "".join(f"{delimiter.join(cells)}\r\n" for cells in (HEADER, *rows))
    path.write_bytes(text.encode())
    return path


def test_two_stray_quotes_are_refused_and_nothing_is_stored(runner, app, tmp_path):
    """Two names with one quote each give exit code 2 with the line of the first, and no dossier or
    message is stored.
    """
    path = spoil(tmp_path / "shop.csv", ";", (3, 4), (6, 4))
    ran = runner("intake", "import", path, "--now", NOW)
    assert (ran.code, ran.out) == (2, "")
    assert "nháy kép" in ran.err
    assert "dòng 4" in ran.err
    with unit_of_work(app) as session:
        for model in (Dossier, ImportRow, Message):
            assert session.scalar(select(func.count()).select_from(model)) == 0


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("lone", [False, True])
def test_wherever_two_stray_quotes_stand_no_row_is_lost_in_silence(
    sqlite_app, tmp_path, delimiter, lone
):
    """In any two columns and rows, stray quotes refuse the file with the line of the first."""
    columns = range(len(HEADER))
    for first, second, apart in product(columns[::3], columns[::2], (1, 3)):
        places = (2, first), (2 + apart, second)
        path = spoil(tmp_path / "quotes.csv", delimiter, *places, lone=lone)
        ran = run_command(sqlite_app, "intake", "import", path, "--dry-run", "--now", NOW)
        assert (ran.code, "dòng 3" in ran.err) == (2, True), places


def test_a_row_without_a_code_is_not_swallowed_either(sqlite_app, tmp_path):
    """A file is also refused when the row between two stray quotes has no dossier code."""
    path = spoil(tmp_path / "codeless.csv", ";", (2, 4), (3, 4))
    path.write_bytes(path.read_bytes().replace(b"H32.15-260302-0003", b""))
    ran = run_command(sqlite_app, "intake", "import", path, "--dry-run", "--now", NOW)
    assert ran.code == 2
    assert "dòng 3" in ran.err


def test_a_stray_quote_before_a_quoted_cell_is_refused(sqlite_app, tmp_path):
    """A stray quote is also found when the next quote opens a correctly quoted cell."""
    path = spoil(tmp_path / "proper.csv", ";", (2, 4))
    named = '"Hộ ""Minh""; Bình"'.encode()
    path.write_bytes(path.read_bytes().replace("Công dân thử 005".encode(), named))
    ran = run_command(sqlite_app, "intake", "import", path, "--dry-run", "--now", NOW)
    assert ran.code == 2
    assert "dòng 3" in ran.err


RIGHT = {
    "line break": "Hộ ông\nBa",
    "line break and delimiters": "Nhà 5, tổ 1\nthôn 1; xã 2; huyện 3, tỉnh 4\nViệt Nam",
    "as many delimiters as columns": "Gồm\n1,2,3,4,5,6,7,8,9,10,11",
    "doubled quotes": 'Quán "Mẫu"\nsố 2; tổ 3',
    "a code in a sentence": "Chung hồ sơ H32.15-260302-0003,\nH32.15-260302-0004; chờ",
}


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("name", RIGHT)
def test_cells_of_several_lines_are_one_cell(sqlite_app, tmp_path, name, delimiter):
    """Line breaks, delimiters, quotes and codes in a quoted cell move no row."""
    rows = [row(1), row(2, name=RIGHT[name]), row(3, agency="UBND phường\nNha Trang"), row(4)]
    header = list(HEADER)
    for _ in range(2):  # before the dossier code, then after it
        path, out = write_csv(tmp_path / "cells.csv", rows, header, delimiter), tmp_path / "out.csv"
        command = ("intake", "import", path, "--dry-run", "--now", NOW, "--outcomes", out)
        assert run_command(sqlite_app, *command).code == 0
        assert [line["reason"] for line in outcomes(out).values()] == [""] * 4
        for cells in (header, *rows):
            cells.insert(1, cells.pop(4))


def test_quotes_within_one_line_stay_what_they_were(sqlite_app, tmp_path):
    """A quoted beginning followed by text is read, and a quote inside a cell spoils its own row
    only.
    """
    path = spoil(tmp_path / "inside.csv", ";")
    content = path.read_bytes()
    for old, new in (("thử 002", '"Mẫu" Hai'), ("Công dân thử 003", '"Quán" Mẫu')):
        content = content.replace(old.encode(), new.encode())
    content = content.replace("Công dân thử 004".encode(), '"Quán \\"Mẫu; Bốn\\""'.encode())
    path.write_bytes(content)
    out = tmp_path / "out.csv"
    command = ("intake", "import", path, "--dry-run", "--now", NOW, "--outcomes", out)
    assert run_command(sqlite_app, *command).code == 0
    told = [line["reason"] for line in outcomes(out).values()]
    assert told == ["", "", "", "bad_date", *[""] * 4]
