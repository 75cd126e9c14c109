"""Recognition of the header of an export: which column is which field.

Handles title rows, two-row headers, group headers and rows of column numbers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from survey.intake.folding import bare, fold

Cell = object
Row = Sequence[Cell]

ID_NUMBER = "id_number_drop"
GROUP = "group_header"
REQUIRED = (("dossier_code",), ("procedure_code", "procedure_name"), ("agency",), ("received_at",))
HEADER_WITHIN = 40
FEWEST_FIELDS = 3
# A row with more texts than this is not a header, and would take minutes to check.
MOST_COLUMNS = 1000
# Characters; longer headings are cut, because matching takes time quadratic in the length.
LONGEST_HEADING = 500

# Some exports use these headings for the due date, others for the finish.
_AMBIGUOUS = frozenset(("ngay tra ket qua", "ngay tra"))
# If another column is the deciding agency, this one is the receiving agency, else the agency.
_RECEIVING = "don vi tiep nhan"
# A column that may contain citizens' id numbers is dropped, even if its heading is no known alias.
_ID_WORDS = re.compile(r"\b(cccd|cmnd|cmtnd|can cuoc|dinh danh|chung minh|ho chieu|passport)\b")
_DECORATION = re.compile(r"\s*(\(.*\)|\*+|:)\s*$")


class HeaderWords(NamedTuple):
    """Folded header text → (field, priority); of two columns for a field, the lower number wins."""

    fields: Mapping[str, tuple[str, int]]

    @classmethod
    def build(cls, aliases: Iterable[tuple[str, str]]) -> "HeaderWords":
        """From (field, alias) pairs in the order of `header_aliases.csv`."""
        fields: dict[str, tuple[str, int]] = {}
        for priority, (field, alias) in enumerate(aliases):
            fields.setdefault(fold(alias), (field, priority))
        return cls(fields)

    def field_of(self, text: str) -> tuple[str, int] | None:
        """The field and priority of a header text, ignoring marks at its end like `(*)` and `:`."""
        folded = fold(text)
        while folded:
            if found := self.fields.get(folded):
                return found
            shorter = _DECORATION.sub("", folded)
            if shorter == folded:
                break
            folded = shorter
        return (ID_NUMBER, 0) if _ID_WORDS.search(bare(text)) else None


class Header(NamedTuple):
    """A recognised header: its rows (0-based, last included) and field → column index."""

    first_row: int
    last_row: int
    columns: Mapping[str, int]
    id_columns: tuple[int, ...]
    # Folded texts of each column over all header rows, to recognise a repeated header.
    texts: tuple[frozenset[str], ...]
    # The heading of each column, for people and for the error file.
    labels: tuple[str, ...]
    # Headings of columns that could each be the due date or the finish: a person must rename one.
    undecided: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """Required fields that the header lacks."""
        return [group[0] for group in REQUIRED if not any(name in self.columns for name in group)]


def find_header(rows: Sequence[Row], words: HeaderWords) -> Header | None:
    """The header with the most fields among the first rows, or None if none looks like one."""
    best: Header | None = None
    for index, row in enumerate(rows[:HEADER_WITHIN]):
        if len(_filled(row)) > MOST_COLUMNS:
            continue
        single = _header([row], index, words)
        if len(single.columns) < FEWEST_FIELDS and not _is_group_row(row, words):
            continue
        found = _longer(single, rows, index, words)
        if "dossier_code" not in found.columns or len(found.columns) < FEWEST_FIELDS:
            continue
        if best is None or len(found.columns) > len(best.columns):
            best = found
    return best


def _is_group_row(row: Row, words: HeaderWords) -> bool:
    fields = [words.field_of(text) for text in _filled(row)]
    return any(field is not None and field[0] == GROUP for field in fields)


def _longer(single: Header, rows: Sequence[Row], index: int, words: HeaderWords) -> Header:
    """The header with the row below it, if that row consists of header words and adds a field."""
    filled = _filled(rows[index + 1]) if index + 1 < len(rows) else []
    if not 0 < len(filled) <= MOST_COLUMNS:
        return single
    known = [text for text in filled if words.field_of(text) is not None]
    pair = _header(rows[index : index + 2], index, words)
    adds = len(pair.columns) > len(single.columns)
    return pair if adds and known and 2 * len(known) >= len(filled) else single


def _texts(row: Row) -> list[str]:
    return [_heading(cell) if isinstance(cell, str) else "" for cell in row]


def _heading(cell: str) -> str:
    return " ".join(cell.split())[:LONGEST_HEADING]


def _filled(row: Row) -> list[str]:
    return [text for text in _texts(row) if text]


def _header(block: Sequence[Row], first: int, words: HeaderWords) -> Header:
    width = max(len(row) for row in block)
    padded = [[*_texts(row), *[""] * (width - len(row))] for row in block]
    claims = [_claim([row[column] for row in padded], words) for column in range(width)]
    _claim_groups(padded, claims, words)
    texts = tuple(frozenset(fold(row[i]) for row in padded if row[i]) for i in range(width))
    labels = tuple(_label([row[i] for row in padded]) for i in range(width))
    columns, undecided = _assign(claims, labels)
    ids = tuple(i for i, claim in enumerate(claims) if claim is not None and claim[0] == ID_NUMBER)
    last = first + len(block) - 1
    return Header(first, last, columns, ids, texts, labels, undecided)


def _label(stacked: list[str]) -> str:
    """The lowest text of a column, which is its own heading also under a group header."""
    return next((text for text in reversed(stacked) if text), "")


def _claim(stacked: list[str], words: HeaderWords) -> tuple[str, int] | None:
    """The field and priority that a column's heading names, or None."""
    label = _label(stacked)
    found = words.field_of(label) if label else None
    return None if found is not None and found[0] == GROUP else found


