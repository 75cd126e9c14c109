"""Follow-up cards: of a random share of invitations, what is needed to call those who stay silent.

A card leads to no dossier without the key: it is parted from its invitation when it is made.
"""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from survey.db import Base


class FollowupCard(Base):
    """One citizen who may be called after the closing, unless an answer came."""

    __tablename__ = "followup_card"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Random hex; also the row's name in encrypted values.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # Local month (YYYY-MM) in which the dossier was finished.
    month: Mapped[str] = mapped_column(String(7), index=True)
    # Card, always of one length.
    content_sealed: Mapped[bytes]
