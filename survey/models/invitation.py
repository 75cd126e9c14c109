"""Who is asked and who is not: the coverage ledger, the invitation, and phones that may not be
written to.
"""

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
    """A random key as text: it says nothing about what came before what."""
    return secrets.token_hex(16)


class Decision(StrEnum):
    """Asked, or the one reason why not; reasons are checked in this order."""

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
    """One line per finished dossier: asked or not, and the cell it is counted in, fixed at that
    moment.
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
    # Stored beside the cell for the procedure counts.
    procedure_code: Mapped[str] = mapped_column(ForeignKey("procedure.code"))

    __clear__: ClassVar = {
        FRAME: "dossier_id decision agency_id sector_code month channel lateness procedure_code"
    }

    @property
    def cell(self) -> Cell:
        """The cell the dossier is counted in."""
        return Cell(self.agency_id, self.sector_code, self.month, self.channel, self.lateness)


class Invitation(Base):
    """A question put to one citizen about one dossier. It says nothing about whether it was
    answered, and no reminder that left or was not needed leads here.

    An answer is found from the token alone (`HMAC(k2, token)` on the response), so no row here
    changes when somebody answers: otherwise the order of changed rows would reveal who answered
    what.
    """

    __tablename__ = "invitation"
    __table_args__ = (
        CheckConstraint("(token_hash IS NULL) <> (reply_code IS NULL)", name="one_way_in"),
        ForeignKeyConstraint(["dossier_id"], ["coverage_entry.dossier_id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), unique=True)
    # With all its questions; the token decides whom it asks only the first (`asks_factors`).
    questionnaire_id: Mapped[int] = mapped_column(ForeignKey("questionnaire.id"))
    # HMAC(k1, token) of a link; the token itself stands nowhere.
    token_hash: Mapped[bytes | None] = mapped_column(unique=True)
    by_token = KeyedHash("token_hash")
    # Four characters a citizen quotes when answering by SMS.
    reply_code: Mapped[str | None] = mapped_column(String(4))
    # When the question may be answered until.
    expires_at: Mapped[datetime]
    # The day it was made.
    made_on: Mapped[date]
    # The receiver said: not my dossier.
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
    """A phone that wants no more messages. The day only: an exact instant could reveal a rating."""

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
    """A phone of somebody who works on dossiers: never asked."""

    __tablename__ = "staff_phone"

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    # Only so that its index can be made again.
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes] = mapped_column(unique=True)
    phone = Sealed[str](TEXT, row=("id",), index=BlindIndex("phone_index"))
    note: Mapped[str] = mapped_column(String(100), default="")

    __clear__: ClassVar = {RANDOM: "id", STAFF: "note"}
