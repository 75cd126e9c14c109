"""Versions of the province's own SMS texts, with their approval by the mobile carriers."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import PUBLIC, STAFF
from survey.db import Base, one_of


class TextForm(StrEnum):
    """Whether a text is sent without diacritics, which takes fewer segments, or with them."""

    PLAIN = "plain"
    ACCENTED = "accented"


class TextState(StrEnum):
    """State of a version; TEXT_STEPS holds the allowed transitions."""

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
    """A version of a text; its words are never edited, a change is a new version."""

    __tablename__ = "text_version"
    __table_args__ = (
        UniqueConstraint("name", "number"),
        one_of("form", TextForm),
        one_of("state", TextState),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # Name of the shipped text that it replaces, such as invitation.
    name: Mapped[str] = mapped_column(String(30))
    # Counted from 1 for each name.
    number: Mapped[int]
    form: Mapped[str] = mapped_column(String(10))
    # Text as typed, with {placeholders}.
    words: Mapped[str] = mapped_column(String(600))
    state: Mapped[str] = mapped_column(String(10), default=TextState.DRAFT)
    # The carriers' response: reference number, date, or reason of refusal.
    carrier_note: Mapped[str] = mapped_column(String(200), default="")
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime]
    # Account that made the latest transition, and when.
    changed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime]

    __clear__: ClassVar = {
        PUBLIC: "id name number form words state carrier_note",
        STAFF: "made_by made_at changed_by changed_at",
    }