def _claim_groups(
    padded: list[list[str]], claims: list[tuple[str, int] | None], words: HeaderWords
) -> None:
    """Match headings that are complete only with the group above them: `Ngày` over `hẹn trả`."""
    if len(padded) == 1:
        return
    group = ""
    for column, (top, below) in enumerate(zip(padded[0], padded[1], strict=True)):
        group = top or group
        if claims[column] is None and below and group:
            claims[column] = words.field_of(f"{group} {below}")


def _assign(
    claims: list[tuple[str, int] | None], labels: tuple[str, ...]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Assign one column to each field: the earlier alias wins; ambiguous headings come last."""
    chosen: dict[str, tuple[int, int]] = {}
    ambiguous: list[int] = []
    receiving: list[int] = []
    for column, claim in enumerate(claims):
        if claim is None or claim[0] in (ID_NUMBER, GROUP):
            continue
        field, priority = claim
        words = bare(_undecorated(labels[column]))
        if field == "returned_at" and words in _AMBIGUOUS:
            ambiguous.append(column)
        elif field == "agency" and words == _RECEIVING:
            receiving.append(column)
        elif field not in chosen or priority < chosen[field][0]:
            chosen[field] = (priority, column)
    columns = {field: column for field, (_, column) in chosen.items()}
    for column in receiving[:1]:
        columns.setdefault("receiving_agency" if "agency" in columns else "agency", column)
    undecided = _settle(columns, ambiguous)
    return columns, tuple(labels[column] for column in undecided)


def _undecorated(label: str) -> str:
    return _DECORATION.sub("", label)


def _settle(columns: dict[str, int], ambiguous: list[int]) -> list[int]:
    """Resolve `Ngày trả (kết quả)`: the finish, unless another column is; returns the undecided."""
    if not ambiguous:
        return []
    if "returned_at" in columns:
        if "due_at" not in columns and len(ambiguous) == 1:
            columns["due_at"] = ambiguous[0]
            return []
        return [] if "due_at" in columns else ambiguous
    if len(ambiguous) == 1 or "due_at" in columns:
        columns["returned_at"] = ambiguous[0]
        return []
    return ambiguous
