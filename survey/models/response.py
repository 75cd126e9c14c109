"""What citizens answered. No row here leads to a dossier, and none keeps a time or an order.

A response is found from the citizen's token alone. Rows have random keys and, on SQLite, no row
number; on
PostgreSQL, where rows lie in the order of writing, `forget_order` lays a cell's rows in a new
random order.
"""

import secrets
from datetime import date
from enum import StrEnum
from typing import ClassVar, NamedTuple

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    func,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from survey.crypto.reasons import COUNTED, RANDOM, WORK
from survey.crypto.sealed import Json, KeyedHash, Sealed, row_name
from survey.db import Base, connection_of, hold, lay_anew, one_of
from survey.models.count import Cell
from survey.models.dossier import Channel, Lateness
from survey.models.questionnaire import Question

SHUFFLED_AT_ONCE = 100
FORM_BYTES = 32
CLOSING_BYTES = 4
RATING = "BETWEEN 1 AND 5"


class Mode(StrEnum):
    """How an answer came in."""

    WEB = "web"
    SMS = "sms"


class Flag(StrEnum):
    """A sign that an answer may not be a citizen's own."""

    TOO_FAST = "too_fast"
    BURST = "burst"
    SAME_EVERYWHERE = "same_everywhere"


class AnswerTally(Base):
    """How many answered to an agency in ten minutes, without saying which or when: the row of the
    only answer of a cell would tell its moment. No rating, no cell, and gone after its day.
    """

    __tablename__ = "answer_tally"
    __table_args__ = (
        CheckConstraint("answers >= 1", name="answers"),
        {"sqlite_with_rowid": False},
    )

    # Keyed hash of agency and ten minutes.
    key: Mapped[bytes] = mapped_column(primary_key=True)
    by_slot = KeyedHash("key")
    # The local day, after which it goes.
    day: Mapped[date]
    answers: Mapped[int]

    __clear__: ClassVar = {WORK: "day answers"}


class Form(NamedTuple):
    """How an answer came in, and to which questionnaire."""

    mode: Mode
    questionnaire_id: int


class Response(Base):
    """One citizen's answer to one invitation: its cell and its key, nothing finer."""

    __tablename__ = "response"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("lateness", Lateness),
        Index("ix_response_month_agency_id_sector_code", "month", "agency_id", "sector_code"),
        {"sqlite_with_rowid": False},
    )

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # HMAC(k2, token), or HMAC(k2, phone ‖ reply code) for an SMS answer.
    key: Mapped[bytes] = mapped_column(unique=True)
    by_token = KeyedHash("key")
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    sector_code: Mapped[str] = mapped_column(ForeignKey("sector.code"))
    month: Mapped[str] = mapped_column(String(7))
    channel: Mapped[str] = mapped_column(String(10))
    lateness: Mapped[str] = mapped_column(String(10))
    # Where a month changes from links to replies, or from one questionnaire to the next, it would
    # part the cells once more.
    form_sealed: Mapped[bytes]
    form = Sealed[Form](Json(Form, FORM_BYTES), row=("id",))
    # Signals seen while answering (too_fast, burst, same_everywhere), joined by ";"; flags never
    # delete.
    flags: Mapped[str] = mapped_column(String(60), default="")

    answers: Mapped[list["Answer"]] = relationship(
        order_by="Answer.version", back_populates="response"
    )

    __clear__: ClassVar = {
        RANDOM: "id",
        COUNTED: "agency_id sector_code month channel lateness flags",
    }

    @property
    def cell(self) -> Cell:
        """The cell this response is counted in."""
        return Cell(self.agency_id, self.sector_code, self.month, self.channel, self.lateness)


