"""Optional columns of a dossier: stage, supplement, extension, officer, applicant, return.

Nothing here rejects a row: a cell that cannot be parsed is left out, with a warning.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache

from survey.dossiers import (
    DossierFacts,
    ExtensionFacts,
    OfficerFacts,
    StageFacts,
    SupplementFacts,
    Timestamp,
)
from survey.intake.catalogue import Catalogue
from survey.intake.columns import Header
from survey.intake.dates import read_timestamp
from survey.intake.folding import bare, fold, tidy
from survey.intake.structure import text_of
from survey.models.dossier import ApplicantKind
from survey.models.stage import STAGE_NAMES, Stage
from survey.privacy.masking import without_numbers

NAME_LENGTH, CODE_LENGTH, WORDS_LENGTH = 200, 60, 2000
CACHED = 4096
FIELDS = (
    *("status", "stage_at", "first_due_at", "officer", "officer_code", "applicant_kind"),
    *("return_channel", "receiving_agency", "supplement_at", "supplement_text"),
    *("supplement_by", "supplement_old_due", "supplement_new_due", "extension_letter_at"),
    *("extension_new_due", "extension_reason", "extension_signer"),
)
_NAMES = {bare(name): stage for stage, name in STAGE_NAMES.items()}
_CODES = {form: stage for stage in Stage for form in (str(int(stage)), f"{stage:02d}")}
_NOT_YET = re.compile(r"\bchua\b")
# Words of one-stop software for the stages; the first entry that matches decides.
_MARKS: tuple[tuple[Stage, tuple[str, ...]], ...] = (
    (Stage.IN_WORK, ("da bo sung", "da nop bo sung", "da nop phi", "da thanh toan")),
    (Stage.NOT_RECEIVED, ("khong tiep nhan", "khong duoc tiep nhan", "tu choi tiep nhan")),
    (Stage.WITHDRAWAL_ASKED, ("rut ho so", "xin rut", "da rut", "yeu cau rut", "cong dan rut")),
    (Stage.STOPPED, ("tra lai ho so", "da tra lai")),
    (Stage.RETURNED, ("da tra ket qua", "da tra", "da nhan ket qua")),
    (Stage.SUPPLEMENT_ASKED, ("bo sung",)),
    (Stage.FEE_ASKED, ("nghia vu tai chinh", "cho nop phi", "cho thanh toan", "nop thue")),
    (
        Stage.STOPPED,
        (
            *("dung xu ly", "dung giai quyet", "tam dung", "tu choi", "khong du dieu kien"),
            *("khong giai quyet", "tra lai", "da huy"),
        ),
    ),
    (
        Stage.READY,
        (
            *("da xu ly xong", "da hoan thanh", "hoan thanh", "da giai quyet", "da ket thuc"),
            *("da co ket qua", "cho tra", "cho nhan ket qua"),
        ),
    ),
    (Stage.REGISTERED, ("moi dang ky", "moi nop", "cho tiep nhan", "dang ky moi")),
    (Stage.RECEIVED, ("da tiep nhan", "duoc tiep nhan", "moi tiep nhan")),
    (
        Stage.IN_WORK,
        (
            *("dang xu ly", "dang giai quyet", "dang thu ly", "dang tham dinh", "dang thuc hien"),
            *("cho phe duyet", "cho ky", "trinh ky", "cho xu ly", "dang trinh"),
        ),
    ),
)
_KINDS = (
    (ApplicantKind.BUSINESS, ("doanh nghiep", "to chuc", "cong ty", "hop tac xa")),
    (ApplicantKind.CITIZEN, ("cong dan", "ca nhan", "nguoi dan", "ho gia dinh")),
)
_KIND_CODES = {"1": ApplicantKind.CITIZEN, "2": ApplicantKind.BUSINESS}
_RETURNS = (
    ("post", ("buu chinh", "bcci", "buu dien", "tai nha")),
    ("online", ("truc tuyen", "dien tu", "qua mang", "ban mem")),
    ("counter", ("truc tiep", "mot cua", "tai quay", "trung tam phuc vu", "noi nop")),
)

Cell = Callable[[str], object]


class ProgressReader:
    """Reads these columns in the rows of one file, as far as it has them."""

    def __init__(self, header: Header, catalogue: Catalogue, export_day: date) -> None:
        """`export_day`: the day on which stages without a date were observed."""
        self.has_columns = not header.columns.keys().isdisjoint(FIELDS)
        self._catalogue = catalogue
        self._seen = Timestamp(export_day)

    def add(self, facts: DossierFacts, cell: Cell) -> tuple[DossierFacts, tuple[str, ...]]:
        """Add these columns to the facts of a row; also returns warnings about unreadable cells.

        `cell` returns the cell of a field, blank if there is none.
        """
        warnings: list[str] = []
        receiving = self._receiving_agency(cell, facts.received.day, warnings)
        more = facts._replace(
            stage=self._stage(cell, warnings),
            first_due=_timestamp(cell("first_due_at"), "first_due_unread", warnings),
            applicant_kind=_word(
                cell("applicant_kind"), kind_of, "applicant_kind_unread", warnings
            ),
            return_channel=_word(cell("return_channel"), return_of, "return_unread", warnings),
            receiving_agency_id=receiving if receiving != facts.agency_id else None,
            officer=_officer(cell),
            supplements=_supplements(cell, warnings),
            extensions=_extensions(cell, warnings),
        )
        return more, tuple(warnings)

    def _stage(self, cell: Cell, warnings: list[str]) -> StageFacts | None:
        text = text_of(cell("status"))
        if not tidy(text):
            return None
        stage = stage_of(text)
        if stage is None:
            warnings.append("stage_unread")
            return None
        at = _timestamp(cell("stage_at"), "stage_unread", warnings)
        if at is not None and at.day > self._seen.day:  # an error; it would block later stages
            warnings.append("stage_unread")
            at = None
        return StageFacts(stage, self._seen, is_seen=True) if at is None else StageFacts(stage, at)

    def _receiving_agency(self, cell: Cell, day: date, warnings: list[str]) -> int | None:
        """The id of the only agency of that name on that day, else None with a warning."""
        text = text_of(cell("receiving_agency"))
        if not tidy(text):
            return None
        named = self._catalogue.agencies_by_name.get(fold(text), ())
        found = [agency for agency in named if agency.is_valid_on(day)]
        if len(found) == 1:
            return found[0].id
        warnings.append("receiving_agency_unread")
        return None


@lru_cache(CACHED)
def stage_of(text: str) -> Stage | None:
    """The stage of a status, by its national code or its words; None if unknown."""
    words = bare(text).rstrip(" .")
    if words in _CODES:
        return _CODES[words]
    if words in _NAMES:
        return _NAMES[words]
    if _NOT_YET.search(words):  # "chưa hoàn thành" does not name the current stage
        return None
    return next((stage for stage, marks in _MARKS if any(mark in words for mark in marks)), None)


@lru_cache(CACHED)
def kind_of(text: str) -> str:
    """Citizen or business, by words or the codes of the national feed; empty if unknown."""
    words = bare(text)
    found = (kind for kind, marks in _KINDS if any(mark in words for mark in marks))
    return _KIND_CODES.get(words) or next(found, "")


@lru_cache(CACHED)
def return_of(text: str) -> str:
    """How the result is returned: counter, online or post; empty if unknown."""
    words = bare(text)
    found = (way for way, marks in _RETURNS if any(mark in words for mark in marks))
    return next(found, "")


@lru_cache(CACHED)
def _read(cell: object) -> Timestamp | None:
    return read_timestamp(cell)


def _is_blank(cell: object) -> bool:
    return not cell or (isinstance(cell, str) and not tidy(cell))


def _timestamp(cell: object, warning: str, warnings: list[str]) -> Timestamp | None:
    """The timestamp of a cell; a warning if it contains something else."""
    if _is_blank(cell):
        return None
    timestamp = _read(cell)
    if timestamp is None and warning not in warnings:
        warnings.append(warning)
    return timestamp


def _word(cell: object, meaning: Callable[[str], str], warning: str, warnings: list[str]) -> str:
    text = text_of(cell)
    if not tidy(text):
        return ""
    found = meaning(text)
    if not found:
        warnings.append(warning)
    return found


def _words(cell: object, length: int) -> str:
    """Free text without digits that could be an id number or a phone."""
    return tidy(without_numbers(text_of(cell)))[:length].strip()


def _officer(cell: Cell) -> OfficerFacts | None:
    """The officer, identified by code, or by name if there is no usable code."""
    name = _words(cell("officer"), NAME_LENGTH)
    given = tidy(text_of(cell("officer_code")))
    # In some software the code is the officer's id number or phone, which must not be stored.
    code = given if given and without_numbers(given) == given else name
    return OfficerFacts(code[:CODE_LENGTH].strip(), name) if code else None


def _supplements(cell: Cell, warnings: list[str]) -> tuple[SupplementFacts, ...]:
    asked = _timestamp(cell("supplement_at"), "supplement_unread", warnings)
    text = _words(cell("supplement_text"), WORDS_LENGTH)
    if asked is None:
        if text and "supplement_unread" not in warnings:
            warnings.append("supplement_unread")
        return ()
    return (
        SupplementFacts(
            asked,
            text=text,
            asked_by=_words(cell("supplement_by"), NAME_LENGTH),
            old_due=_timestamp(cell("supplement_old_due"), "supplement_unread", warnings),
            new_due=_timestamp(cell("supplement_new_due"), "supplement_unread", warnings),
        ),
    )


def _extensions(cell: Cell, warnings: list[str]) -> tuple[ExtensionFacts, ...]:
    letter = _timestamp(cell("extension_letter_at"), "extension_unread", warnings)
    new_due = _timestamp(cell("extension_new_due"), "extension_unread", warnings)
    if new_due is None:
        if letter is not None and "extension_unread" not in warnings:
            warnings.append("extension_unread")
        return ()
    return (
        ExtensionFacts(
            new_due,
            letter=letter,
            reason=_words(cell("extension_reason"), WORDS_LENGTH),
            signer=_words(cell("extension_signer"), NAME_LENGTH),
        ),
    )
