"""The pool, decrypted in memory: every figure is the stored counts plus what the pool adds.

Decrypted ballots are cached by their nonce, because every write draws a new one.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.cache import Cache
from survey.ballots.contents import Pooled, counted_as, open_pooled
from survey.db import advisory_lock, connection_of, is_writing
from survey.models.ballot import PooledBallot
from survey.models.count import Cell
from survey.models.questionnaire import LOWEST_RATING, OVERALL
from survey.models.snapshot import closings_of
from survey.period import Month

MOST_CACHED = 1 << 15
# Advisory lock: exclusive for the counting job, shared for writing transactions that read the pool.
LOCK = "ballots"
_ROWS = select(PooledBallot.key, PooledBallot.month, PooledBallot.content_sealed)
# Changes of the numbers of ratings 1 … 5; negative where ratings are subtracted.
Steps = tuple[int, int, int, int, int]


_cache: Cache[Pooled] = Cache(MOST_CACHED)


@dataclass(frozen=True, slots=True)
class Pool:
    """The ballots that wait to be counted.

    `closings`: month (YYYY-MM) → number of closings; read only if a counted ballot was repudiated.
    """

    ballots: Sequence[Pooled]
    closings: Mapping[Month, int] = field(default_factory=dict)

    def of(self, months: Collection[Month]) -> "Pool":
        """The part of the pool that belongs to some months (YYYY-MM)."""
        some = [one for one in self.ballots if one.ballot.cell.month in months]
        return Pool(some, self.closings)

    def until(self, day: date) -> "Pool":
        """The part of the pool that came in on or before a local day."""
        return Pool([one for one in self.ballots if one.day <= day], self.closings)

    def steps(self, questions: Collection[str] = (OVERALL,)) -> Mapping[Cell, Steps]:
        """Cell → changes of the stored numbers of ratings 1 … 5, the given questions added up."""
        found: dict[Cell, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
        for cell, question, rating, step in self.moves():
            if question in questions:
                found[cell][rating - LOWEST_RATING] += step
        return {cell: (n1, n2, n3, n4, n5) for cell, (n1, n2, n3, n4, n5) in found.items()}

    def moves(self) -> Iterator[tuple[Cell, str, int, int]]:
        """Yield (cell, question, rating 1–5, step); step is 1 to add a rating, -1 to subtract."""
        for one in self.ballots:
            for sign, ratings in ((-1, one.ballot.counted), (1, self._ratings(one))):
                for question, rating in ratings.items():
                    yield one.ballot.cell, question, rating, sign

    def _ratings(self, one: Pooled) -> Mapping[str, int]:
        """The ratings that will count; of a repudiated ballot, those that a closing counted."""
        if not one.is_withdrawn:
            return one.ratings
        counted = counted_as(one, one.ballot, self.closings.get(one.ballot.cell.month, 0))
        return counted.counted if counted else {}

    def rated(self) -> Counter[Cell]:
        """Cell → number of answers that the pool adds to the stored counts, less those removed."""
        return Counter({cell: sum(steps) for cell, steps in self.steps().items()})


def pool_of(session: Session) -> Pool:
    """The pool in the snapshot of this transaction, which reads it only once.

    Pool and counts must come from one snapshot. A reading transaction has one snapshot; a writing
    one takes the advisory lock of the counting job, shared.
    """
    transaction = session.get_transaction()
    known = session.info.get("pool")
    if known is not None and transaction is not None and known[0] is transaction:
        found: Pool = known[1]
        return found
    if is_writing(session):
        advisory_lock(session, LOCK, shared=True)
    rows = connection_of(session).execute(_ROWS).all()
    waiting = [_opened(session, bytes(key), month, bytes(sealed)) for key, month, sealed in rows]
    has_withdrawn = any(one.is_withdrawn for one in waiting)
    pool = Pool(waiting, closings_of(session) if has_withdrawn else {})
    session.info["pool"] = (session.get_transaction(), pool)
    return pool


def forget_pool(session: Session) -> None:
    """Drop the pool that this transaction has read, because it was counted or written to."""
    session.info.pop("pool", None)


def _opened(session: Session, key: bytes, month: Month, sealed: bytes) -> Pooled:
    found = _cache.get(key, sealed)
    if found is None:
        found = open_pooled(session, key, month, sealed)
        _cache.add(key, sealed, found)
    return found
