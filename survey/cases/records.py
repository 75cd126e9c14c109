"""Cache of decrypted cases by id and revision, because decryption is the main cost of a list.

There is no access control here: `access_control` filters after the cache, on every request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnExpressionArgument, Engine, select
from sqlalchemy.orm import Session

from survey.cases.deadlines import RUNNING
from survey.crypto.keys import keyring
from survey.db import chunked, connection_of, table_of
from survey.models.case import (
    Case,
    CaseReason,
    CaseRecord,
    CaseState,
    record_if_it_opens,
)

# Most decrypted cases that a process caches for one database, about a kilobyte each.
MOST_CACHED = 1 << 15

_CASE = table_of(Case).c
_CURRENT = select(_CASE.id, _CASE.revision).where(_CASE.is_archived.is_(False))
_ROWS = select(
    *(_CASE.id, _CASE.revision, _CASE.code, _CASE.month, _CASE.record_sealed),
    _CASE.contact_sealed.is_not(None).label("wishes_call"),
)


@dataclass(slots=True, eq=False, kw_only=True)
class OpenedCase:
    """The decrypted record of a case at one revision, with its sort keys; no contact data.

    `next_due`: the deadline of the first reaction until there is one, then of the reply.
    `deadline`: the same while it runs, else None. `is_grave`: it has grave words and waits for
    staff. `order`: running deadlines first, then replied, closed ones last; soonest due first.
    `comment`: nonce and words of the citizen's comment as `search` last read them; None before.
    """

    id: int
    revision: int
    code: str
    month: str
    wishes_call: bool
    record: CaseRecord
    next_due: datetime
    deadline: datetime | None
    is_grave: bool
    order: tuple[int, datetime, str]
    comment: tuple[bytes, str] | None = None

    @property
    def answer(self) -> str:
        """The comment's words between spaces, as `search` compares them; empty before reading."""
        return self.comment[1] if self.comment else ""


@dataclass(frozen=True, slots=True)
class RecordCache:
    """The unarchived cases of one database, in order, as last listed."""

    # Identifies the database: another one restored in its place has another key.
    token_key: bytes
    cases: list[OpenedCase]


CACHES: WeakKeyDictionary[Engine, RecordCache] = WeakKeyDictionary()


def opened_in_work(session: Session) -> list[OpenedCase]:
    """All unarchived cases that can be decrypted, soonest due first; changed ones are reread."""
    engine, token_key = session.get_bind().engine, keyring(session).token_key
    cache = CACHES.get(engine)
    before = cache.cases if cache is not None and cache.token_key == token_key else []
    current = dict(connection_of(session).execute(_CURRENT).all())
    cases = [one for one in before if current.get(one.id) == one.revision]
    if len(cases) < len(current):
        missing = list(current.keys() - {one.id for one in cases})
        for some in chunked(missing):
            cases += opened_where(session, Case.id.in_(some))
        cases.sort(key=lambda one: one.order)
    CACHES[engine] = RecordCache(token_key, cases[:MOST_CACHED])
    return cases


def opened_where(session: Session, *chosen: ColumnExpressionArgument[bool]) -> Iterable[OpenedCase]:
    """Decrypt cases without the cache; one that cannot be decrypted is logged and left out."""
    for row in connection_of(session).execute(_ROWS.where(*chosen)):
        record = record_if_it_opens(session, row.code, row.record_sealed)
        if record is None:
            continue
        has_reaction, is_running = record.first_reaction_at is not None, record.state in RUNNING
        next_due = record.due_at if has_reaction else record.first_due_at
        rest = 0 if is_running else 1 if record.state == CaseState.REPLIED else 2
        yield OpenedCase(
            id=row.id,
            revision=row.revision,
            code=row.code,
            month=row.month,
            wishes_call=row.wishes_call,
            record=record,
            next_due=next_due,
            deadline=next_due if is_running else None,
            is_grave=is_running and record.reason == CaseReason.GRAVE_WORDS,
            order=(rest, next_due, row.code),
        )
