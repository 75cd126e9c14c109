"""Requests for further papers: each of a dossier counts, since two are a fault of the office."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME, STAFF
from survey.crypto.sealed import TEXT, Sealed
from survey.db import Base, one_of
from survey.models.stage import Source


class Supplement(Base):
    """The n-th request for further papers on a dossier."""

    __tablename__ = "supplement"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        one_of("source", Source),
    )

    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), primary_key=True)
    # From 1, in the order in which we heard of them.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Its id in the software it comes from; empty where that gives none.
    source_id: Mapped[str] = mapped_column(String(60), default="")
    # When it was asked for as UTC; a day without a time stands at local midnight.
    asked_at: Mapped[datetime]
    asked_has_time: Mapped[bool]
    # Name of the officer who asked.
    asked_by: Mapped[str] = mapped_column(String(200), default="")
    # What is missing, in the officer's words; erased by retention.
    text_sealed: Mapped[bytes | None]
    text = Sealed[str | None](TEXT, row=("dossier_id", "number"))
    # Due dates before and after it, where they are known; a day stands at local midnight.
    old_due_at: Mapped[datetime | None]
    new_due_at: Mapped[datetime | None]
    source: Mapped[str] = mapped_column(String(4))

    __clear__: ClassVar = {
        FRAME: "dossier_id number source_id asked_at asked_has_time old_due_at new_due_at source",
        STAFF: "asked_by",
    }
