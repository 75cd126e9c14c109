"""Cases: answers that hotline handlers work on.

Subject and state of a case are encrypted as one record, so that a stolen database reveals neither
whose answer it is about nor when anything happened. Contact data are stored only if the citizen
wishes to be called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar

import structlog
from sqlalchemy import BigInteger, CheckConstraint, Index, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey.crypto.reasons import RANDOM
from survey.crypto.sealed import BlindIndex, Json, Packed, Sealed
from survey.db import Base
from survey.errors import Refused
from survey.models.operator_alert import unordered_id
from survey.period import Month

# Records are padded to this size: their length would reveal how far a case has come.
RECORD_BYTES = 1024
# Advisory lock: exclusive for shuffling all cases, shared for changing one, because shuffling
# rewrites its row.
ORDER_LOCK = "case order"
# Timelines are padded to a multiple of this size, for the reason given for records.
TIMELINE_BYTES = 2048
# Contact data are padded to this size: the length of a name would lead to the dossier whose
# encrypted name is as long. The longest name that an import accepts, 200 characters, fits.
CONTACT_BYTES = 1024

log = structlog.get_logger()
Read = TypeVar("Read")


class CaseReason(StrEnum):
    """Why a case was opened: the most serious of the reasons that apply."""

    GRAVE_WORDS = "grave_words"
    CALL_BACK_WISH = "call_back_wish"
    VERY_BAD_RATING = "very_bad_rating"


class CaseState(StrEnum):
    """State of a case; CASE_STEPS holds the allowed transitions."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    REPLIED = "replied"
    REOPENED = "reopened"
    CLOSED = "closed"


CASE_STEPS: dict[CaseState, frozenset[CaseState]] = {
    CaseState.NEW: frozenset({CaseState.IN_PROGRESS, CaseState.CLOSED}),
    CaseState.IN_PROGRESS: frozenset({CaseState.REPLIED, CaseState.CLOSED}),
    CaseState.REPLIED: frozenset({CaseState.IN_PROGRESS, CaseState.REOPENED, CaseState.CLOSED}),
    CaseState.REOPENED: frozenset({CaseState.IN_PROGRESS, CaseState.CLOSED}),
    CaseState.CLOSED: frozenset({CaseState.REOPENED}),
}


class CloseReason(StrEnum):
    """Why a case was closed."""

    RESOLVED = "resolved"
    EXPLAINED = "explained"
    TRANSFERRED = "transferred"
    UNREACHABLE = "unreachable"
    NOT_A_COMPLAINT = "not_a_complaint"


class EventKind(StrEnum):
    """Kind of a timeline entry."""

    OPENED = "opened"
    TAKEN = "taken"
    NOTED = "noted"
    POSTPONED = "postponed"
    REPLIED = "replied"
    CLOSED = "closed"
    REOPENED = "reopened"
    REVEALED = "revealed"
    HELD = "held"
    RELEASED = "released"
    CITIZEN_ADDED = "citizen_added"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """Subject, state, deadlines and timestamps of a case.

    ValueError if state, closing time and close reason contradict one another, or if a case is held
    without `held_words`.
    """

    # Key of the ballot it is about, in hex; None after the ballot was repudiated.
    ballot_key: str | None
    agency_id: int
    sector_code: str
    reason: str
    # Version of the list of grave words with which the comment was searched.
    words_version: int
    state: str = CaseState.NEW
    assignee_id: int | None = None
    # The exact instant only if the citizen wishes to be called; otherwise local midnight of the
    # day, so that it does not reveal when the citizen answered.
    opened_at: datetime
    # When it was opened or last reopened, in the same precision: the clocks run from here.
    began_at: datetime
    # Deadlines in working hours: first reaction, written reply.
    first_due_at: datetime
    due_at: datetime
    # Whether the deadline of the reply was postponed; allowed once, and once more after reopening.
    is_postponed: bool = False
    first_reaction_at: datetime | None = None
    replied_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None
    # Whether the citizen has had it reopened, which is allowed once.
    is_reopened: bool = False
    # Whether it is withheld from the agency it is about, because of grave words, until the hotline
    # releases it.
    is_held: bool = False
    # Digest of the comment for which it was last held: after its release the same words do not
    # hold it again.
    held_words: str = ""

    def __post_init__(self) -> None:
        """Restate what must hold, as a table's CHECK would."""
        is_closed = self.state == CaseState.CLOSED
        if is_closed != (self.closed_at is not None) or (is_closed and not self.close_reason):
            message = "a case is closed at an instant and for a reason, or is not closed"
            raise ValueError(message)
        if self.is_held and not self.held_words:
            message = "a case is held for certain words"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """An entry of a case's timeline; never changed.

    `at`: for acts of the citizen in the precision of `CaseRecord.opened_at`. `staff_id`: None for
    the citizen and the platform. `text`: the citizen reads that of replies and closings. `reason`:
    CloseReason of a closing, else empty. `receiver`: to whom a closed case was transferred, else
    empty. `number`: position in the timeline from 1; 0 until the entry is added. ValueError if
    kind, reason and receiver contradict one another.
    """

    at: datetime
    staff_id: int | None
    kind: str
    text: str = ""
    reason: str = ""
    receiver: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        """Restate what must hold, as a table's CHECK would."""
        if (self.kind == EventKind.CLOSED) != (self.reason in set(CloseReason)):
            message = "a closing has one of the reasons, and nothing else has any"
            raise ValueError(message)
        if (self.reason == CloseReason.TRANSFERRED) != bool(self.receiver):
            message = "what is transferred has a receiver, and nothing else has any"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class ContactWish:
    """A citizen's wish to be called: phone number (E.164), name (may be empty), dossier code."""

    phone_e164: str
    name: str
    dossier_code: str


