"""Follow-up cards (double sampling, Hansen and Hurwitz 1946): of a seeded random share of
invitations a card is kept, so that after a closing some of those who stayed silent can be called.

A card is parted from its invitation at once. Cards of those who answered are destroyed unseen.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from survey import crypto
from survey.crypto.tokens import ballot_key
from survey.crypto.values import OVERHEAD
from survey.db import chunked, shuffle_rows, table_of, write_many
from survey.models.ballot import cast_keys
from survey.models.count import Cell
from survey.models.followup import FollowupCard

PLACE = "followup_card.content_sealed"
SIZES = (256 - OVERHEAD, 512 - OVERHEAD)
_WRITE = insert(table_of(FollowupCard))


@dataclass(frozen=True, slots=True)
class Card:
    """Whom to call, and about what. `secret`: the token of the link, or what stands for it where an
    invitation is answered by SMS; it leads to the ballot, if there is one.
    """

    secret: str
    phone_e164: str
    dossier_code: str
    cell: Cell


def lay(session: Session, cards: Sequence[Card]) -> None:
    """Keep some cards, in random order: beside their invitations they would name them."""
    rows = [_row(session, card) for card in cards]
    secrets.SystemRandom().shuffle(rows)
    write_many(session, _WRITE, rows)


def destroy_answered(session: Session, month: str) -> None:
    """After the closing of a month (YYYY-MM): destroy the cards of those who answered, and lay the
    others in random order.
    """
    cards = cards_of(session, month)
    keys = {ballot_key(session, card.secret): name for name, card in cards.items()}
    answered = [keys[key] for some in chunked(list(keys)) for key in cast_keys(session, some)]
    for names in chunked(answered):
        session.execute(delete(FollowupCard).where(FollowupCard.id.in_(names)))
    shuffle_rows(session, FollowupCard, FollowupCard.month == month)


def cards_of(session: Session, month: str | None = None) -> Mapping[str, Card]:
    """The cards that are left, of a month or of all, by their ids."""
    query = select(FollowupCard.id, FollowupCard.month, FollowupCard.content_sealed)
    if month is not None:
        query = query.where(FollowupCard.month == month)
    rows = session.execute(query)
    return {name: _open(session, of_month, name, bytes(it)) for name, of_month, it in rows}


def forget(session: Session, e164: str) -> int:
    """Destroy the cards of one citizen's number; how many."""
    names = [name for name, card in cards_of(session).items() if card.phone_e164 == e164]
    for some in chunked(names):
        session.execute(delete(FollowupCard).where(FollowupCard.id.in_(some)))
    return len(names)


def _row(session: Session, card: Card) -> dict[str, object]:
    name, cell = secrets.token_hex(16), card.cell
    place = (cell.agency_id, cell.sector_code, cell.channel, cell.lateness)
    content = [card.secret, card.phone_e164, card.dossier_code, *place]
    sealed = crypto.encrypt_json(session, PLACE, name, content, SIZES)
    return {"id": name, "month": cell.month, "content_sealed": sealed}


def _open(session: Session, month: str, name: str, sealed: bytes) -> Card:
    content = crypto.decrypt_json(session, PLACE, name, sealed)
    secret, phone, code, agency_id, sector, channel, lateness = content
    return Card(secret, phone, code, Cell(agency_id, sector, month, channel, lateness))
