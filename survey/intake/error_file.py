"""The error file: rejected rows in the layout of the imported file, with the reason of each."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

import xlsxwriter

from survey.intake.cleaning import REJECTED
from survey.intake.columns import Row
from survey.intake.delimited import Dialect
from survey.intake.reader import Table
from survey.intake.wording import REASONS

HEADING = "Lý do không nhận"
NO_RECORDS = frozenset(
    ("blank_row", "repeated_header", "column_number_row", "total_row", "footer_row")
)
# Cells that a spreadsheet might execute as a formula (CSV injection), such as `+1-cmd|…`; cells of
# digits, such as phone numbers, are not changed.
_FORMULA = re.compile(r"[\t\r]|\s*[=@＝＠]|\s*[+\-＋－](?![\d\s().,/+-]*\Z)")


def error_file_name(table: Table) -> str:
    """`thang-10.csv` → `thang-10-loi.csv`; the error file of any spreadsheet is an xlsx."""
    stem = table.name.rpartition(".")[0] or table.name
    return f"{stem}-loi.{'csv' if table.dialect else 'xlsx'}"


def build_error_file(
    table: Table, outcomes: Iterable[tuple[int, str, str, str]]
) -> tuple[bytes, int]:
    """The file's bytes and its number of rows below the header.

    `outcomes`: (row, outcome, reason, dossier code); rows that are not records are left out.
    """
    reasons = {
        row: REASONS.get(reason, reason)
        for row, outcome, reason, _ in outcomes
        if outcome == REJECTED and reason not in NO_RECORDS
    }
    lines = _lines(table, reasons)
    content = _as_csv(lines, table.dialect) if table.dialect else _as_xlsx(lines)
    return content, len(reasons)


def _lines(table: Table, reasons: dict[int, str]) -> Iterator[list[object]]:
    """All rows up to the header, then the rejected rows, with the reason in one more column."""
    width = len(table.header.labels)
    for number, cells in table.read(1):
        if number < table.first_row:
            heading = HEADING if number == table.first_row - 1 else ""
            yield [*_padded(cells, width), heading]
        elif number in reasons:
            yield [*_padded(cells, width), reasons[number]]


def _padded(cells: Row, width: int) -> list[object]:
    return [*cells, *[""] * (width - len(cells))]


def _as_csv(lines: Iterable[list[object]], dialect: Dialect) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    # Files without a byte order mark get one: Excel needs it to show Vietnamese.
    encoding = "utf-16" if dialect.encoding.startswith("utf-16") else "utf-8-sig"
    return text.getvalue().encode(encoding)


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def _as_xlsx(lines: Iterable[list[object]]) -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "remove_timezone": True})
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    timestamp = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            if isinstance(cell, datetime):
                sheet.write_datetime(row, column, cell, timestamp)
            elif isinstance(cell, date):
                sheet.write_datetime(row, column, cell, day)
            elif isinstance(cell, (int, float)):
                sheet.write_number(row, column, cell)
            else:
                sheet.write_string(row, column, str(cell))
    book.close()
    return content.getvalue()
