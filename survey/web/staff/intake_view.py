"""View models of the intake pages: figures of an upload, and the progress of its import."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import Session

from survey.errors import SurveyError
from survey.intake.error_file import NO_RECORDS
from survey.intake.register import import_counts
from survey.intake.wording import FIELD_NAMES, REASONS
from survey.models.intake import Upload
from survey.models.job import Job, JobState
from survey.wording import SENTENCES, words_for

DUPLICATES = ("same_row_again", "same_code_again", "unchanged")
# Notes on accepted rows; those that decide about an invitation come first.
NOTES = (
    *("updated", "phone_missing", "phone_invalid", "phone_landline", "phone_foreign"),
    *("not_returned", "returned_in_future", "status_without_return_date", "phone_old_prefix"),
    *("due_missing", "applicant_missing", "matched_by_name", "agency_alias"),
    *("name_in_both_eras", "code_date_differs", "code_cleaned"),
    *("stage_unread", "first_due_unread", "supplement_unread", "extension_unread"),
    *("applicant_kind_unread", "return_unread", "receiving_agency_unread"),
)
# Symbol and colour of a state, the same as for statuses of figures.
STATES = {
    "tried": ("uncertain", "◐", _("Chờ xác nhận")),
    "waiting": ("", "◌", _("Chờ đến lượt")),
    "running": ("", "◌", _("Đang nạp")),
    "done": ("met", "●", _("Đã nạp")),
    "failed": ("not_met", "▼", _("Chưa nạp được")),
}

DELIMITERS = {",": _("dấu phẩy"), ";": _("dấu chấm phẩy"), "\t": _("dấu tab")}
SHOWN_PROBLEMS = 20

Lines = list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class State:
    """State of an upload: suffix of the CSS class, symbol, label."""

    style: str
    sign: str
    words: str


@dataclass(frozen=True, slots=True)
class Work:
    """The import of an upload: not requested, waiting, running, done, or failed with its reason."""

    is_done: bool = False
    is_waiting: bool = False
    is_running: bool = False
    done: int = 0
    total: int = 0
    fault: str = ""

    @property
    def is_under_way(self) -> bool:
        """Whether the import waits or runs."""
        return self.is_waiting or self.is_running


@dataclass(frozen=True, slots=True)
class Figures:
    """The rows of a file: `rows` is the sum of the other four; lines are (sentence, rows)."""

    rows: int
    accepted: int
    duplicate: int
    wrong: int
    no_records: int
    why_wrong: Lines
    why_duplicate: Lines
    why_no_records: Lines
    notes: Lines
    in_future: int

    @classmethod
    def of(cls, session: Session, upload: Upload) -> Self:
        """Figures of the import if there was one, else of the dry run."""
        if upload.run_id is None:
            facts = upload.recognised
            return cls._from(facts["outcomes"], Counter(facts["reasons"]))
        counts = import_counts(session, upload.run_id)
        return cls._from(counts.outcomes, counts.reasons)

    @classmethod
    def _from(cls, outcomes: Mapping[str, int], reasons: Counter[str]) -> Self:
        known = {*NO_RECORDS, *DUPLICATES, *NOTES}
        no_records = sum(reasons[reason] for reason in NO_RECORDS)
        return cls(
            rows=sum(outcomes.values()),
            accepted=outcomes.get("accepted", 0),
            duplicate=outcomes.get("duplicate", 0),
            wrong=outcomes.get("rejected", 0) - no_records,
            no_records=no_records,
            why_wrong=_lines(
                reasons, [one for one, _ in reasons.most_common() if one not in known]
            ),
            why_duplicate=_lines(reasons, DUPLICATES),
            why_no_records=_lines(reasons, sorted(NO_RECORDS)),
            notes=_lines(reasons, NOTES),
            in_future=reasons["received_in_future"],
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file was understood.

    (heading, field) pairs, the heading of an id column, unused headings, and (row, heading,
    sentence) of the first rejected rows.
    """

    used: list[tuple[str, str]]
    dropped: list[str]
    ignored: list[str]
    delimiter: str
    problems: list[tuple[int, str, str]]

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """As stored when the file was uploaded."""
        facts = upload.recognised
        never = FIELD_NAMES["id_number_drop"]
        return cls(
            used=[
                (name, gettext(field))
                for name, field in facts["columns"]
                if field not in ("", never)
            ],
            dropped=[name for name, field in facts["columns"] if field == never],
            ignored=[name for name, field in facts["columns"] if name and not field],
            delimiter=DELIMITERS[facts["dialect"][1]] if facts["dialect"] else "",
            problems=[
                (row, heading, gettext(REASONS.get(reason, reason)))
                for row, heading, reason in facts["problems"][:SHOWN_PROBLEMS]
            ],
        )


def work_of(upload: Upload, job: Job | None) -> Work:
    """The import by an upload's newest job; an upload with a run is done in any case."""
    if upload.run_id is not None:
        return Work(is_done=True)
    if job is None:
        return Work()
    return Work(
        is_waiting=job.state == JobState.WAITING,
        is_running=job.state == JobState.RUNNING,
        done=job.progress,
        total=job.total,
        fault=_fault(job.error) if job.state == JobState.FAILED else "",
    )


def state_of(work: Work) -> State:
    """CSS class, symbol and label of an upload's state."""
    if work.is_done:
        return State(*STATES["done"])
    if work.fault:
        return State(*STATES["failed"])
    if work.is_under_way:
        return State(*STATES["running" if work.is_running else "waiting"])
    return State(*STATES["tried"])


def _lines(reasons: Mapping[str, int], wanted: Iterable[str]) -> Lines:
    return [(gettext(REASONS.get(one, one)), reasons[one]) for one in wanted if reasons.get(one)]


def _fault(code: str) -> str:
    is_explained = code in SENTENCES and "{detail}" not in SENTENCES[code]
    return words_for(SurveyError(code)) if is_explained else gettext("Mã lỗi: %(code)s.", code=code)
