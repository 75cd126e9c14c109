"""Cases: what hotline handlers work on. What a case is about and where it stands is sealed as one,
so that a stolen database tells neither whose answer it is nor when anything happened.

Contact data stand here only if the citizen wished it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import structlog
from sqlalchemy import BigInteger, CheckConstraint, Index, Select, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey import sealing
from survey.db import Base
from survey.errors import Refused
from survey.models.alert import unordered_id

# All standings are sealed at this length, and timelines at a multiple of the other: a length would
# tell how far a case has come.
STANDING_BYTES = 1024
TIMELINE_BYTES = 2048

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
class CaseStanding:
    """What a case is about and where it stands. ValueError when closing and its reason disagree."""

    # The answer it is about, None once that was disowned; and its newest version of which the
    # timeline tells, so a repeat adds nothing.
    response_id: str | None
    answer_version: int = 1
    agency_id: int
    sector_code: str
    reason: str
    # Version of the word list that judged the comment.
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


_NAMES = tuple(one.name for one in fields(CaseStanding))
_MOMENTS = frozenset(one.name for one in fields(CaseStanding) if one.name.endswith("_at"))


class Case(Base):
    """One answer that needs a person, with two clocks in working hours.

    Nothing here in clear leads to the answer, its agency or a time but the month.
    """

    __tablename__ = "case"
    __table_args__ = (
        CheckConstraint(
            "contact_index IS NULL OR contact_phone_sealed IS NOT NULL", name="contact_pair"
        ),
        Index("ix_case_is_filed_away_month", "is_filed_away", "month"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    # What citizens and staff quote, such as PA7F3K2Q; also the row's name in sealed values.
    code: Mapped[str] = mapped_column(String(8), unique=True)
    # Keyed hash of the answer's id: the case of an answer is found, never the answer of a case.
    # Once that was disowned, of the code: an empty one would tell of it.
    answer_hash: Mapped[bytes] = mapped_column(unique=True)
    # Local month (YYYY-MM) in which it was opened.
    month: Mapped[str] = mapped_column(String(7))
    # Closed long ago: no list of work looks at it any more.
    is_filed_away: Mapped[bool] = mapped_column(default=False)
    # CaseStanding, and the timeline with all that was written.
    standing_sealed: Mapped[bytes]
    timeline_sealed: Mapped[bytes] = mapped_column(deferred=True)
    # Only with the citizen's wish: number to call, its keyed hash, name and dossier.
    contact_phone_sealed: Mapped[bytes | None]
    contact_index: Mapped[bytes | None]
    contact_name_sealed: Mapped[bytes | None]
    contact_dossier_code: Mapped[str | None] = mapped_column(String(40))
    # Drawn anew by every change: who saves an old version is told, nothing is lost, and no number
    # grows that would tell how much was done.
    revision: Mapped[int] = mapped_column(BigInteger)

    __mapper_args__ = {  # noqa: RUF012
        "version_id_col": revision,
        "version_id_generator": lambda _before: unordered_id(),
    }

    def standing(self, session: Session) -> CaseStanding:
        """What it is about and where it stands."""
        return open_standing(session, self.code, self.standing_sealed)

    def keep(self, session: Session, standing: CaseStanding) -> None:
        """Seal where it stands from now on."""
        self.standing_sealed = sealing.seal_bytes(
            session, "case.standing", self.code, _pack_standing(standing)
        )
        self.answer_hash = sealing.case_hash(session, standing.response_id or self.code)

    def events(self, session: Session) -> tuple[CaseEvent, ...]:
        """Its timeline, in the order of what happened."""
        return open_events(session, self.code, self.timeline_sealed)

    def keep_events(self, session: Session, events: Sequence[CaseEvent]) -> None:
        """Seal its timeline. ValueError for a closing that leaves the citizen without words."""
        _check_words(events)
        self.timeline_sealed = sealing.seal_bytes(
            session, "case.timeline", self.code, _pack_events(events)
        )


def in_work() -> Select[Case]:
    """The query of all cases that were not filed away: every open one is among them."""
    return select(Case).where(Case.is_filed_away.is_(False))


def case_of(session: Session, response_id: str) -> Select[Case]:
    """The query of the one case of an answer."""
    return select(Case).where(Case.answer_hash.in_(sealing.case_hashes(session, response_id)))


def open_standing(session: Session, code: str, sealed: bytes) -> CaseStanding:
    """The standing of the case with this code; Refused, with the code, when it was moved or changed
    or needs a key that is not there.
    """
    packed: dict[str, Any] = json.loads(_unseal(session, "case.standing", code, sealed))
    for name in _MOMENTS:
        if packed[name] is not None:
            packed[name] = datetime.fromisoformat(packed[name])
    return CaseStanding(**packed)


def open_events(session: Session, code: str, sealed: bytes) -> tuple[CaseEvent, ...]:
    """The timeline of the case with this code; Refused as `open_standing` is."""
    packed = _unseal(session, "case.timeline", code, sealed)
    rows = json.loads(sealing.unpadded(packed))
    return tuple(
        CaseEvent(datetime.fromisoformat(at), staff_id, kind, text, reason, receiver, number)
        for number, (at, staff_id, kind, text, reason, receiver) in enumerate(rows, 1)
    )


def if_it_opens(read: Callable[[Session], Read], session: Session) -> Read | None:
    """What `standing` or `events` of a case give; None, told in the log, if it does not open.

    One damaged case must not stop a list, a report or the night's work on all others.
    """
    try:
        return read(session)
    except Refused as refused:
        fault = refused
    log.error("case.does_not_open", case=fault.detail, fault=fault.code)
    return None


def _unseal(session: Session, place: str, code: str, sealed: bytes) -> bytes:
    try:
        return sealing.unseal_bytes(session, place, code, sealed)
    except Refused as refused:
        raise Refused(refused.code, code) from refused


def _pack_standing(standing: CaseStanding) -> bytes:
    values = {name: getattr(standing, name) for name in _NAMES}
    packed = json.dumps(values, default=_in_utc, separators=(",", ":")).encode()
    if len(packed) > STANDING_BYTES:
        message = f"a standing of {len(packed)} bytes does not fit"
        raise ValueError(message)
    return packed.ljust(STANDING_BYTES)


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _check_words(events: Sequence[CaseEvent]) -> None:
    """Every closing says something to the citizen, unless a reply since the last opening did."""
    is_answered = False
    for one in events:
        if one.kind in {EventKind.OPENED, EventKind.REOPENED}:
            is_answered = False
        is_answered = is_answered or (one.kind == EventKind.REPLIED and bool(one.text))
        if one.kind == EventKind.CLOSED and not (one.text or is_answered):
            message = "a case is closed with words for the citizen"
            raise ValueError(message)


def _pack_events(events: Sequence[CaseEvent]) -> bytes:
    rows = [
        [_in_utc(one.at), one.staff_id, one.kind, one.text, one.reason, one.receiver]
        for one in events
    ]
    return sealing.padded(json.dumps(rows, ensure_ascii=False).encode(), TIMELINE_BYTES)
