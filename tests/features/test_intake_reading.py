"""Files of every kind through a dry run: what is read, and what is refused with a sentence."""

import os
import time
import zipfile
import zlib
from pathlib import Path

import openpyxl
import pytest

from tests.conftest import run_command
from tests.features.exports import (
    DATA,
    HEADER,
    expected,
    messy_rows,
    outcomes,
    row,
    with_entry,
    write_csv,
    write_sheet,
)

XLSX = DATA / "messy_dossiers.xlsx"


def _try(app, path, now="2026-06-30"):
    return run_command(app, "intake", "import", path, "--dry-run", "--now", now, "--json")


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [
        ("comma.csv", ",", "utf-8"),
        ("tab.txt", "\t", "utf-8-sig"),
        ("unicode.csv", ";", "utf-16"),
        ("unmarked.xls", "\t", "utf-16-le"),
    ],
)
def test_every_usual_csv_reads_the_same(sqlite_app, tmp_path, name, delimiter, encoding):
    """Comma, semicolon or tab, UTF-8 or UTF-16, with any extension give the same 207 outcomes."""
    header, *rows = messy_rows()
    path = write_csv(tmp_path / name, rows, header, delimiter, encoding)
    _assert_as_messy(sqlite_app, path, tmp_path)


@pytest.mark.parametrize("extension", ["xlsx", "xls", "ods"])
def test_every_usual_spreadsheet_reads_the_same(sqlite_app, tmp_path, extension):
    """The same records as texts of a spreadsheet give the same 207 outcomes, row for row."""
    path = write_sheet(tmp_path / f"messy.{extension}", messy_rows())
    _assert_as_messy(sqlite_app, path, tmp_path)


def _assert_as_messy(app, path, folder):
    out = folder / "out.csv"
    ran = run_command(
        app, "intake", "import", path, "--dry-run", "--now", "2022-12-31", "--outcomes", out
    )
    assert ran.code == 0, ran.err
    wanted = expected("messy_dossiers.csv")
    assert {n: line["outcome"] for n, line in outcomes(out).items()} == {
        n: line["expected"] for n, line in wanted.items()
    }


def test_odd_bytes_inside_cells_do_not_move_rows(sqlite_app, tmp_path):
    """A lone carriage return, a NUL and a quoted line break stay inside their cell."""
    path = write_csv(tmp_path / "odd.csv", [row(1), row(2), row(3)])
    content = path.read_bytes().replace(b"th\xe1\xbb\xad 001", b"a\rb\x00c", 1)
    content = content.replace(b"C\xc3\xb4ng d\xc3\xa2n th\xe1\xbb\xad 002", b'"a\r\nb"', 1)
    path.write_bytes(content)
    assert _try(sqlite_app, path).json["accepted"] == 3


def test_endless_cells_hold_up_no_reading(sqlite_app, tmp_path):
    """Headings and cells with thousands of blanks, brackets or stars are read without a delay."""
    header = [label.replace(" ", " " * 50_000, 1) for label in HEADER]
    rows = [row(1), row(2, name="(" * 100_000), row(3, name="*" * 100_000 + "x")]
    begun = time.process_time()
    assert _try(sqlite_app, write_csv(tmp_path / "long.csv", rows, header)).json["accepted"] == 3
    assert time.process_time() - begun < 20


def test_old_line_ends_are_read_also_where_a_cell_has_another(sqlite_app, tmp_path):
    """Carriage returns end lines also when a quoted cell holds a line feed."""
    rows = [row(1), row(2, name="Hộ ông\nBa"), row(3)]
    path = write_csv(tmp_path / "mac.csv", rows)
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\r"))
    ran = _try(sqlite_app, path).json
    assert (ran["rows"], ran["accepted"]) == (3, 3)


def test_the_sheet_with_the_register_is_found(sqlite_app, tmp_path):
    """Sheets without a register are skipped, a second register is named, and a hidden one comes
    last.
    """
    book = openpyxl.Workbook()
    book.active.title = "Bìa"
    for title, rows in (("Cũ", [row(1), row(2)]), ("Tháng 3", [row(3)]), ("Tháng 4", [row(4)])):
        sheet = book.create_sheet(title)
        for cells in [["SỔ THEO DÕI"], [], HEADER, *rows]:
            sheet.append(cells)
    book["Cũ"].sheet_state = "hidden"
    book.save(tmp_path / "many.xlsx")
    ran = _try(sqlite_app, tmp_path / "many.xlsx")
    assert ran.json["accepted"] == 1
    assert "Tháng 4" in ran.err
    assert "Cũ" not in ran.err


def _truncated(path):
    path.write_bytes(XLSX.read_bytes()[:9000])


def _bomb(path):
    blank = b" " * 1_000_000
    with_entry(XLSX, path, "xl/worksheets/sheet1.xml", (blank for _ in range(425)))


def _lying_bomb(path):
    """A zip bomb whose header declares a small size."""
    _bomb(path)
    content, real = path.read_bytes(), (425_000_000).to_bytes(4, "little")
    path.write_bytes(content.replace(real, (9).to_bytes(4, "little")))


