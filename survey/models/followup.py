"""Follow-up cards: of a random share of invitations, what is needed to call those who stay silent.

A card leads to no dossier without the key: it is unlinked from its invitation when it is made.
"""

from typing import ClassVar, NamedTuple

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from survey.crypto.reasons import FRAME, RANDOM
from survey.crypto.sealed import Json, Sealed
from survey.db import Base
from survey.period import Month

CARD_SIZES = (256, 512)


class Card(NamedTuple):
    """Whom to call, and about what. `secret`: the token of the link, or what stands for it where an
    invitation is answered by SMS; it leads to the ballot, if there is one.
    """

    secret: str
    phone_e164: str
    dossier_code: str
    # Where the dossier is counted, but for its month.
    agency_id: int
    sector_code: str
    channel: str
    lateness: str


class FollowupCard(Base):
    """One citizen who may be called after the closing, unless an answer came."""

    __tablename__ = "followup_card"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # Local month (YYYY-MM) in which the dossier was finished.
    month: Mapped[Month] = mapped_column(index=True)
    card_sealed: Mapped[bytes]
    card = Sealed[Card](Json(Card, *CARD_SIZES), row=("id",))

    __clear__: ClassVar = {RANDOM: "id", FRAME: "month"}
