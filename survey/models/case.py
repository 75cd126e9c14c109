"""Cases: what hotline handlers work on. What a case is about and where it stands is encrypted as
one, so that a stolen database shows neither whose answer it is nor when anything happened.

Contact data stand here only if the citizen wished it.
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

# All records have this length, and timelines a multiple of the other: a length would reveal how far
# a case has come.
RECORD_BYTES = 1024
# Advisory lock of shuffling all cases; who changes one shares it, since its row is rewritten.
ORDER_LOCK = "case order"
TIMELINE_BYTES = 2048
# Contact data of all cases have this length: a name's would lead to the dossier whose encrypted
# name is as long. It holds the longest name that an import takes, 200 characters.
CONTACT_BYTES = 1024

log = structlog.get_logger()
Read = TypeVar("Read")


class CaseReason(StrEnum):
    """What opened a case: the most serious of what applies."""

    GRAVE_WORDS = "grave_words"
    CALL_BACK_WISH = "call_back_wish"
    VERY_BAD_RATING = "very_bad_rating"


class CaseState(StrEnum):
    """Where a case stands; the allowed steps are in CASE_STEPS."""

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
    """What happened in a case."""

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
    """What a case is about and where it stands. ValueError when closing and its reason disagree."""

    # Key of the ballot it is about, in hex; None once that was repudiated.
    ballot_key: str | None
    agency_id: int
    sector_code: str
    reason: str
    # Version of the word list that the comment was searched with.
    words_version: int
    state: str = CaseState.NEW
    assignee_id: int | None = None
    # Local midnight of the day, or the instant where the citizen wished to be called; the same of
    # when it last began to run, opened or opened again.
    opened_at: datetime
    began_at: datetime
    # Deadlines of the first reaction and of the written reply, in working hours.
    first_due_at: datetime
    due_at: datetime
    # Whether the second deadline was put off: once until the case is opened again.
    is_postponed: bool = False
    first_reaction_at: datetime | None = None
    replied_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None
    # A citizen may have it opened again once.
    is_reopened: bool = False
    # Closed to the agency it is about, for grave words, until the hotline releases it; and a digest
    # of the comment it was last closed for: released, it is not closed again for the same words.
    is_held: bool = False
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
    """One step of a case's timeline; never changed.

    `at`: for what the citizen did, as `opened_at`. `staff_id` None: the citizen or the platform.
    `text` of a reply or a closing is read by the citizen. `reason`: why it was closed, of a closing
    alone, and `receiver`: to whom it was transferred then. `number`: its place, from 1, once it has
    one.
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
    """A citizen's wish to be called: number (E.164), name (may be empty) and dossier code."""

    phone_e164: str
    name: str
    dossier_code: str


def _indexed_text(case: "Case", record: CaseRecord) -> str:
    return record.ballot_key or case.code


def _number_to_call(_case: object, wish: ContactWish) -> str:
    return wish.phone_e164


class Case(Base):
    """One answer that needs a person, with two clocks in working hours.

    Nothing here in clear leads to the answer, its agency or a time but the month.
    """

    __tablename__ = "case"
    __table_args__ = (
        CheckConstraint("(contact_index IS NULL) = (contact_sealed IS NULL)", name="contact_pair"),
        # Every list asks for the revisions of all cases in work, and so reads this alone.
        Index("ix_case_in_work", "is_archived", "month", "revision"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    # What citizens and staff quote, such as PA7F3K2Q.
    code: Mapped[str] = mapped_column(String(8), unique=True)
    # Of the ballot's key: the case of an answer is found, never the answer of a case. Once that was
    # repudiated, of the code: an empty one would reveal it.
    answer_hash: Mapped[bytes] = mapped_column(unique=True)
    # Local month (YYYY-MM) in which it was opened.
    month: Mapped[Month] = mapped_column()
    # Closed long ago: no list of work looks at it any more.
    is_archived: Mapped[bool] = mapped_column(default=False)
    record_sealed: Mapped[bytes]
    record = Sealed[CaseRecord](
        Json(CaseRecord, RECORD_BYTES),
        row=("code",),
        index=BlindIndex("answer_hash", _indexed_text),
        quoted=True,
    )
    # In the order of what happened, with all that was written.
    timeline_sealed: Mapped[bytes] = mapped_column(deferred=True)
    timeline = Sealed[tuple[CaseEvent, ...]](
        Packed(tuple[CaseEvent, ...], TIMELINE_BYTES), row=("code",), quoted=True
    )
    # Only with the citizen's wish: whom to call, encrypted as one, and the blind index of the
    # number.
    contact_sealed: Mapped[bytes | None]
    contact_index: Mapped[bytes | None]
    contact = Sealed[ContactWish | None](
        Json(ContactWish, CONTACT_BYTES),
        row=("code",),
        index=BlindIndex("contact_index", _number_to_call),
    )
    # Drawn again by every change: whoever saves an old version gets a conflict, nothing is lost,
    # and no number grows that would reveal how much was done.
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
    """The query of all cases that were not filed away: every open one is among them."""
    return select(Case).where(Case.is_archived.is_(False))


def case_of(session: Session, key: bytes) -> Select[Case]:
    """The query of the one case of the ballot under a key."""
    return select(Case).where(Case.record.holds(session, key.hex()))


def check_words(events: Sequence[CaseEvent]) -> None:
    """ValueError unless every closing says something to the citizen, or a reply since the last
    opening did.
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
    """The record or timeline of a case; None, with a line in the log, if it does not open.

    One damaged case must not stop a list, a report or the night's work on all others.
    """
    return _read_or_log(case.code, lambda: part.read(case))


def record_if_it_opens(session: Session, code: str, sealed: bytes) -> CaseRecord | None:
    """The record of a case from its column, where many are listed; None as above."""
    return _read_or_log(code, lambda: Case.record.decrypt(session, code, sealed))


def _read_or_log(code: str, read: Callable[[], Read]) -> Read | None:
    try:
        return read()
    except Refused as refused:
        fault = refused
    log.error("case.does_not_open", case=code, fault=fault.code)
    return None
