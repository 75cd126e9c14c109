"""Cleaning: each row of an export becomes a clean record or a rejection; pure, without database.

The rules are checked in the order of their numbers; the first that fails gives the reason.
"""

import re
import zlib
from collections.abc import Iterable
from datetime import date
from functools import lru_cache, partial
from typing import NamedTuple

from survey.dossiers import DossierFacts, Timestamp
from survey.intake.catalogue import AgencyEntry, Catalogue, ProcedureEntry
from survey.intake.codes import clean_dossier_code, dossier_code_day, procedure_code
from survey.intake.columns import Header, Row
from survey.intake.dates import read_timestamp
from survey.intake.folding import bare, fold, tidy
from survey.intake.progress import ProgressReader
from survey.intake.structure import structural_reason, text_of
from survey.messages.phone import clean_phone
from survey.privacy.masking import without_numbers

ACCEPTED, REJECTED, DUPLICATE = "accepted", "rejected", "duplicate"
DATE_FIELDS = ("received_at", "due_at", "returned_at")
NAME_LENGTH = 200
CACHED = 4096
_CHANNELS = (
    ("post", ("buu chinh", "bcci", "buu dien")),
    ("online", ("truc tuyen",)),
    ("counter", ("truc tiep",)),
)
IDENTITY_FIELDS = (*DATE_FIELDS, "dossier_code", "procedure_code", "agency", "phone", "status")
_ENDINGS = (
    ("withdrawn", re.compile(r"\brut\b")),
    ("refused", re.compile(r"\b(tu choi|khong du dieu kien|khong giai quyet|tra lai)\b")),
)
_DONE = ("da tra", "da hoan thanh", "hoan thanh", "da giai quyet", "da ket thuc", "da co ket qua")


class CleanRow(NamedTuple):
    """A record ready to be registered, and warnings about it."""

    row: int
    facts: DossierFacts
    warnings: tuple[str, ...]


class Rejection(NamedTuple):
    """Why a row is not registered, and the field (see `header_aliases.csv`) that caused it."""

    row: int
    reason: str
    field: str
    dossier_code: str = ""


class Outcome(NamedTuple):
    """Result of one source row; `record` only if it was accepted."""

    row: int
    outcome: str
    reasons: tuple[str, ...]
    dossier_code: str
    record: CleanRow | None = None
    field: str = ""


class _Status(NamedTuple):
    """Meaning of a status cell: whether the work is done, and the outcome if it is."""

    is_done: bool
    ending: str


