"""Reader of files: csv, xlsx, xls or ods become numbered rows of cells with a header.

Row numbers are those a clerk sees: the record of a csv file (header included), the row of a sheet.
Cells of id-number columns are blanked before any other code reads them.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from survey.intake import sheet_rows
from survey.intake.columns import HEADER_WITHIN, Header, HeaderWords, Row, find_header
from survey.intake.containers import Kind, digest_of, identify
from survey.intake.delimited import Dialect, records, scan
from survey.intake.wording import FIELD_NAMES, refusal

SECONDS_TO_OPEN = 90


@dataclass(frozen=True, slots=True)
class Table:
    """The recognised table of a file; its rows are not held in memory."""

    name: str
    kind: Kind
    digest: str
    header: Header
    # Rows after the header, of any kind.
    row_count: int
    # Row number → iterator of (row number, cells) from there on; id numbers are blank.
    read: Callable[[int], Iterator[tuple[int, Row]]]
    dialect: Dialect | None = None
    sheet: str = ""
    # Other visible sheets with a header, which are not read.
    other_sheets: tuple[str, ...] = ()

    @property
    def first_row(self) -> int:
        """Number of the first row after the header."""
        return self.header.last_row + 2

    def rows(self) -> Iterator[tuple[int, Row]]:
        """(row number, cells) of every row after the header."""
        return self.read(self.first_row)


def open_table(path: Path, words: HeaderWords, limit: int | None = None) -> Table:
    """Open a file; raises Invalid with a sentence for the clerk if it cannot be imported.

    `limit` (bytes) lowers the size limits of the kinds.
    """
    kind = identify(path, limit)
    table = _csv_table(path, words) if kind is Kind.CSV else _sheet_table(path, kind, words)
    header = table.header
    if header.undecided:
        columns = ", ".join(f"“{label}”" for label in header.undecided)
        raise refusal("columns_undecided", path.name, columns=columns)
    if missing := header.missing():
        columns = ", ".join(FIELD_NAMES[field] for field in missing)
        raise refusal("columns_missing", path.name, columns=columns)
    return table


def _csv_table(path: Path, words: HeaderWords) -> Table:
    found = scan(path, words)
    if found.header is None:
        raise refusal("header_not_found", path.name, lines=HEADER_WITHIN)
    count = found.records - found.header.last_row - 1
    read = partial(_csv_rows, path, found.dialect, found.header.id_columns)
    digest = digest_of(path)
    return Table(path.name, Kind.CSV, digest, found.header, count, read, found.dialect)


def _csv_rows(
    path: Path, dialect: Dialect, ids: tuple[int, ...], first: int
) -> Iterator[tuple[int, Row]]:
    for number, cells in records(path, dialect):
        if number < first:
            continue
        for column in ids:
            if column < len(cells):
                cells[column] = ""
        yield number, cells


def _sheet_table(path: Path, kind: Kind, words: HeaderWords) -> Table:
    """The visible sheet whose header has the most fields; a hidden one only if no other has any."""
    found: list[tuple[dict[str, Any], Header]] = []
    with _speaking(path, "heads", str(path)) as answer:
        for line in answer:
            sheet = json.loads(line, object_hook=real_date)
            header = find_header(sheet["head"], words)
            if header is not None:
                found.append((sheet, header))
    if not found:
        raise refusal("header_not_found", path.name, lines=HEADER_WITHIN)
    sheet, header = max(found, key=lambda pair: (pair[0]["visible"], len(pair[1].columns)))
    others = tuple(other["name"] for other, _ in found if other is not sheet and other["visible"])
    count = max(0, sheet["height"] - header.last_row - 1)
    read = partial(_sheet_rows, path, sheet["index"], header.id_columns)
    return Table(path.name, kind, digest_of(path), header, count, read, None, sheet["name"], others)


def _sheet_rows(
    path: Path, index: int, ids: tuple[int, ...], first: int
) -> Iterator[tuple[int, Row]]:
    where = (str(path), str(index), str(first), *map(str, ids))
    with _speaking(path, "rows", *where) as answer:
        for number, line in enumerate(answer, first):
            yield number, json.loads(line, object_hook=real_date)


@contextmanager
def _speaking(path: Path, *arguments: str) -> Iterator[IO[bytes]]:
    """Output of the reading subprocess; at its end the exit code is checked."""
    command = [sys.executable, "-I", sheet_rows.__file__, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - our own script
        if process.stdout is None:  # pragma: no cover - a pipe was asked for
            raise AssertionError
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        if process.stdout.read(1):
            process.kill()
            return
        _check_exit(path, process.wait(SECONDS_TO_OPEN))


def _check_exit(path: Path, exit_code: int) -> None:
    if exit_code == sheet_rows.LOCKED:
        raise refusal("file_password", path.name)
    if exit_code < 0 or exit_code == sheet_rows.TOO_BIG:
        raise refusal("file_bomb", path.name)
    if exit_code:
        raise refusal("file_damaged", path.name)


def real_date(value: dict[str, Any]) -> object:
    """Object hook of JSON: decode {"d": ISO text} to a date or datetime (see `as_json`)."""
    text = value.get("d")
    if not isinstance(text, str):
        return value
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
