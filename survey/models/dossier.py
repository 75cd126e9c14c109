"""Dossiers (applications) from hand-in to result, and the history of their corrected fields."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME
from survey.crypto.sealed import TEXT, BlindIndex, Sealed
from survey.db import Base, one_of
from survey.models.stage import Stage


class Channel(StrEnum):
    """How a dossier was handed in."""

    COUNTER = "counter"
    ONLINE = "online"
    POST = "post"
    UNKNOWN = "unknown"


class Lateness(StrEnum):
    """Whether the result came after the due date; NONE if no due date is known."""

    ON_TIME = "on_time"
    LATE = "late"
    NONE = "none"


class Outcome(StrEnum):
    """How a dossier ended, according to its source."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PhoneKind(StrEnum):
    """What kind of number the source names as the applicant's phone."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    FOREIGN = "foreign"
    INVALID = "invalid"
    MISSING = "missing"


class ApplicantKind(StrEnum):
    """Who applied; a dossier holds an empty text while it is unknown."""

    CITIZEN = "citizen"
    BUSINESS = "business"


class Dossier(Base):
    """One application. It is finished once it has a return date (`finished_at`).

    The citizen's id number is never stored.
    """

    __tablename__ = "dossier"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("outcome", Outcome),
        one_of("phone_kind", PhoneKind),
        CheckConstraint("applicant_kind IN ('', 'citizen', 'business')", name="applicant_kind"),
        CheckConstraint(
            "return_channel IN ('', 'counter', 'online', 'post')", name="return_channel"
        ),
        CheckConstraint("(phone_sealed IS NULL) = (phone_index IS NULL)", name="phone_pair"),
        CheckConstraint("stage BETWEEN 1 AND 10", name="stage"),
        CheckConstraint("finished_at IS NULL OR stage IN (3, 7, 8, 10)", name="finished_stage"),
        CheckConstraint("first_due_at IS NULL OR due_at IS NOT NULL", name="first_due"),
        Index("ix_dossier_phone_index_finished_at", "phone_index", "finished_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Normalised national dossier code; also the row's name in the associated data of its encrypted
    # values.
    code: Mapped[str] = mapped_column(String(40), unique=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    procedure_code: Mapped[str] = mapped_column(ForeignKey("procedure.code"))
    channel: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(10))
    # Instants are UTC; a date without a time is local midnight, and its `…_has_time` is false.
    received_at: Mapped[datetime]
    received_has_time: Mapped[bool]
    due_at: Mapped[datetime | None]
    due_has_time: Mapped[bool] = mapped_column(default=False)
    # The first due date that was named; None while `due_at` still is that date.
    first_due_at: Mapped[datetime | None]
    first_due_has_time: Mapped[bool] = mapped_column(default=False)
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    finished_has_time: Mapped[bool] = mapped_column(default=False)
    # The current stage; `DossierStage` holds its history.
    stage: Mapped[int] = mapped_column(SmallInteger)
    # Phone number in E.164; erased by retention.
    phone_sealed: Mapped[bytes | None]
    # Blind index of the number; no other column has the same index for it.
    phone_index: Mapped[bytes | None]
    phone = Sealed[str | None](TEXT, row=("code",), index=BlindIndex("phone_index"))
    phone_kind: Mapped[str] = mapped_column(String(10))
    # ApplicantKind; empty while unknown.
    applicant_kind: Mapped[str] = mapped_column(String(10), default="")
    # How the result is returned (a Channel); empty while unknown.
    return_channel: Mapped[str] = mapped_column(String(10), default="")
    # Agency that received it, if that is not the deciding agency.
    receiving_agency_id: Mapped[int | None] = mapped_column(ForeignKey("agency.id"))
    # Officer who works on it.
    officer_id: Mapped[int | None] = mapped_column(ForeignKey("officer.id"))
    # Time of the last change according to its source; older data are rejected as stale. None if no
    # source states a time.
    changed_at: Mapped[datetime | None]
    # Personal data were erased at the citizen's request; no later import stores them again.
    contact_erased: Mapped[bool] = mapped_column(default=False)
    # Applicant's name; only shown masked, and only on a case whose citizen wishes to be called.
    name_sealed: Mapped[bytes | None]
    name = Sealed[str | None](TEXT, row=("code",))

    __clear__: ClassVar = {
        FRAME: "id code agency_id procedure_code channel outcome received_at received_has_time "
        "due_at due_has_time first_due_at first_due_has_time finished_at finished_has_time stage "
        "phone_kind applicant_kind return_channel receiving_agency_id officer_id changed_at "
        "contact_erased"
    }

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - as the declarative constructor
        """Set the stage, if none is given, to RETURNED for a finished dossier, else to RECEIVED."""
        first = Stage.RECEIVED if values.get("finished_at") is None else Stage.RETURNED
        super().__init__(**{"stage": first, **values})


class DossierChange(Base):
    """One field of a stored dossier that a later import changed, with its old and new value.

    For phones and names only the fact that they changed is stored.
    """

    __tablename__ = "dossier_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), index=True)
    changed_at: Mapped[datetime]
    field: Mapped[str] = mapped_column(String(30))
    old: Mapped[str] = mapped_column(String(60))
    new: Mapped[str] = mapped_column(String(60))
    # Whether the dossier's cell was already fixed; reports list such corrections.
    after_finish: Mapped[bool] = mapped_column(default=False)

    __clear__: ClassVar = {FRAME: "id dossier_id changed_at field old new after_finish"}
