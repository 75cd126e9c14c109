"""Encrypted comments of many ballots, so that a search decrypts only those it has not cached."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, literal, select, union_all
from sqlalchemy.orm import Session

from survey.crypto.keys import NONCE_BYTES
from survey.crypto.sealed import row_name
from survey.db import chunked, connection_of
from survey.models.ballot import CountedBallot, PooledBallot


def _of_table(table: type[PooledBallot | CountedBallot]) -> Select[*tuple[Any, ...]]:
    is_pooled = literal(table is PooledBallot).label("is_pooled")
    named = table.key.in_(bindparam("keys", expanding=True))
    return select(table.key, table.comment_sealed, is_pooled).where(named)


_COMMENTS = union_all(_of_table(CountedBallot), _of_table(PooledBallot))


@dataclass(frozen=True, slots=True)
class SealedComment:
    """The encrypted comment of one ballot."""

    key: bytes
    sealed: bytes
    is_pooled: bool

    @property
    def nonce(self) -> bytes:
        """Nonce of the ciphertext; each write draws a new one: same nonce, same comment."""
        return self.sealed[:NONCE_BYTES]

    def open(self, session: Session) -> str:
        """Decrypt the comment; Refused `encrypted_value_broken` if that fails."""
        table = PooledBallot if self.is_pooled else CountedBallot
        return table.comment.decrypt(session, row_name(self.key), self.sealed) or ""


def sealed_comments(session: Session, keys: Sequence[bytes]) -> Iterator[SealedComment]:
    """The current comments of the ballots with these keys; ballots without one are left out."""
    for some in chunked(keys):
        rows = connection_of(session).execute(_COMMENTS, {"keys": some}).all()
        pooled = {row.key for row in rows if row.is_pooled}
        for key, sealed, is_pooled in rows:
            # A pooled ballot replaces the counted one, even if the pooled one has no comment.
            if sealed is not None and (is_pooled or key not in pooled):
                yield SealedComment(bytes(key), bytes(sealed), is_pooled)
