"""Ballots: citizens' answers, encrypted. New ones wait in a pool until a batch is counted.

Without the encryption key no row leads to a dossier, and no row reveals when it was written or in
which order. `survey.ballots` reads and writes them.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import bindparam, select, union_all
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey.crypto.reasons import COUNTED
from survey.crypto.sealed import Json, KeyedHash, Packed, Sealed
from survey.crypto.values import OVERHEAD
from survey.db import Base
from survey.period import Month

# Padded sizes of a ballot's content in bytes. With nonce and tag 1,024 bytes are stored, more for
# long questionnaires.
CONTENT_SIZES = tuple(size - OVERHEAD for size in (1024, 2048, 4096))
# Padded sizes of comments, which have up to 2,000 characters.
COMMENT_SIZES = tuple(size - OVERHEAD for size in (512, 2048, 8192))
# Compressed sums are padded to a multiple of this: their length would reveal small numbers.
SUMS_BYTES = 1 << 15


class Mode(StrEnum):
    """How an answer was given."""

    WEB = "web"
    SMS = "sms"


class Flag(StrEnum):
    """A sign that an answer may not be a citizen's own."""

    TOO_FAST = "too_fast"
    BURST = "burst"
    SAME_EVERYWHERE = "same_everywhere"


class _BallotRow:
    """Columns of a ballot, counted or not."""

    # HMAC(k2, link token), or for an answer by SMS HMAC(k2, secret of the invitation); as the
    # primary key it allows one ballot per invitation.
    key: Mapped[bytes] = mapped_column(primary_key=True, sort_order=-9)
    # Local month (YYYY-MM) in which the dossier was finished.
    month: Mapped[Month] = mapped_column(index=True, sort_order=-8)
    # The answer and the cell in which it is counted (`ballots.contents`), padded to CONTENT_SIZES.
    content_sealed: Mapped[bytes]
    # Free text, padded to COMMENT_SIZES; None without a comment.
    comment_sealed: Mapped[bytes | None]


class PooledBallot(_BallotRow, Base):
    """A new or changed ballot that is not counted yet; it replaces the counted one of its key."""

    __tablename__ = "ballot_pool"
    __table_args__ = ({"sqlite_with_rowid": False},)

    by_secret = KeyedHash("key")
    content = Sealed[list[Any]](Json(list[Any], *CONTENT_SIZES), row=("key",))
    comment = Sealed[str | None](Json(str, *COMMENT_SIZES), row=("key",))

    __clear__: ClassVar = {COUNTED: "month"}


class CountedBallot(_BallotRow, Base):
    """A ballot whose ratings are in the stored counts, without day, time slot and procedure."""

    __tablename__ = "ballot"
    __table_args__ = ({"sqlite_with_rowid": False},)

    by_secret = KeyedHash("key")
    content = Sealed[list[Any]](Json(list[Any], *CONTENT_SIZES), row=("key",))
    comment = Sealed[str | None](Json(str, *COMMENT_SIZES), row=("key",))

    __clear__: ClassVar = {COUNTED: "month"}


class BallotAggregate(Base):
    """Sums over a month's ballots, finer than the counts in clear; encrypted as one value."""

    __tablename__ = "ballot_aggregate"
    __table_args__ = ({"sqlite_with_rowid": False},)

    month: Mapped[Month] = mapped_column(primary_key=True)
    # Content of an `Aggregate` (`ballots.aggregates`).
    sums_sealed: Mapped[bytes]
    sums = Sealed[list[Any]](Packed(list[Any], SUMS_BYTES), row=("month",))

    __clear__: ClassVar = {COUNTED: "month"}


_KEYS = [
    select(table.key).where(table.key.in_(bindparam("keys", expanding=True)))
    for table in (PooledBallot, CountedBallot)
]
_ANSWERED = union_all(*_KEYS)


def ballot_key(session: Session, secret: str) -> bytes:
    """The ballot key of an invitation: HMAC(k2, secret).

    `secret`: the link token, or `reply_secret` for answers by SMS.
    """
    return CountedBallot.by_secret.of(session, secret)


def answered_keys(session: Session, keys: Collection[bytes]) -> set[bytes]:
    """Those of the given keys for which a ballot exists, in the pool or counted."""
    return (
        {bytes(key) for key in session.scalars(_ANSWERED, {"keys": list(keys)})} if keys else set()
    )