class _Broken(Exception):
    """A row breaks a rule: the reason and the field."""

    def __init__(self, reason: str, field: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class RowCleaner:
    """Cleans rows of one file; caches results by cell, because exports repeat them very often."""

    def __init__(self, header: Header, catalogue: Catalogue, export_day: date) -> None:
        """`export_day`: last local day the export covers; `header` has all required columns."""
        self._header = header
        self._catalogue = catalogue
        self._export_day = export_day
        self._width = max(header.columns.values()) + 1
        self._progress = ProgressReader(header, catalogue, export_day)
        self._find_agencies = lru_cache(CACHED)(self._look_up_agencies)

    def clean(self, number: int, cells: Row) -> CleanRow | Rejection:
        """The record of source row `number`, or the rejection by the first rule it breaks."""
        if len(cells) < self._width:
            cells = [*cells, *[""] * (self._width - len(cells))]
        code = clean_dossier_code(text_of(self._cell(cells, "dossier_code")))
        try:
            code_day = self._code_day(cells, code)
            return self._record(number, cells, code, code_day)
        except _Broken as broken:
            known = code if dossier_code_day(code) else ""
            return Rejection(number, broken.reason, broken.field, known)

    def _cell(self, cells: Row, field: str) -> object:
        column = self._header.columns.get(field)
        return "" if column is None else cells[column]

    def _code_day(self, cells: Row, code: str) -> date:
        """Rules 1 and 2: the row is a record and has a dossier code; returns the code's day."""
        day = dossier_code_day(code)
        if day is not None:
            return day
        structural = structural_reason(cells, self._header)
        if structural is not None:
            raise _Broken(structural, "")
        raise _Broken("bad_dossier_code" if code else "missing_dossier_code", "dossier_code")

    def _record(self, number: int, cells: Row, code: str, code_day: date) -> CleanRow:
        """Rules 3 to 7, in order; returns the record of a row that passes them."""
        procedure, by_name = self._procedure(cells)
        agencies, by_alias = self._find_agencies(text_of(self._cell(cells, "agency")))
        if not agencies:
            raise _Broken("unknown_agency", "agency")
        received, due, returned = self._dates(cells)
        if received is None:
            raise _Broken("missing_received_date", "received_at")
        agency = self._agency_on(agencies, received.day)
        _check_order(received, due, returned)
        status = _status(text_of(self._cell(cells, "status")))
        facts = DossierFacts(
            code=code,
            agency_id=agency.id,
            procedure_code=procedure.code,
            channel=channel_of(text_of(self._cell(cells, "channel"))),
            outcome="open" if returned is None else status.ending,
            received=received,
            due=due,
            finished=returned,
            phone=clean_phone(text_of(self._cell(cells, "phone"))),
            name=_applicant_name(self._cell(cells, "applicant_name")),
        )
        conditions = (
            ("matched_by_name", by_name),
            ("agency_alias", by_alias),
            ("name_in_both_eras", len(agencies) > 1),
            ("code_date_differs", received.day != code_day),
            ("code_cleaned", code != self._cell(cells, "dossier_code")),
            *_conditions(facts, self._export_day, is_done=status.is_done),
        )
        warnings = tuple(warning for warning, holds in conditions if holds)
        if self._progress.has_columns:
            facts, unread = self._progress.add(facts, partial(self._cell, cells))
            warnings += unread
        return CleanRow(number, facts, warnings)

    def _procedure(self, cells: Row) -> tuple[ProcedureEntry, bool]:
        """Rule 3: the procedure by code; by exact name only if the code cell is empty."""
        cell = self._cell(cells, "procedure_code")
        by_name = isinstance(cell, str) and not tidy(cell)
        if by_name:
            found = self._catalogue.procedure_named(text_of(self._cell(cells, "procedure_name")))
        else:
            numeric = cell if isinstance(cell, float) else text_of(cell)
            found = self._catalogue.procedures.get(procedure_code(numeric))
        if found is None:
            raise _Broken("unknown_procedure", "procedure_name" if by_name else "procedure_code")
        return found, by_name

    def _look_up_agencies(self, text: str) -> tuple[tuple[AgencyEntry, ...], bool]:
        """Rule 4: all agencies that ever had this name, and whether the text is only an alias."""
        name = fold(text)
        found = self._catalogue.agencies_by_name.get(name, ())
        return found, name not in self._catalogue.own_names

    def _dates(self, cells: Row) -> list[Timestamp | None]:
        """Rule 5: the three dates of DATE_FIELDS, None for a blank cell."""
        timestamps = []
        for field in DATE_FIELDS:
            cell = self._cell(cells, field)
            timestamp = _timestamp(cell) if cell else None
            if timestamp is None and (not isinstance(cell, str) or tidy(cell)):
                raise _Broken("bad_date", field)
            timestamps.append(timestamp)
        return timestamps

    def _agency_on(self, agencies: tuple[AgencyEntry, ...], day: date) -> AgencyEntry:
        """Rule 6: the export covers the day, and exactly one agency of that name existed then."""
        if day > self._export_day:
            raise _Broken("received_in_future", "received_at")
        valid = [agency for agency in agencies if agency.is_valid_on(day)]
        if not valid:
            raise _Broken("agency_not_valid_on_date", "agency")
        if len(valid) > 1:
            # Two agencies had this name on that day: either would be a guess.
            raise _Broken("unknown_agency", "agency")
        return valid[0]


class FileCleaner:
    """Cleans a whole file in order: rule 8 (duplicates) needs the rows accepted before."""

    def __init__(self, header: Header, catalogue: Catalogue, export_day: date) -> None:
        """`export_day`: last local day the export covers."""
        self._rows = RowCleaner(header, catalogue, export_day)
        self._reported_by = [header.columns[f] for f in IDENTITY_FIELDS if f in header.columns]
        self._accepted: dict[str, int] = {}

    def clean(self, number: int, cells: Row) -> Outcome:
        """The outcome of source row `number`; rows must come in the order of the file."""
        result = self._rows.clean(number, cells)
        if isinstance(result, Rejection):
            reasons = (result.reason,)
            return Outcome(number, REJECTED, reasons, result.dossier_code, field=result.field)
        print_now = self._fingerprint(cells)
        code = result.facts.code
        before = self._accepted.get(code)
        if before is not None:
            reason = "same_row_again" if before == print_now else "same_code_again"
            return Outcome(number, DUPLICATE, (reason,), code, field="dossier_code")
        self._accepted[code] = print_now
        return Outcome(number, ACCEPTED, result.warnings, code, result)

    def _fingerprint(self, cells: Row) -> int:
        """CRC-32 of the identifying cells: it only chooses the reason reported for a duplicate."""
        texts = (text_of(cells[i]) for i in self._reported_by if i < len(cells))
        return zlib.crc32("\x1f".join(texts).encode())


@lru_cache(CACHED)
def channel_of(text: str) -> str:
    """How the dossier was handed in: counter, online, post or unknown."""
    words = bare(text)
    for channel, marks in _CHANNELS:
        if any(mark in words for mark in marks):
            return channel
    return "unknown"


@lru_cache(CACHED)
def _timestamp(cell: object) -> Timestamp | None:
    return read_timestamp(cell)


@lru_cache(CACHED)
def _status(text: str) -> _Status:
    words = bare(text)
    ending = next((name for name, marks in _ENDINGS if marks.search(words)), "granted")
    return _Status(words.startswith(_DONE), ending)


def _check_order(received: Timestamp, due: Timestamp | None, returned: Timestamp | None) -> None:
    """Rule 7, compared by day."""
    if due is not None and due.day < received.day:
        raise _Broken("due_before_received", "due_at")
    if returned is not None and returned.day < received.day:
        raise _Broken("returned_before_received", "returned_at")


def _conditions(
    facts: DossierFacts, export_day: date, *, is_done: bool
) -> Iterable[tuple[str, bool]]:
    """(warning, whether it applies) for the warnings that depend on the facts alone."""
    phone, returned = facts.phone, facts.finished
    return (
        (f"phone_{phone.kind}", phone.kind != "mobile"),
        ("phone_old_prefix", phone.old_prefix),
        ("not_returned", returned is None and not is_done),
        ("status_without_return_date", returned is None and is_done),
        ("due_missing", facts.due is None),
        ("returned_in_future", returned is not None and returned.day > export_day),
        ("applicant_missing", not facts.name),
    )


def _applicant_name(cell: object) -> str:
    """The name without what could be an id number or a phone, at most 200 characters."""
    return tidy(without_numbers(text_of(cell)))[:NAME_LENGTH]
