"""Follow-up cards: contact data to call non-respondents, for a random share of invitations.

A card is unlinked from its invitation when it is stored, so that without the key it leads to no
dossier.
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
    """Whom to call about which dossier.

    `secret`: the link token, or for answers by SMS the `reply_secret`; it leads to the ballot, if
    there is one.
    """

    secret: str
    phone_e164: str
    dossier_code: str
    # The cell of the dossier without its month, which `FollowupCard` holds.
    agency_id: int
    sector_code: str
    channel: str
    lateness: str


class FollowupCard(Base):
    """A citizen who may be called after the period close, if no answer was received."""

    __tablename__ = "followup_card"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Random hex.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # Local month (YYYY-MM) in which the dossier was finished.
    month: Mapped[Month] = mapped_column(index=True)
    card_sealed: Mapped[bytes]
    card = Sealed[Card](Json(Card, *CARD_SIZES), row=("id",))

    __clear__: ClassVar = {RANDOM: "id", FRAME: "month"}
