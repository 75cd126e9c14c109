"""Follow-up cards for double sampling of non-respondents (Hansen and Hurwitz 1946).

For a seeded random share of invitations a card with the phone number is stored, and unlinked from
its invitation at once. After a closing the cards of citizens who answered are destroyed without
being shown to anybody; some of the other citizens can be called.
"""

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from survey.bulk import write_many
from survey.db import chunked, table_of
from survey.models.ballot import answered_keys, ballot_key
from survey.models.followup import Card, FollowupCard
from survey.period import Month
from survey.row_order import shuffle_rows

_WRITE = insert(table_of(FollowupCard))


def store(session: Session, cards: Sequence[tuple[str, Card]]) -> None:
    """Store cards, given as (month, card), in random order.

    In the order of the invitations, the place of a card would reveal its invitation.
    """
    rows = []
    for month, card in cards:
        name = secrets.token_hex(16)
        sealed = FollowupCard.card.encrypt(session, name, card)
        rows.append({"id": name, "month": month, "card_sealed": sealed})
    secrets.SystemRandom().shuffle(rows)
    write_many(session, _WRITE, rows)


def destroy_answered(session: Session, month: Month) -> None:
    """Destroy the cards of citizens who answered, after the closing of a month (YYYY-MM).

    The other cards of the month are shuffled.
    """
    cards = cards_of(session, month)
    keys = {ballot_key(session, card.secret): name for name, card in cards.items()}
    answered = [keys[key] for some in chunked(list(keys)) for key in answered_keys(session, some)]
    _drop(session, answered)
    shuffle_rows(session, FollowupCard, FollowupCard.month == month)


def cards_of(session: Session, month: Month | None = None) -> Mapping[str, Card]:
    """Card id → decrypted card, for one month or for all."""
    query = select(FollowupCard.id, FollowupCard.card_sealed)
    if month is not None:
        query = query.where(FollowupCard.month == month)
    rows = session.execute(query)
    return {name: FollowupCard.card.decrypt(session, name, sealed) for name, sealed in rows}


def forget(session: Session, e164: str) -> int:
    """Destroy the cards of one phone number (E.164); returns how many."""
    names = [name for name, card in cards_of(session).items() if card.phone_e164 == e164]
    _drop(session, names)
    return len(names)


def _drop(session: Session, names: Sequence[str]) -> None:
    for some in chunked(names):
        session.execute(delete(FollowupCard).where(FollowupCard.id.in_(some)))
