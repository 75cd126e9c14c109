"""Export files of one-stop software for tests: plain registers and broken files."""

import csv
import datetime as dt
import io
import json
import zipfile
from pathlib import Path

import openpyxl
import xlwt
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

DATA = Path(__file__).parent / "data"
HEADER = (
    *("STT", "Mã hồ sơ", "Mã TTHC", "Cơ quan thực hiện", "Họ tên chủ hồ sơ", "Số CCCD"),
    *("Số điện thoại", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày trả thực tế", "Hình thức nộp"),
)
CITIZEN_ID = "056000777123"


def row(number, **changes):
    """One good row (finished, mobile phone) with some of its cells changed; keys as in FIELDS."""
    values = {
        "row": number,
        "code": f"H32.15-260302-{number:04}",
        "procedure": "1.012783",
        "agency": "UBND phường Nha Trang",
        "name": f"Công dân thử {number:03}",
        "id": CITIZEN_ID,
        "phone": f"0905000{number % 1000:03}",
        "received": "02/03/2026 08:00",
        "due": "16/03/2026",
        "returned": "12/03/2026 15:30",
        "channel": "Trực tiếp",
    }
    return list((values | changes).values())


def write_csv(path, rows, header=HEADER, delimiter=";", encoding="utf-8"):
    """Write a CSV register."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def messy_rows():
    """All records of the messy CSV file as texts, header first."""
    with (DATA / "messy_dossiers.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=";"))


def expected(name):
    """Row number → line of messy_expected.csv, for one of the two messy files."""
    with (DATA / "messy_expected.csv").open(encoding="utf-8", newline="") as file:
        return {int(line["row"]): line for line in csv.DictReader(file) if line["file"] == name}


def write_sheet(path, rows):
    """Write rows of texts as xlsx, xls or ods, by the path's extension."""
    {".xlsx": _xlsx, ".xls": _xls, ".ods": _ods}[path.suffix](path, rows)
    return path


def _xlsx(path, rows):
    book = openpyxl.Workbook()
    for cells in rows:
        book.active.append([str(cell) for cell in cells])
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s"  # a text that begins with = stays a text
    book.save(path)


def _xls(path, rows):
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Hồ sơ")
    for y, cells in enumerate(rows):
        for x, cell in enumerate(cells):
            sheet.write(y, x, str(cell))
    book.save(str(path))


def _ods(path, rows):
    book = OpenDocumentSpreadsheet()
    table = Table(name="Hồ sơ")
    for cells in rows:
        line = TableRow()
        for cell in cells:
            filled = TableCell(valuetype="string")
            filled.addElement(P(text=str(cell)))
            line.addElement(filled)
        table.addElement(line)
    book.spreadsheet.addElement(table)
    book.save(str(path))


def with_entry(source, path, name, content):
    """A copy of a workbook in which one packed file is replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry.filename, old.read(entry))
        with new.open(name, "w") as packed:
            for block in content:
                packed.write(block)
    return path


def outcomes(path):
    """Row number → line of an `--outcomes` file."""
    with path.open(encoding="utf-8", newline="") as file:
        return {int(line["row"]): line for line in csv.DictReader(file)}


def dump(connection):
    """Every value of every table as one text, to search for what must not be stored."""
    tables = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if connection.dialect.name == "sqlite"
        else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    )
    return "\n".join(
        json.dumps([_text(value) for value in line], ensure_ascii=False)
        for (table,) in tables.all()
        for line in connection.exec_driver_sql(f'SELECT * FROM "{table}"')  # noqa: S608
    )


def _text(value):
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return value.isoformat() if isinstance(value, dt.date) else str(value)
