"""Extensions: the letters in which an office apologises and names a new due date."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME, STAFF
from survey.crypto.sealed import TEXT, Sealed
from survey.db import Base, one_of
from survey.models.stage import Source


class Extension(Base):
    """The n-th new due date that the office named for a dossier, whether or not rules allow it.

    It does not change the dossier's due date, which is taken from the office's software.
    """

    __tablename__ = "extension"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        one_of("source", Source),
    )

    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), primary_key=True)
    # Counted from 1 for each dossier, in the order of import.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Date of the letter of apology (UTC; a date without a time is local midnight); None: no letter
    # is known.
    letter_at: Mapped[datetime | None]
    # The new due date (UTC; a date without a time is local midnight).
    new_due_at: Mapped[datetime]
    # Name of the official who signed the letter.
    signer: Mapped[str] = mapped_column(String(200), default="")
    # Reason for the delay in the office's words; erased by retention.
    reason_sealed: Mapped[bytes | None]
    reason = Sealed[str | None](TEXT, row=("dossier_id", "number"))
    source: Mapped[str] = mapped_column(String(4))

    __clear__: ClassVar = {
        FRAME: "dossier_id number letter_at new_due_at source",
        STAFF: "signer",
    }
