"""The counting job: moves all pooled ballots, shuffled, to table `ballot` and updates the counts.

It is one transaction under one advisory lock, so that each ballot is counted exactly once.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from survey.ballots.aggregates import Aggregate, store_aggregate, stored_aggregate
from survey.ballots.bursts import with_bursts
from survey.ballots.contents import (
    Ballot,
    Pooled,
    counted_as,
    counted_row,
    open_counted,
    open_pooled,
)
from survey.ballots.pool import LOCK, forget_pool
from survey.bulk import write_many
from survey.crypto.sealed import row_name
from survey.db import advisory_lock, chunked, connection_of, table_of
from survey.models.ballot import CountedBallot, PooledBallot
from survey.models.count import add_counts
from survey.models.snapshot import closings_of
from survey.period import Month
from survey.row_order import shuffle_rows

_POOL, _BALLOTS = table_of(PooledBallot), table_of(CountedBallot)
_WRITE = insert(_BALLOTS)


@dataclass(frozen=True, slots=True)
class _Step:
    """One ballot of the batch, as counted before (None: never) and after (None: removed)."""

    before: Ballot | None
    after: Ballot | None
    procedure_code: str
    comment: str


def lock(session: Session) -> None:
    """Take the counting job's exclusive advisory lock until the transaction ends."""
    advisory_lock(session, LOCK)


def count(session: Session) -> int:
    """Count every ballot in the pool; returns how many. The caller must hold `lock`."""
    taken = _take(session)
    if not taken:
        return 0
    # A ballot that was repudiated before it was counted has nothing to add or subtract.
    steps = [step for step in _steps(session, taken) if step.before or step.after]
    # Shuffled, so that rows of table `ballot` are written neither in the pool's order nor by key.
    secrets.SystemRandom().shuffle(steps)
    months = sorted({month for one in steps for month in _months(one)})
    _move_sums(session, steps, months)
    _write_ballots(session, steps)
    for month in months:
        shuffle_rows(session, CountedBallot, CountedBallot.month == month, on_sqlite=False)
    forget_pool(session)
    return len(steps)


def waiting(session: Session) -> int:
    """Number of ballots in the pool."""
    return session.scalar(select(func.count()).select_from(PooledBallot)) or 0


def _take(session: Session) -> list[tuple[Pooled, str]]:
    """Delete and decrypt all rows of the pool; ballots written meanwhile stay for the next run."""
    columns = (_POOL.c.key, _POOL.c.month, _POOL.c.content_sealed, _POOL.c.comment_sealed)
    rows = connection_of(session).execute(delete(_POOL).returning(*columns)).all()
    opened = [open_pooled(session, bytes(row[0]), row[1], bytes(row[2])) for row in rows]
    decrypt = PooledBallot.comment.decrypt
    comments = [
        decrypt(session, row_name(bytes(key)), sealed) or ""
        for key, _month, _content, sealed in rows
    ]
    return list(zip(with_bursts(session, opened), comments, strict=True))


def _steps(session: Session, taken: Sequence[tuple[Pooled, str]]) -> Iterator[_Step]:
    before = _counted_before(session, [one.ballot.key for one, _ in taken])
    closings = closings_of(session)
    for one, comment in taken:
        earlier = before.get(one.ballot.key)
        after = counted_as(one, earlier, closings[one.ballot.cell.month])
        yield _Step(earlier, after, one.procedure_code, comment)


def _counted_before(session: Session, keys: Sequence[bytes]) -> dict[bytes, Ballot]:
    """Key → ballot as it was counted before, read from table `ballot`.

    The copy inside the pooled ballot is used for figures only.
    """
    found = {}
    query = select(_BALLOTS.c.key, _BALLOTS.c.month, _BALLOTS.c.content_sealed)
    for some in chunked(keys):
        for key, month, sealed in connection_of(session).execute(
            query.where(_BALLOTS.c.key.in_(some))
        ):
            found[bytes(key)] = open_counted(session, bytes(key), month, bytes(sealed))
    return found


def _months(step: _Step) -> Iterator[Month]:
    for ballot in (step.before, step.after):
        if ballot is not None:
            yield ballot.cell.month


def _move_sums(session: Session, steps: Iterable[_Step], months: Sequence[Month]) -> None:
    """Add the batch to counts and aggregates, and subtract the ballots it replaces."""
    moved: Counter[tuple[Any, ...]] = Counter()
    aggregates: dict[Month, Aggregate] = {
        month: stored_aggregate(session, month) for month in months
    }
    for step in steps:
        for ballot, sign in ((step.before, -1), (step.after, 1)):
            if ballot is None:
                continue
            aggregates[ballot.cell.month].add(ballot, step.procedure_code, sign)
            for question, rating in ballot.counted.items():
                moved[ballot.cell, question, rating] += sign
    add_counts(session, moved)
    for month, sums in aggregates.items():
        store_aggregate(session, month, sums)


def _write_ballots(session: Session, steps: Sequence[_Step]) -> None:
    """Insert the counted ballots, and delete the rows they replace."""
    replaced = [step.before.key for step in steps if step.before]
    for some in chunked(replaced):
        connection_of(session).execute(delete(_BALLOTS).where(_BALLOTS.c.key.in_(some)))
    rows = [
        counted_row(session, step.after, step.comment) for step in steps if step.after is not None
    ]
    write_many(session, _WRITE, rows)
