"""The province's own wordings of SMS, each version with what the carriers said about it."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC, STAFF
from survey.db import Base, one_of


class TextForm(StrEnum):
    """How a wording leaves: without diacritics (cheap), or with them."""

    PLAIN = "plain"
    ACCENTED = "accented"


class TextState(StrEnum):
    """Where a version stands; the allowed steps are in TEXT_STEPS."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REFUSED = "refused"
    RETIRED = "retired"


TEXT_STEPS: dict[TextState, frozenset[TextState]] = {
    TextState.DRAFT: frozenset({TextState.SUBMITTED, TextState.RETIRED}),
    TextState.SUBMITTED: frozenset({TextState.APPROVED, TextState.REFUSED, TextState.RETIRED}),
    TextState.APPROVED: frozenset({TextState.RETIRED}),
    TextState.REFUSED: frozenset(),
    TextState.RETIRED: frozenset(),
}


class TextVersion(Base):
    """One version of one text. Its words are never edited: a change is a new version."""

    __tablename__ = "text_version"
    __table_args__ = (
        UniqueConstraint("name", "number"),
        one_of("form", TextForm),
        one_of("state", TextState),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Name of the shipped text it stands in for, such as invitation.
    name: Mapped[str] = mapped_column(String(30))
    # 1, 2, … of this name.
    number: Mapped[int]
    form: Mapped[str] = mapped_column(String(10))
    # As typed, with its {placeholders}.
    words: Mapped[str] = mapped_column(String(600))
    state: Mapped[str] = mapped_column(String(10), default=TextState.DRAFT)
    # What the carriers wrote about it: a number, a date, why not.
    carrier_note: Mapped[str] = mapped_column(String(200), default="")
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    # Who took the latest step, and when.
    changed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime]

    __clear__: ClassVar = {
        PUBLIC: "id name number form words state carrier_note",
        STAFF: "made_by made_at changed_by changed_at",
    }
