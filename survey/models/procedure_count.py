"""Answers counted per procedure, for the whole province. This file is their only writer.

A dossier is often the only one of its procedure in a month, whatever stands beside it in its cell;
so a stolen database must not tell what was said about which procedure. Each group is one row under
a keyed hash, its name and its counts sealed at one length.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import Insert, LargeBinary, Row, String, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey import sealing
from survey.bulk import write_many
from survey.db import Base, connection_of, read_plain, table_of

COUNTS_BYTES = 512
# Question → how many answers gave 1 … 5.
Counts = Mapping[str, Sequence[int]]
# (Question, rating 1–5) → how many answers came, or went.
Steps = Mapping[tuple[str, int], int]


class Group(NamedTuple):
    """Dossiers of one procedure, all agencies together. `month` is YYYY-MM, local."""

    month: str
    procedure_code: str
    channel: str
    lateness: str


class ProcedureCount(Base):
    """How many answers gave 1 … 5 to each question in one group; sums equal those of Count."""

    __tablename__ = "procedure_count"
    __table_args__ = ({"sqlite_with_rowid": False},)

    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    # Keyed hash of the group: a row is found by its group, never the group by its row.
    group_hash: Mapped[bytes] = mapped_column(primary_key=True)
    # The group and its Counts.
    counts_sealed: Mapped[bytes]


_OF_MONTH = select(ProcedureCount.group_hash, ProcedureCount.counts_sealed).where(
    ProcedureCount.month == bindparam("month")
)
# The one group of an answer, with one key; and any others.
_ONE = _OF_MONTH.where(ProcedureCount.group_hash == bindparam("group_hash"))
_CHOSEN = _OF_MONTH.where(ProcedureCount.group_hash.in_(bindparam("hashes", expanding=True)))
_AT = (
    ProcedureCount.month == bindparam("at_month"),
    ProcedureCount.group_hash == bindparam("at_hash"),
)
_CHANGE = update(table_of(ProcedureCount)).where(*_AT)
_CHANGE = _CHANGE.values(
    group_hash=bindparam("group_hash", type_=LargeBinary()),
    counts_sealed=bindparam("counts_sealed", type_=LargeBinary()),
)
_DROP = delete(table_of(ProcedureCount)).where(*_AT)


def procedure_counts(session: Session, month: str) -> dict[Group, Counts]:
    """Every group of a month (YYYY-MM) in which somebody answered."""
    rows = session.execute(_OF_MONTH, {"month": month})
    return {group: one.counts for group, one in _opened(session, month, rows).items()}


def move_procedure_counts(session: Session, moved: Mapping[Group, Steps]) -> None:
    """Count ratings of groups in, or out (steps may be negative). A group without any answer
    leaves no row.

    ValueError when a number would become negative. The caller holds `lock_answers`.
    """
    for month in sorted({group.month for group in moved}):
        _move(session, {one: steps for one, steps in moved.items() if one.month == month}, month)


def rekey_procedure_counts(session: Session, month: str) -> int:
    """Seal a month's rows of an old key again with the current one, and hash their groups anew; how
    many. The caller holds `lock_answers`.
    """
    current = sealing.keyring(session)[0].id
    rows = connection_of(session).execute(_OF_MONTH, {"month": month}).all()
    old = sum(not row.counts_sealed.startswith(current) for row in rows)
    if old:
        for group, stored in _opened(session, month, rows).items():
            _replace(session, group, stored.hashes, stored.counts)
    return old


@cache
def _writing(dialect_name: str) -> Insert:
    """The statement that makes the row of a group, or seals other counts in it."""
    core = table_of(ProcedureCount)
    fresh = (postgresql if dialect_name == "postgresql" else sqlite).insert(core)
    counts = {"counts_sealed": fresh.excluded.counts_sealed}
    statement: Insert = fresh.on_conflict_do_update(
        index_elements=list(core.primary_key), set_=counts
    )
    return statement


class _Stored(NamedTuple):
    """The counts of a group and the rows they lie in: two, where answers came while a key that is
    in use was not named.
    """

    hashes: list[bytes]
    counts: dict[str, list[int]]


def _move(session: Session, moved: Mapping[Group, Steps], month: str) -> None:
    hashes = [one for group in moved for one in _hashes(session, group)]
    connection = connection_of(session)
    if len(hashes) == 1:
        rows = read_plain(session, _ONE, {"month": month, "group_hash": hashes[0]})
    else:
        rows = connection.execute(_CHOSEN, {"month": month, "hashes": hashes}).all()
    opened = _opened(session, month, rows)
    fresh = []
    for group, steps in moved.items():
        stored = opened.get(group, _Stored([], {}))
        counts = _added(stored.counts, steps)
        if counts and stored.hashes in ([], _hashes(session, group)[:1]):
            fresh.append({"month": month, **_seal(session, group, counts)})
        elif stored.hashes:
            _replace(session, group, stored.hashes, counts)
    write_many(session, _writing(connection.dialect.name), fresh)


def _replace(session: Session, group: Group, hashes: Sequence[bytes], counts: Counts) -> None:
    """Let one row hold the counts of a group, or none where there are none."""
    connection = connection_of(session)
    for surplus in hashes if not counts else hashes[1:]:
        connection.execute(_DROP, {"at_month": group.month, "at_hash": surplus})
    if counts:
        at = {"at_month": group.month, "at_hash": hashes[0]}
        connection.execute(_CHANGE, {**at, **_seal(session, group, counts)})


def _added(before: Counts, steps: Steps) -> dict[str, list[int]]:
    after = {question: list(ratings) for question, ratings in before.items()}
    for (question, rating), step in steps.items():
        after.setdefault(question, [0, 0, 0, 0, 0])[rating - 1] += step
    if any(number < 0 for ratings in after.values() for number in ratings):
        message = "more answers would be counted out than were counted in"
        raise ValueError(message)
    return {question: ratings for question, ratings in after.items() if any(ratings)}


def _hashes(session: Session, group: Group) -> list[bytes]:
    return sealing.group_hashes(session, "|".join(group))


def _seal(session: Session, group: Group, counts: Counts) -> dict[str, object]:
    found_by = _hashes(session, group)[0]
    place = _place(group.month, found_by)
    sealed = sealing.seal_values(session, *place, [group, counts], COUNTS_BYTES)
    return {"group_hash": found_by, "counts_sealed": sealed}


def _opened(
    session: Session, month: str, rows: Iterable[Row[bytes, bytes]]
) -> dict[Group, _Stored]:
    found: dict[Group, _Stored] = {}
    for found_by, sealed in rows:
        group, counts = sealing.unseal_values(session, *_place(month, found_by), sealed)
        stored = found.setdefault(Group(*group), _Stored([], {}))
        stored.hashes.append(found_by)
        for question, ratings in counts.items():
            so_far = stored.counts.get(question, [0] * len(ratings))
            stored.counts[question] = [
                one + more for one, more in zip(so_far, ratings, strict=True)
            ]
    return found


def _place(month: str, found_by: bytes) -> tuple[str, str]:
    return "procedure_count.counts", f"{month}/{found_by.hex()}"
