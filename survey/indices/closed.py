"""Read the snapshots of closed months, with a cache in memory of the parts that pages use.

A snapshot never changes. The cache key holds its month, its number, its digest and a hash of its
ciphertext, so that a damaged or exchanged ciphertext misses the cache and is decrypted and checked.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from survey.ballots.cache import Cache
from survey.crypto.keys import keyring
from survey.errors import Refused
from survey.indices.figures import Figure, read_figure
from survey.indices.payload import sha256
from survey.models.questionnaire import OVERALL
from survey.models.snapshot import Snapshot
from survey.period import Month

T = TypeVar("T")
# Size of each cache; there is one for each function that reads a part. The counts that figures of
# longer periods are summed from take up to a few megabytes a month.
MOST_MONTHS = 24
_parts: defaultdict[object, Cache[Any]] = defaultdict(lambda: Cache(MOST_MONTHS))


def first(session: Session, month: Month) -> Snapshot | None:
    """The valid snapshot of a month (the first one stored), or None while the month is open."""
    return session.scalars(
        select(Snapshot).where(Snapshot.month == month).order_by(Snapshot.number).limit(1)
    ).first()


def firsts(session: Session, months: Collection[Month]) -> dict[Month, Snapshot]:
    """The valid snapshots of some months, with their payloads loaded; by month."""
    query = select(Snapshot).where(Snapshot.month.in_(months)).order_by(Snapshot.number.desc())
    found = session.scalars(query.options(undefer(Snapshot.payload_sealed)))
    return {one.month: one for one in found}


def payload_of(snapshot: Snapshot) -> dict[str, Any]:
    """Decrypt the payload of a snapshot. Refused `snapshot_broken` when it was tampered with or
    does not match its digest.
    """
    try:
        text = snapshot.payload
    except Refused as refused:
        if refused.code != "encrypted_value_broken":
            raise
        raise Refused("snapshot_broken", snapshot.month) from refused
    if sha256(text) != snapshot.digest:
        raise Refused("snapshot_broken", snapshot.month)
    payload: dict[str, Any] = json.loads(text)
    return payload


def part_of(session: Session, snapshot: Snapshot, read: Callable[[Mapping[str, Any]], T]) -> T:
    """The cached result of the function `read` on a payload; the result must be immutable.

    Refused `snapshot_broken`, or `wrong_key`.
    """
    keyring(session)
    sealed = snapshot.payload_sealed
    row = (snapshot.month, snapshot.number, snapshot.digest)
    parts, name = _parts[read], (*row, hashlib.sha256(sealed).digest())
    found: T | None = parts.get(name, sealed)
    if found is None:
        found = read(payload_of(snapshot))
        parts.add(name, sealed, found)
    return found


def figures_of(session: Session, snapshot: Snapshot, by: str, question: str) -> list[Figure]:
    """Figures of a closed month from its snapshot."""
    return list(part_of(session, snapshot, _tables)[question, by])


def _tables(payload: Mapping[str, Any]) -> Mapping[tuple[str, str], tuple[Figure, ...]]:
    """Question and breakdown → figures."""
    tables = {OVERALL: payload["figures"], **payload["factors"]}
    return MappingProxyType(
        {
            (question, by): tuple(map(read_figure, rows))
            for question, of_question in tables.items()
            for by, rows in of_question.items()
        }
    )
