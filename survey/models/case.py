"""Cases: what hotline handlers work on. Contact data stand here only if the citizen wished it.

Keys are random and, on SQLite, rows have no number: a case without that wish tells no order and,
of what its citizen did, the day alone, so nothing can be laid beside the times of messages.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.db import Base, one_of
from survey.models.alert import Alert, unordered_id
from survey.models.organisation import Agency, Sector
from survey.models.staff import Staff


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
    CITIZEN_ADDED = "citizen_added"


class Case(Base):
    """One answer that needs a person, with two clocks in working hours."""

    __tablename__ = "case"
    __table_args__ = (
        one_of("reason", CaseReason),
        one_of("state", CaseState),
        one_of("close_reason", CloseReason),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("closed_at IS NULL OR close_reason IS NOT NULL", name="close_reason_given"),
        CheckConstraint("reopened BETWEEN 0 AND 1", name="reopened_once"),
        CheckConstraint("postponed BETWEEN 0 AND 1", name="postponed_once"),
        CheckConstraint(
            "contact_index IS NULL OR contact_phone_sealed IS NOT NULL", name="contact_pair"
        ),
        Index("ix_case_state_due_at", "state", "due_at"),
        Index("ix_case_agency_id_state", "agency_id", "state"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, default=unordered_id
    )
    # What citizens and staff quote, such as PA7F3K2Q; also the row's name in sealed values.
    code: Mapped[str] = mapped_column(String(8), unique=True)
    # The answer it is about; that leads to a cell, not to a dossier.
    response_id: Mapped[str | None] = mapped_column(ForeignKey("response.id"), unique=True)
    # Newest version of that answer the timeline tells of, so a repeat adds nothing.
    answer_version: Mapped[int] = mapped_column(default=1)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    sector_code: Mapped[str] = mapped_column(ForeignKey("sector.code"))
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"), index=True)
    reason: Mapped[str] = mapped_column(String(20))
    # Version of the word list that judged the comment.
    words_version: Mapped[int]
    state: Mapped[str] = mapped_column(String(12), default=CaseState.NEW)
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"), index=True)
    # Local midnight of the day, or the instant where the citizen wished to be called.
    opened_at: Mapped[datetime] = mapped_column(index=True)
    # Deadlines of the first reaction and of the written reply, in working hours.
    first_due_at: Mapped[datetime]
    due_at: Mapped[datetime]
    # Whether the second deadline was put off: once until the case is opened again.
    postponed: Mapped[int] = mapped_column(default=0)
    first_reaction_at: Mapped[datetime | None]
    replied_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(String(20))
    # The written reply the citizen reads on the page of the link.
    reply: Mapped[str | None] = mapped_column(Text)
    # A citizen may reopen once.
    reopened: Mapped[int] = mapped_column(default=0)
    # Only with the citizen's wish: number to call, its keyed hash, name and dossier.
    contact_phone_sealed: Mapped[bytes | None]
    contact_index: Mapped[bytes | None]
    contact_name_sealed: Mapped[bytes | None]
    contact_dossier_code: Mapped[str | None] = mapped_column(String(40))
    # Raised by every change: who saves an old version is told, nothing is lost.
    revision: Mapped[int] = mapped_column(default=1)

    agency: Mapped[Agency] = relationship()
    sector: Mapped[Sector] = relationship()
    alert: Mapped[Alert | None] = relationship()
    assignee: Mapped[Staff | None] = relationship()
    events: Mapped[list["CaseEvent"]] = relationship(
        order_by="CaseEvent.number", back_populates="case"
    )

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012


class CaseEvent(Base):
    """One step of a case's timeline; never changed."""

    __tablename__ = "case_event"
    __table_args__ = (
        one_of("kind", EventKind),
        CheckConstraint("number >= 1", name="number"),
        Index("ix_case_event_staff_id_kind_at", "staff_id", "kind", "at"),
        {"sqlite_with_rowid": False},
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), primary_key=True)
    # From 1 within its case: a number over all cases would tell the order of answers.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # For what the citizen did: as `opened_at`.
    at: Mapped[datetime]
    # Empty: the citizen or the platform itself.
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str] = mapped_column(String(15))
    text: Mapped[str] = mapped_column(Text, default="")

    case: Mapped[Case] = relationship(back_populates="events")
    staff: Mapped[Staff | None] = relationship()