def _far_cell(path):
    """Two cells at opposite corners of a sheet: dense storage would need hundreds of gigabytes."""
    xml = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        b'<row r="1"><c r="A1" t="n"><v>1</v></c></row>'
        b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData></worksheet>'
    )
    with_entry(XLSX, path, "xl/worksheets/sheet1.xml", [xml])


def _wordy(path):
    """A small file with a register of two thousand rows, each with the longest text of a cell."""

    def parts():
        yield b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        yield b"<sheetData>"
        for number, cells in enumerate((HEADER, *[("x" * 32_000,)] * 2000), 1):
            texts = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in cells)
            yield f'<row r="{number}">{texts}</row>'.encode()
        yield b"</sheetData></worksheet>"

    with_entry(XLSX, path, "xl/worksheets/sheet1.xml", parts())


def _crowd(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2000):
            archive.writestr(f"xl/{number}.xml", "")


def _encrypted_office(path):
    name = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000 + name + b"\0" * 5000)


def _locked_ods(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", zlib.compress(b"x"))
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")


def _huge(path):
    with path.open("wb") as file:
        file.truncate(300 * 1024 * 1024)


def _legacy_encoding(path):
    write_csv(path, [row(n) for n in range(1, 400)])
    path.write_bytes(path.read_bytes() + "401;Nguyễn".encode("cp1258", "replace") + b"\xc0\n")


def _open_quote(path):
    write_csv(path, [row(n) for n in range(1, 200)])
    path.write_bytes(path.read_bytes().replace(b"C\xc3\xb4ng d\xc3\xa2n th\xe1\xbb\xad 020", b'"x'))


def _cut_off(path):
    write_csv(path, [row(n) for n in range(1, 20)])
    path.write_bytes(path.read_bytes()[:-60])


def _two_returns(path):
    header = list(HEADER)
    header[8], header[9] = "Ngày trả", "Ngày trả kết quả"
    write_csv(path, [row(1)], header)


REFUSED = {
    "truncated.xlsx": (_truncated, "hỏng"),
    "bomb.xlsx": (_bomb, "phình ra"),
    "lying.xlsx": (_lying_bomb, "phình ra"),
    "far.xlsx": (_far_cell, "phình ra"),
    "wordy.xlsx": (_wordy, "phình ra"),
    "crowd.xlsx": (_crowd, "phình ra"),
    "locked.xlsx": (_encrypted_office, "mật khẩu"),
    "locked.ods": (_locked_ods, "mật khẩu"),
    "huge.csv": (_huge, "300 MB"),
    "legacy.csv": (_legacy_encoding, "gần dòng 401"),
    "quote.csv": (_open_quote, "nháy kép"),
    "cut.csv": (_cut_off, "trọn vẹn"),
    "returns.csv": (_two_returns, "“Ngày trả”, “Ngày trả kết quả”"),
    "page.xls": (lambda path: path.write_text("<html><table></table></html>"), "trang web"),
    "paper.csv": (lambda path: path.write_bytes(b"%PDF-1.7 ..."), "không phải csv"),
    "empty.csv": (lambda path: path.write_bytes(b""), "rỗng"),
    "prose.csv": (lambda path: path.write_text("Kính gửi\n" * 9), "tiêu đề"),
    "wide.csv": (lambda path: write_csv(path, [row(1)], HEADER * 100), "tiêu đề"),
    "bars.csv": (lambda path: write_csv(path, [row(1)], delimiter="|"), "chấm phẩy"),
    "few.csv": (lambda path: write_csv(path, [row(1)[:3]], HEADER[:3]), "thiếu cột"),
    "gaps.csv": (
        lambda path: write_csv(path, [[*row(1)[:3], *row(1)[4:]]], [*HEADER[:3], *HEADER[4:]]),
        "thiếu cột bắt buộc: Cơ quan, đơn vị",
    ),
    "cell.csv": (lambda path: write_csv(path, [row(1, name="x" * 200_000)]), "khoảng dòng 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_taken_is_refused(sqlite_app, tmp_path, name):
    """A file that is too big, locked, broken or unclear gives exit code 2 and one sentence that
    names it.
    """
    make, words = REFUSED[name]
    make(tmp_path / name)
    ran = _try(sqlite_app, tmp_path / name)
    assert (ran.code, ran.out) == (2, "")
    assert name in ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_a_missing_file_and_a_bad_outcomes_path_are_refused(sqlite_app, tmp_path):
    """A missing file or an unwritable path is reported before any work."""
    assert _try(sqlite_app, tmp_path / "none.csv").code == 2
    assert "Không tìm thấy" in _try(sqlite_app, tmp_path / f"{'x' * 300}.csv").err
    path = write_csv(tmp_path / "good.csv", [row(1)])
    bad = Path(os.devnull) / "out.csv"
    ran = run_command(sqlite_app, "intake", "import", path, "--outcomes", bad)
    assert ran.code == 2
    assert "out.csv" in ran.err
