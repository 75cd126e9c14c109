"""CSV files of one-stop software: the encoding is verified, not guessed; memory use is constant."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from survey.errors import Invalid
from survey.intake.codes import clean_dossier_code, dossier_code_day
from survey.intake.columns import HEADER_WITHIN, Header, HeaderWords, find_header
from survey.intake.wording import refusal

DELIMITERS = (";", ",", "\t")
LINE_LIMIT = 1_000_000
LINES_PER_RECORD = 50
SAMPLE = 64 * 1024
_FEW = 0.05
_QUOTED = re.compile(r'"[^"]*(?:"|$)')
_CLOSED = re.compile(r'"[^"]*"')


class Dialect(NamedTuple):
    """Encoding, delimiter and line end of a file."""

    encoding: str
    delimiter: str
    # "\r" only for files that have no other line end.
    newline: str


class Scan(NamedTuple):
    """Result of reading the whole file once: it can be parsed to its end."""

    dialect: Dialect
    header: Header | None
    records: int


def scan(path: Path, words: HeaderWords) -> Scan:
    """Verify the encoding, find delimiter and header, count records; Invalid if not readable."""
    encoding = _encoding(path)
    newline = _newline(path, encoding)
    best = Dialect(encoding, DELIMITERS[0], newline)
    header: Header | None = None
    for delimiter in DELIMITERS:
        dialect = Dialect(encoding, delimiter, newline)
        found = find_header(_first_records(path, dialect), words)
        if found and (header is None or len(found.columns) > len(header.columns)):
            best, header = dialect, found
    return Scan(best, header, _count(path, best, header))


def records(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """(record number from 1, cells) of the whole file."""
    with _reading(path):
        for number, cells, _ in _parse(path, dialect):
            yield number, cells


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(SAMPLE)
    if start.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        raise refusal("bad_encoding", path.name, line=1)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if start.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    # UTF-16 without a byte order mark: every second byte of Latin text is zero. Finding the header
    # confirms it later.
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) > _FEW * len(start):
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8"


def _newline(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, newline="", errors="replace") as file:
        start = file.read(SAMPLE)
    outside = _QUOTED.sub("", start)  # quoted cells may contain other line ends
    return "\r" if "\r" in outside and "\n" not in outside else "\n"


def _first_records(path: Path, dialect: Dialect) -> list[list[str]]:
    """The records that may contain the header; errors further down are reported later."""
    first: list[list[str]] = []
    try:
        for _, cells, _ in _parse(path, dialect):
            first.append(cells)
            if len(first) > HEADER_WITHIN:
                break
    except (UnicodeError, Invalid):
        return first
    return first


def _count(path: Path, dialect: Dialect, header: Header | None) -> int:
    """Count the records of the file to its end.

    Invalid `file_damaged` if the last record is cut off, `quote_not_closed` if a stray quote has
    merged several records into one.
    """
    number = line = short = 0
    cells: list[str] = []
    lines: list[str] = []
    first, width = (header.last_row + 1, len(header.labels)) if header else (0, 0)
    with _reading(path):
        for number, cells, lines in _parse(path, dialect):
            line += len(lines)
            if len(lines) > LINES_PER_RECORD or (
                len(lines) > 1 and _holds_records(lines, dialect.delimiter, header)
            ):
                raise refusal("quote_not_closed", path.name, line=line - len(lines) + 1)
            short += number > first and 0 < len(cells) < width
        if len(lines) > 1 and "".join(lines).count('"') % 2:
            raise refusal("quote_not_closed", path.name, line=line - len(lines) + 1)
    if header and short == 1 and len(cells) < width and _is_cut_off(path, header, cells):
        raise refusal("file_damaged", path.name)
    return number


def _holds_records(lines: Sequence[str], delimiter: str, header: Header | None) -> bool:
    """Whether a record of several lines consists of several records, merged by stray quotes.

    Either text follows the closing quote of a cell of several lines, because that quote was meant
    to open a cell; or at least two of the lines are complete rows.
    """
    sign = re.escape(delimiter)
    cells = re.finditer(
        rf'(?:"((?:[^"]|"")*)"([^{sign}\n]*)|[^{sign}]*)(?:{sign}|$)', "".join(lines)
    )
    for quoted, behind in (cell.groups("") for cell in cells):
        if "\n" in quoted and delimiter in quoted and behind.strip():
            return True
    return header is not None and sum(_is_row(line, delimiter, header) for line in lines) > 1


def _is_row(line: str, delimiter: str, header: Header) -> bool:
    """Whether a line alone has all columns and a dossier code in the column for it."""
    column, last = header.columns["dossier_code"], max(header.columns.values())
    unquoted = _CLOSED.sub(lambda cell: cell[0].replace(delimiter, " "), line)
    for text in (line, unquoted):
        cells = text.split(delimiter)
        if len(cells) > last and dossier_code_day(clean_dossier_code(cells[column].strip('"\n '))):
            return True
    return False


def _is_cut_off(path: Path, header: Header, cells: list[str]) -> bool:
    """Whether the last record has a dossier code but is incomplete and without a line end."""
    with path.open("rb") as file:
        file.seek(-2, 2)
        ends_with_line = bool(set(file.read()) & set(b"\r\n"))
    column = header.columns["dossier_code"]
    if ends_with_line or column >= len(cells):
        return False
    return dossier_code_day(clean_dossier_code(cells[column])) is not None


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn errors while reading into refusals for the clerk, with the line where it is known."""
    try:
        yield
    except UnicodeError:
        raise refusal("bad_encoding", path.name, line=_bad_line(path)) from None
    except OSError:  # deleted meanwhile, or its disk fails
        raise refusal("file_damaged", path.name) from None


def _bad_line(path: Path) -> int:
    """The first line that is not UTF-8; 1 for the other encodings."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeError:
                return number
    return 1


def _parse(path: Path, dialect: Dialect) -> Iterator[tuple[int, list[str], list[str]]]:
    """(record number, cells, physical lines of the record)."""
    with path.open(encoding=dialect.encoding, newline=dialect.newline) as file:
        kept: list[str] = []
        reader = csv.reader(
            _keeping(_lines(file, path, dialect), kept), delimiter=dialect.delimiter
        )
        number = before = 0
        try:
            for cells in reader:
                number += 1
                before = reader.line_num
                yield number, cells, kept[:]
                kept.clear()
        except csv.Error:
            raise refusal("cell_too_long", path.name, line=before + 1) from None


def _keeping(lines: Iterator[str], kept: list[str]) -> Iterator[str]:
    """The same lines; each is also appended to `kept` when it is read."""
    for line in lines:
        kept.append(line)
        yield line


def _lines(file: io.TextIOWrapper, path: Path, dialect: Dialect) -> Iterator[str]:
    """Lines with uniform line ends; inside them lone CRs become blanks and NULs are removed."""
    number = 0
    while line := file.readline(LINE_LIMIT):
        number += 1
        if len(line) == LINE_LIMIT:
            raise refusal("cell_too_long", path.name, line=number)
        if "\r" in line or "\x00" in line:
            end = "\n" if line.endswith(("\n", dialect.newline)) else ""
            line = line.rstrip("\r\n").replace("\r", " ").replace("\x00", "") + end
        yield line
