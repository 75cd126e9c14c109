"""Ballots: citizens' answers, encrypted. New ones wait in the pool until a batch is counted.

No row leads to a dossier and none holds a time or an order; `survey.ballots` works on them.
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

# Plain bytes: with nonce and tag 1,024 are stored, more for long questionnaires.
CONTENT_SIZES = tuple(size - OVERHEAD for size in (1024, 2048, 4096))
# The same of comments, of up to 2,000 characters.
COMMENT_SIZES = tuple(size - OVERHEAD for size in (512, 2048, 8192))
# Sums are compressed, to a multiple of it: a length would show small numbers.
SUMS_BYTES = 1 << 15


class Mode(StrEnum):
    """How an answer came in."""

    WEB = "web"
    SMS = "sms"


class Flag(StrEnum):
    """A sign that an answer may not be a citizen's own."""

    TOO_FAST = "too_fast"
    BURST = "burst"
    SAME_EVERYWHERE = "same_everywhere"


class _BallotRow:
    """What a ballot has in clear and encrypted, counted or not."""

    # HMAC(k2, link token), or HMAC(k2, the invitation's own secret) for an answer by SMS: one
    # invitation, one ballot.
    key: Mapped[bytes] = mapped_column(primary_key=True, sort_order=-9)
    # Local month (YYYY-MM) in which the dossier was finished.
    month: Mapped[Month] = mapped_column(index=True, sort_order=-8)
    # What was answered and what it is counted by (`ballots.contents`), always of one length.
    content_sealed: Mapped[bytes]
    # Free text, padded to one of few lengths; None without a comment.
    comment_sealed: Mapped[bytes | None]


class PooledBallot(_BallotRow, Base):
    """A new or changed ballot that is not counted yet; it stands for the counted one, if any."""

    __tablename__ = "ballot_pool"
    __table_args__ = ({"sqlite_with_rowid": False},)

    by_secret = KeyedHash("key")
    content = Sealed[list[Any]](Json(list[Any], *CONTENT_SIZES), row=("key",))
    comment = Sealed[str | None](Json(str, *COMMENT_SIZES), row=("key",))

    __clear__: ClassVar = {COUNTED: "month"}


class CountedBallot(_BallotRow, Base):
    """A ballot whose ratings are in the stored counts. Day, slot and procedure stayed behind."""

    __tablename__ = "ballot"
    __table_args__ = ({"sqlite_with_rowid": False},)

    by_secret = KeyedHash("key")
    content = Sealed[list[Any]](Json(list[Any], *CONTENT_SIZES), row=("key",))
    comment = Sealed[str | None](Json(str, *COMMENT_SIZES), row=("key",))

    __clear__: ClassVar = {COUNTED: "month"}


class BallotAggregate(Base):
    """Sums over the ballots of a month that are finer than the clear counts, encrypted as one."""

    __tablename__ = "ballot_aggregate"
    __table_args__ = ({"sqlite_with_rowid": False},)

    month: Mapped[Month] = mapped_column(primary_key=True)
    # `ballots.aggregates.Aggregate`.
    sums_sealed: Mapped[bytes]
    sums = Sealed[list[Any]](Packed(list[Any], SUMS_BYTES), row=("month",))

    __clear__: ClassVar = {COUNTED: "month"}


_KEYS = [
    select(table.key).where(table.key.in_(bindparam("keys", expanding=True)))
    for table in (PooledBallot, CountedBallot)
]
_CAST = union_all(*_KEYS)


def ballot_key(session: Session, secret: str) -> bytes:
    """The key of the one ballot of an invitation: HMAC(k2, token), or of a reply's secret."""
    return CountedBallot.by_secret.of(session, secret)


def cast_keys(session: Session, keys: Collection[bytes]) -> set[bytes]:
    """Those of some ballot keys under which somebody answered."""
    return {bytes(key) for key in session.scalars(_CAST, {"keys": list(keys)})} if keys else set()
