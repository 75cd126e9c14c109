"""The messy workbook of a one-stop shop as a later export: dates moved, some dossiers finished."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl

MESSY = Path(__file__).parent.parent / "features" / "data" / "messy_dossiers.xlsx"
LAST_DAY = date(2026, 6, 30)
FIRST_ROW = 9
FINISHED_COLUMN = 11
STATUS_COLUMN = 13
TEXT_DATE = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")


def write_export(target: Path, last_day: date, finished: Mapping[int, datetime]) -> None:
    """Write the workbook as if its last day were `last_day`; `finished`: row → return date."""
    shift = last_day - LAST_DAY
    book = openpyxl.load_workbook(MESSY)
    sheet = book["Sổ theo dõi"]
    for row in sheet.iter_rows(min_row=FIRST_ROW):
        for cell in row:
            if isinstance(cell, openpyxl.cell.Cell):
                cell.value = _moved(cell.value, shift)
    for number, instant in finished.items():
        sheet.cell(number, FINISHED_COLUMN).value = instant
        sheet.cell(number, STATUS_COLUMN).value = "Đã trả kết quả"
    book.save(target)


def _moved(value: Any, shift: timedelta) -> Any:
    if isinstance(value, datetime):
        return value + shift
    if isinstance(value, str) and TEXT_DATE.fullmatch(value.split(" ")[0]):
        return TEXT_DATE.sub(lambda found: _moved_text(found, shift), value)
    return value


def _moved_text(found: re.Match[str], shift: timedelta) -> str:
    day, month, year = (int(part) for part in found.groups())
    try:
        return f"{date(year, month, day) + shift:%d/%m/%Y}"
    except ValueError:  # the file has impossible dates on purpose
        return found[0]