def _indexed_text(case: "Case", record: CaseRecord) -> str:
    return record.ballot_key or case.code


def _number_to_call(_case: object, wish: ContactWish) -> str:
    return wish.phone_e164


class Case(Base):
    """An answer that a person must handle, with two deadlines in working hours.

    No column in clear leads to the answer, to its agency or to a time finer than the month.
    """

    __tablename__ = "case"
    __table_args__ = (
        CheckConstraint("(contact_index IS NULL) = (contact_sealed IS NULL)", name="contact_pair"),
        # Every list needs the revisions of all cases in work; this covering index avoids reading
        # the rows.
        Index("ix_case_in_work", "is_archived", "month", "revision"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    # Code that citizens and staff quote, such as PA7F3K2Q.
    code: Mapped[str] = mapped_column(String(8), unique=True)
    # Blind index of the ballot's key: it leads from an answer to its case, never from a case to its
    # answer. After the ballot was repudiated it is the index of the code, because NULL would reveal
    # the repudiation.
    answer_hash: Mapped[bytes] = mapped_column(unique=True)
    # Local month (YYYY-MM) in which it was opened.
    month: Mapped[Month] = mapped_column()
    # Closed long ago and therefore in no list of cases in work.
    is_archived: Mapped[bool] = mapped_column(default=False)
    record_sealed: Mapped[bytes]
    record = Sealed[CaseRecord](
        Json(CaseRecord, RECORD_BYTES),
        row=("code",),
        index=BlindIndex("answer_hash", _indexed_text),
        quoted=True,
    )
    # Timeline entries in order of time, with their texts.
    timeline_sealed: Mapped[bytes] = mapped_column(deferred=True)
    timeline = Sealed[tuple[CaseEvent, ...]](
        Packed(tuple[CaseEvent, ...], TIMELINE_BYTES), row=("code",), quoted=True
    )
    # Whom to call, encrypted as one value; NULL unless the citizen wishes to be called.
    contact_sealed: Mapped[bytes | None]
    # Blind index of the phone number in it.
    contact_index: Mapped[bytes | None]
    contact = Sealed[ContactWish | None](
        Json(ContactWish, CONTACT_BYTES),
        row=("code",),
        index=BlindIndex("contact_index", _number_to_call),
    )
    # Version of the optimistic lock: saving an outdated case raises StaleDataError, so no change is
    # lost. Each change draws a random number, because a counter would reveal how much was done.
    revision: Mapped[int] = mapped_column(BigInteger)

    __mapper_args__ = {  # noqa: RUF012
        "version_id_col": revision,
        "version_id_generator": lambda _before: unordered_id(),
    }

    __clear__: ClassVar = {
        RANDOM: "id code revision",
        "shared with all cases of a month, and with all that ended long ago": "month is_archived",
    }


def in_work() -> Select[Case]:
    """The query for all cases that are not archived; it includes every open case."""
    return select(Case).where(Case.is_archived.is_(False))


def case_of(session: Session, key: bytes) -> Select[Case]:
    """The query for the case of a ballot, by the ballot's key; at most one row."""
    return select(Case).where(Case.record.holds(session, key.hex()))


def check_words(events: Sequence[CaseEvent]) -> None:
    """Check that each closing has a text for the citizen, or follows a reply with one.

    The reply must be later than the last opening or reopening. Otherwise ValueError.
    """
    is_answered = False
    for one in events:
        if one.kind in {EventKind.OPENED, EventKind.REOPENED}:
            is_answered = False
        is_answered = is_answered or (one.kind == EventKind.REPLIED and bool(one.text))
        if one.kind == EventKind.CLOSED and not (one.text or is_answered):
            message = "a case is closed with words for the citizen"
            raise ValueError(message)


def if_it_opens(case: Case, part: Sealed[Read]) -> Read | None:
    """Decrypt the record or timeline of a case; None, with an error in the log, if it is damaged.

    So one damaged case does not stop a list, a report or a nightly job on all others.
    """
    return _read_or_log(case.code, lambda: part.read(case))


def record_if_it_opens(session: Session, code: str, sealed: bytes) -> CaseRecord | None:
    """Decrypt the record of a case from its column, for lists; None as for `if_it_opens`."""
    return _read_or_log(code, lambda: Case.record.decrypt(session, code, sealed))


def _read_or_log(code: str, read: Callable[[], Read]) -> Read | None:
    try:
        return read()
    except Refused as refused:
        fault = refused
    log.error("case.does_not_open", case=code, fault=fault.code)
    return None