class Answer(Base):
    """One version of an answer; changing an answer adds one. The last before a closing counts for
    it.
    """

    __tablename__ = "answer"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(f"overall {RATING}", name="overall"),
        CheckConstraint(f"access {RATING}", name="access"),
        CheckConstraint(f"procedure {RATING}", name="procedure"),
        CheckConstraint(f"officials {RATING}", name="officials"),
        CheckConstraint(f"result {RATING}", name="result"),
        CheckConstraint(f"feedback {RATING}", name="feedback"),
        {"sqlite_with_rowid": False},
    )

    response_id: Mapped[str] = mapped_column(
        ForeignKey("response.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # How many closings of its month came before it: 0 counts for the first snapshot. Few links are
    # still open at a closing, so what came later would name its authors.
    closing_sealed: Mapped[bytes]
    closing = Sealed[int](Json(int, CLOSING_BYTES), row=("response_id", "version"))
    overall: Mapped[int]
    # The five factors, rated in the full questionnaire only.
    access: Mapped[int | None]
    procedure: Mapped[int | None]
    officials: Mapped[int | None]
    result: Mapped[int | None]
    feedback: Mapped[int | None]
    # Factors named as reasons, joined by ";".
    reasons: Mapped[str] = mapped_column(String(60), default="")
    # Free text, at most 2,000 characters; erased by retention.
    comment: Mapped[str | None] = mapped_column(String(2000))

    response: Mapped[Response] = relationship(back_populates="answers")

    __clear__: ClassVar = {
        RANDOM: "response_id",
        COUNTED: "version overall access procedure officials result feedback reasons comment",
    }

    @property
    def ratings(self) -> dict[str, int]:
        """What was rated: question → 1–5."""
        given = {question: getattr(self, question) for question in Question}
        return {question: rating for question, rating in given.items() if rating is not None}


def seal_form(session: Session, response_id: str, form: Form) -> bytes | None:
    """What a response keeps of its form."""
    return Response.form.encrypt(session, response_id, form)


def seal_closing(session: Session, response_id: str, version: int, closing: int) -> bytes | None:
    """What a version of an answer keeps of how many closings of its month came before it (0–99)."""
    return Answer.closing.encrypt(session, row_name(response_id, version), closing)


def open_closing(session: Session, response_id: str, version: int, sealed: bytes) -> int:
    """What `seal_closing` made; Refused when it was moved or changed."""
    return Answer.closing.decrypt(session, row_name(response_id, version), sealed)


def lock_answers(session: Session, month: str) -> bool:
    """Let one answer of a month be written at a time, and none while the month is being closed.

    True when others may have written meanwhile: what was read before is to be read again.
    PostgreSQL only: SQLite's writing transactions already come one after the other.
    """
    if connection_of(session).dialect.name != "postgresql":
        return False
    hold(session, f"closing:{month}", shared=True)
    hold(session, f"answers:{month}")
    return True


def lock_month(session: Session, month: str) -> None:
    """Wait for the answers of a month that are being written, and hold back new ones."""
    hold(session, f"closing:{month}")


def forget_order(session: Session, response: Response) -> None:
    """Lay this response among others of its month in a new random order: its place tells no time.

    PostgreSQL keeps rows in the order they were written, and a dump shows it. Rows of the same cell
    and of the whole month, SHUFFLED_AT_ONCE of each at most, are taken out and written again
    shuffled, always with this one: otherwise the end of the table would tell whose cell was
    answered last. `lock_answers` was taken before. SQLite's tables without row numbers are sorted
    by their random keys, and a copy lays them so (`survey.backup`).
    """
    if connection_of(session).dialect.name != "postgresql":
        return
    session.flush()
    of_month = select(Response.id).where(Response.month == response.month)
    cell = (
        Response.agency_id == response.agency_id,
        Response.sector_code == response.sector_code,
        Response.channel == response.channel,
        Response.lateness == response.lateness,
    )
    near = of_month.where(*cell).order_by(func.random()).limit(SHUFFLED_AT_ONCE)
    # Ids are random: those that follow a random one are a random choice, found without a look at
    # all.
    start = secrets.token_hex(16)
    far = of_month.order_by(Response.id)
    some = session.scalars(far.where(Response.id > start).limit(SHUFFLED_AT_ONCE)).all()
    rest = session.scalars(far.limit(SHUFFLED_AT_ONCE - len(some))).all()
    _lay_anew(session, {response.id, *session.scalars(near), *some, *rest})


def _lay_anew(session: Session, chosen: set[str] | Select[str]) -> None:
    lay_anew(session, Answer, Answer.response_id.in_(chosen))
    lay_anew(session, Response, Response.id.in_(chosen))
