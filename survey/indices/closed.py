"""Reads the snapshots of closed months, and caches what pages read of them.

A snapshot never changes. What was read of one is known by its month, its digest and its
ciphertext, so that another ciphertext, damaged or exchanged, is opened and checked.
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
# Of each part, by the function that reads it. The counts that longer periods add up are up to some
# megabytes a month.
MOST_MONTHS = 24
_parts: defaultdict[object, Cache[Any]] = defaultdict(lambda: Cache(MOST_MONTHS))


def first(session: Session, month: Month) -> Snapshot | None:
    """The closing that holds for a month, if it was closed."""
    return session.scalars(
        select(Snapshot).where(Snapshot.month == month).order_by(Snapshot.number).limit(1)
    ).first()


def firsts(session: Session, months: Collection[Month]) -> dict[Month, Snapshot]:
    """The closings that hold for some months, with their payloads; by month."""
    query = select(Snapshot).where(Snapshot.month.in_(months)).order_by(Snapshot.number.desc())
    found = session.scalars(query.options(undefer(Snapshot.payload_sealed)))
    return {one.month: one for one in found}


def payload_of(snapshot: Snapshot) -> dict[str, Any]:
    """The payload of a snapshot; Refused `snapshot_broken` when it was changed or does not fit its
    digest.
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
    """What a function reads of a payload, cached; the function must return an immutable value.

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
    """Figures of a closed month."""
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
