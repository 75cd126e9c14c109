"""Requests for further papers; all of a dossier are stored, since two are a fault of the office."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME, STAFF
from survey.crypto.sealed import TEXT, Sealed
from survey.db import Base, one_of
from survey.models.stage import Source


class Supplement(Base):
    """The n-th request for further papers for a dossier."""

    __tablename__ = "supplement"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        one_of("source", Source),
    )

    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), primary_key=True)
    # Counted from 1 for each dossier, in the order of import.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Id in the software of the source; empty if the software states none.
    source_id: Mapped[str] = mapped_column(String(60), default="")
    # Time of the request (UTC; a date without a time is local midnight).
    asked_at: Mapped[datetime]
    asked_has_time: Mapped[bool]
    # Name of the officer who made the request.
    asked_by: Mapped[str] = mapped_column(String(200), default="")
    # The missing papers in the officer's words; erased by retention.
    text_sealed: Mapped[bytes | None]
    text = Sealed[str | None](TEXT, row=("dossier_id", "number"))
    # Due dates before and after the request (UTC; a date without a time is local midnight); None if
    # unknown.
    old_due_at: Mapped[datetime | None]
    new_due_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(4))

    __clear__: ClassVar = {
        FRAME: "dossier_id number source_id asked_at asked_has_time old_due_at new_due_at source",
        STAFF: "asked_by",
    }
