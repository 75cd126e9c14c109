"""Answers counted per procedure, for the whole province. This file is their only writer.

A dossier is often the only one of its procedure in a month, whatever stands beside it in its cell;
so a stolen database must not tell what was said about which procedure. Each group is one row under
a keyed hash, its name and its counts sealed at one length.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import ClassVar, NamedTuple

from sqlalchemy import Insert, Row, String, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey.crypto.reasons import COUNTED
from survey.crypto.sealed import Json, KeyedHash, Sealed, row_name
from survey.db import Base, connection_of, read_plain, table_of, write_many

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
    by_group = KeyedHash("group_hash")
    # The group and its Counts.
    counts_sealed: Mapped[bytes]
    counts = Sealed[tuple[Group, dict[str, list[int]]]](
        Json(tuple[Group, dict[str, list[int]]], COUNTS_BYTES), row=("month", "group_hash")
    )

    __clear__: ClassVar = {COUNTED: "month"}


_OF_MONTH = select(ProcedureCount.group_hash, ProcedureCount.counts_sealed).where(
    ProcedureCount.month == bindparam("month")
)
# The one group of an answer, with one key; and any others.
_ONE = _OF_MONTH.where(ProcedureCount.group_hash == bindparam("group_hash"))
_CHOSEN = _OF_MONTH.where(ProcedureCount.group_hash.in_(bindparam("hashes", expanding=True)))
_DROP = delete(table_of(ProcedureCount)).where(
    ProcedureCount.month == bindparam("at_month"), ProcedureCount.group_hash == bindparam("at_hash")
)


def procedure_counts(session: Session, month: str) -> dict[Group, Counts]:
    """Every group of a month (YYYY-MM) in which somebody answered."""
    rows = session.execute(_OF_MONTH, {"month": month})
    return dict(_opened(session, month, rows))


def move_procedure_counts(session: Session, moved: Mapping[Group, Steps]) -> None:
    """Count ratings of groups in, or out (steps may be negative). A group without any answer
    leaves no row.

    ValueError when a number would become negative. The caller holds `lock_answers`.
    """
    for month in sorted({group.month for group in moved}):
        _move(session, {one: steps for one, steps in moved.items() if one.month == month}, month)


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


def _move(session: Session, moved: Mapping[Group, Steps], month: str) -> None:
    hashes = [_hash(session, group) for group in moved]
    connection = connection_of(session)
    if len(hashes) == 1:
        rows = read_plain(session, _ONE, {"month": month, "group_hash": hashes[0]})
    else:
        rows = connection.execute(_CHOSEN, {"month": month, "hashes": hashes}).all()
    opened = _opened(session, month, rows)
    fresh = []
    for group, steps in moved.items():
        counts = _added(opened.get(group, {}), steps)
        if counts:
            fresh.append(_row(session, group, counts))
        elif group in opened:
            connection.execute(_DROP, {"at_month": month, "at_hash": _hash(session, group)})
    write_many(session, _writing(connection.dialect.name), fresh)


def _added(before: Counts, steps: Steps) -> dict[str, list[int]]:
    after = {question: list(ratings) for question, ratings in before.items()}
    for (question, rating), step in steps.items():
        after.setdefault(question, [0, 0, 0, 0, 0])[rating - 1] += step
    if any(number < 0 for ratings in after.values() for number in ratings):
        message = "more answers would be counted out than were counted in"
        raise ValueError(message)
    return {question: ratings for question, ratings in after.items() if any(ratings)}


def _hash(session: Session, group: Group) -> bytes:
    return ProcedureCount.by_group.of(session, "|".join(group))


def _row(session: Session, group: Group, counts: dict[str, list[int]]) -> dict[str, object]:
    found_by = _hash(session, group)
    row = row_name(group.month, found_by)
    sealed = ProcedureCount.counts.encrypt(session, row, (group, counts))
    return {"month": group.month, "group_hash": found_by, "counts_sealed": sealed}


def _opened(
    session: Session, month: str, rows: Iterable[Row[bytes, bytes]]
) -> dict[Group, dict[str, list[int]]]:
    return dict(
        ProcedureCount.counts.decrypt(session, row_name(month, found_by), sealed)
        for found_by, sealed in rows
    )
