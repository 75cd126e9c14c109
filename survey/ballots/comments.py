"""Comments of many ballots at once, still encrypted: a search opens those that it does not know."""

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
    """The comment of the ballot under a key."""

    key: bytes
    sealed: bytes
    is_pooled: bool

    @property
    def nonce(self) -> bytes:
        """Drawn again at each write: the same nonce means the same comment."""
        return self.sealed[:NONCE_BYTES]

    def open(self, session: Session) -> str:
        """What the citizen wrote; Refused when it does not open."""
        table = PooledBallot if self.is_pooled else CountedBallot
        return table.comment.decrypt(session, row_name(self.key), self.sealed) or ""


def sealed_comments(session: Session, keys: Sequence[bytes]) -> Iterator[SealedComment]:
    """The comments of the ballots under some keys, as they stand now."""
    for some in chunked(keys):
        rows = connection_of(session).execute(_COMMENTS, {"keys": some}).all()
        pooled = {row.key for row in rows if row.is_pooled}
        for key, sealed, is_pooled in rows:
            # The pooled ballot stands for the counted one, without a comment too.
            if sealed is not None and (is_pooled or key not in pooled):
                yield SealedComment(bytes(key), bytes(sealed), is_pooled)
