"""Officers who work on dossiers, as named by the one-stop software; they need no account here."""

from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import STAFF
from survey.db import Base


class Officer(Base):
    """An officer of an agency."""

    __tablename__ = "officer"
    __table_args__ = (
        UniqueConstraint("agency_id", "code"),
        CheckConstraint("code <> ''", name="code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    # Code in the one-stop software; the name if the software states no code.
    code: Mapped[str] = mapped_column(String(60))
    # Full name; empty if only the code is known.
    name: Mapped[str] = mapped_column(String(200), default="")

    __clear__: ClassVar = {STAFF: "id agency_id code name"}
