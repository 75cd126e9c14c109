"""Reads one spreadsheet in a separate process, with limits of memory and CPU time.

A hostile or damaged workbook can make any parser use all memory; here it only kills this script.
It is started by path, without the package, so that it starts fast.
Output is JSON Lines: `heads` gives one object per sheet, `rows` one list per row.
"""

import json
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime

import python_calamine as calamine

MEMORY_BYTES = 3 * 1024**3
CPU_SECONDS = 120
# A small sheet may repeat one long text in a million cells, which would take minutes: the total of
# what rows contain beyond ROW_BYTES each is limited.
ROW_BYTES = 2048
EXCESS_BYTES = 32 * 1024**2
HEAD_ROWS = 42
WRONG, LOCKED, TOO_BIG = 3, 4, 5
Cells = list[object]


def main(arguments: list[str]) -> int:
    """`heads FILE` or `rows FILE SHEET FIRST_ROW BLANKED…`; exit 3 damaged, 4 locked, 5 too big."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    what, file, *more = arguments
    try:
        book = calamine.CalamineWorkbook.from_path(file)
        if what == "heads":
            _write_heads(book)
        else:
            sheet, first, *blanked = map(int, more)
            _write_rows(book, sheet, first, frozenset(blanked))
    except calamine.PasswordError:
        return LOCKED
    except MemoryError:
        return TOO_BIG
    except (calamine.CalamineError, calamine.XmlError, calamine.ZipError, OSError, ValueError):
        return WRONG
    return 0


def _write_heads(book: calamine.CalamineWorkbook) -> None:
    for index, known in enumerate(book.sheets_metadata):
        if known.typ is not calamine.SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_index(index)
        head = [row for row, _ in zip(_rows(sheet), range(HEAD_ROWS), strict=False)]
        visible = known.visible is calamine.SheetVisibleEnum.Visible
        described = {"index": index, "name": known.name, "visible": visible}
        _write({**described, "height": sheet.total_height, "head": head})


def _write_rows(
    book: calamine.CalamineWorkbook, sheet: int, first: int, blanked: frozenset[int]
) -> None:
    left = EXCESS_BYTES
    for number, row in enumerate(_rows(book.get_sheet_by_index(sheet)), 1):
        if number >= first:
            written = _write(["" if i in blanked else cell for i, cell in enumerate(row)])
            left = min(EXCESS_BYTES, left + ROW_BYTES - written)
        if left < 0:
            raise MemoryError


def _write(value: object) -> int:
    text = json.dumps(value, ensure_ascii=False, default=as_json, separators=(",", ":"))
    return sys.stdout.buffer.write(text.encode() + b"\n")


def as_json(value: object) -> object:
    """Encode dates as {"d": ISO text}; durations and other values as plain text."""
    if isinstance(value, (date, datetime)):
        return {"d": value.isoformat()}
    return str(value)


def _rows(sheet: calamine.CalamineSheet) -> Iterator[Cells]:
    """All rows of the sheet; a cell merged downwards is repeated in the rows it covers."""
    if sheet.start is None:
        return
    indent: Cells = [""] * sheet.start[1]
    merged = _merged_downwards(sheet)
    filling: dict[int, tuple[int, object]] = {}
    for number, cells in enumerate(sheet.iter_rows()):
        row = [*indent, *cells]
        for column, (last, value) in list(filling.items()):
            if number > last:
                del filling[column]
            elif column < len(row):
                row[column] = value
        for column, last in merged.get(number, ()):
            if column < len(row):
                filling[column] = (last, row[column])
        yield row


def _merged_downwards(sheet: calamine.CalamineSheet) -> dict[int, list[tuple[int, int]]]:
    """First row → [(column, last row)] of the merged ranges that are one column wide."""
    found: dict[int, list[tuple[int, int]]] = {}
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if left == right and bottom > top:
            found.setdefault(top, []).append((left, bottom))
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
