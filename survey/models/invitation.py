"""Who is asked and who is not: coverage ledger, invitations, and phones that get no messages."""

import secrets
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from survey.crypto.reasons import ASKED, FRAME, RANDOM, STAFF
from survey.crypto.sealed import TEXT, BlindIndex, KeyedHash, Sealed
from survey.db import Base, one_of
from survey.models.count import Cell
from survey.models.dossier import Channel, Dossier, Lateness
from survey.period import Month


def random_id() -> str:
    """A random key of 32 hexadecimal digits, which does not reveal the order of rows."""
    return secrets.token_hex(16)


class Decision(StrEnum):
    """Asked, or the first reason why not; reasons are checked in this order.

    The last two are recorded later, when a message was refused or expired unsent.
    """

    ASKED = "asked"
    NO_PHONE = "no_phone"
    BAD_PHONE = "bad_phone"
    LANDLINE = "landline"
    FOREIGN = "foreign"
    OPTED_OUT = "opted_out"
    INTERMEDIARY = "intermediary"
    ASKED_RECENTLY = "asked_recently"
    STAFF_PHONE = "staff_phone"
    TOO_OLD = "too_old"
    SAMPLED_OUT = "sampled_out"
    PROVIDER_REFUSED = "provider_refused"
    EXPIRED_UNSENT = "expired_unsent"


class CoverageEntry(Base):
    """Entry of the coverage ledger, one per finished dossier: the decision and the dossier's cell.

    The cell is fixed when the entry is made.
    """

    __tablename__ = "coverage_entry"
    __table_args__ = (
        one_of("decision", Decision),
        one_of("channel", Channel),
        one_of("lateness", Lateness),
        Index("ix_coverage_entry_month_decision", "month", "decision"),
    )

    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), primary_key=True)
    decision: Mapped[str] = mapped_column(String(20))
    # The cell: agency, sector, month of finish (YYYY-MM, local), channel, lateness.
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    sector_code: Mapped[str] = mapped_column(ForeignKey("sector.code"))
    month: Mapped[Month] = mapped_column()
    channel: Mapped[str] = mapped_column(String(10))
    lateness: Mapped[str] = mapped_column(String(10))
    # Not a part of the cell; needed for the frame by procedure (`ProcedureFrame`).
    procedure_code: Mapped[str] = mapped_column(ForeignKey("procedure.code"))

    __clear__: ClassVar = {
        FRAME: "dossier_id decision agency_id sector_code month channel lateness procedure_code"
    }

    @property
    def cell(self) -> Cell:
        """The cell in which the dossier is counted."""
        return Cell(self.agency_id, self.sector_code, self.month, self.channel, self.lateness)


class Invitation(Base):
    """An invitation to one citizen to rate the handling of one dossier.

    It does not reveal whether it was answered, and no reminder that was sent or not needed refers
    to it. The ballot is found by the token alone (HMAC(k2, token)), so no row here changes when
    somebody answers: otherwise the physical order of changed rows would reveal who answered what.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("(token_hash IS NULL) <> (reply_code IS NULL)", name="one_way_in"),
        ForeignKeyConstraint(["dossier_id"], ["coverage_entry.dossier_id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), unique=True)
    # The token decides whether the page asks all its questions or only the first (`asks_factors`).
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"))
    # HMAC(k1, token) of the link; the token itself is not stored.
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    by_token = KeyedHash("token_hash")
    # Four characters that the citizen quotes when answering by SMS; None for links.
    reply_code: Mapped[str | None] = mapped_column(String(4))
    # Answers are accepted until this instant.
    expires_at: Mapped[datetime]
    # Local day on which it was created.
    made_on: Mapped[date]
    # The recipient answered that it is not their dossier.
    is_repudiated: Mapped[bool] = mapped_column(default=False)

    __clear__: ClassVar = {
        ASKED: "id dossier_id questionnaire_id expires_at made_on",
        "worth nothing without the phone it belongs to": "reply_code",
        "of somebody who is not the applicant": "is_repudiated",
    }

    dossier: Mapped[Dossier] = relationship(foreign_keys=[dossier_id])
    coverage: Mapped[CoverageEntry] = relationship(
        foreign_keys=[dossier_id],
        viewonly=True,
        primaryjoin="Invitation.dossier_id == CoverageEntry.dossier_id",
    )


class OptOut(Base):
    """A phone number that opted out of messages.

    Only the day is stored, because the exact time could reveal a rating.
    """

    __tablename__ = "opt_out"

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    # Only so that its index can be made again.
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(unique=True)
    phone = Sealed[str](TEXT, row=("id",), index=BlindIndex("phone_index"))
    on: Mapped[date]

    __clear__: ClassVar = {
        RANDOM: "id",
        "the day alone, and the wish says nothing of a rating": "on",
    }


class StaffPhone(Base):
    """A phone number of somebody who works on dossiers; it gets no invitations."""

    __tablename__ = "staff_phone"

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    # Only so that its index can be made again.
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(unique=True)
    phone = Sealed[str](TEXT, row=("id",), index=BlindIndex("phone_index"))
    note: Mapped[str] = mapped_column(String(100), default="")

    __clear__: ClassVar = {RANDOM: "id", STAFF: "note"}
