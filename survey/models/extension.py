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
    """The n-th new due date of a dossier as the office named it, whether or not the rules allow it.

    It does not move the dossier's due date: that is what the office's software says it is.
    """

    __tablename__ = "extension"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        one_of("source", Source),
    )

    dossier_id: Mapped[int] = mapped_column(ForeignKey("dossier.id"), primary_key=True)
    # From 1, in the order in which we heard of them.
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    # Date of the letter of apology as UTC, a day at local midnight; empty: no letter is known.
    letter_at: Mapped[datetime | None]
    # The new due date, in the same way.
    new_due_at: Mapped[datetime]
    # Name of the official who signed the letter.
    signer: Mapped[str] = mapped_column(String(200), default="")
    # Why it takes longer, in the office's words; erased by retention.
    reason_sealed: Mapped[bytes | None]
    reason = Sealed[str | None](TEXT, row=("dossier_id", "number"))
    source: Mapped[str] = mapped_column(String(4))

    __clear__: ClassVar = {
        FRAME: "dossier_id number letter_at new_due_at source",
        STAFF: "signer",
    }
