"""Answers counted per procedure, for the whole province. This file is their only writer.

A dossier is often the only one of its procedure in a month, whatever stands beside it in its cell;
so a stolen database must not tell what was said about which procedure. Each group is one row under
a keyed hash, its name and its counts sealed at one length.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import LargeBinary, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from survey import sealing
from survey.db import Base, connection_of, table_of, write_many

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


_ROWS = select(ProcedureCount.month, ProcedureCount.group_hash, ProcedureCount.counts_sealed)
_OF_MONTHS = _ROWS.where(ProcedureCount.month.in_(bindparam("months", expanding=True)))
_CHOSEN = _ROWS.where(
    ProcedureCount.month == bindparam("month"),
    ProcedureCount.group_hash.in_(bindparam("hashes", expanding=True)),
)
_WRITE = insert(table_of(ProcedureCount))
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


def procedure_counts(session: Session, months: Sequence[str]) -> Iterator[tuple[Group, Counts]]:
    """Every group of these months (YYYY-MM) in which somebody answered, in no order."""
    for row in session.execute(_OF_MONTHS, {"months": list(months)}):
        yield _open(session, *row)


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
    connection = connection_of(session)
    moved = 0
    for row in connection.execute(_OF_MONTHS, {"months": [month]}).all():
        if not row.counts_sealed.startswith(current):
            at = {"at_month": row.month, "at_hash": row.group_hash}
            connection.execute(_CHANGE, {**at, **_seal(session, *_open(session, *row))})
            moved += 1
    return moved


def _move(session: Session, moved: Mapping[Group, Steps], month: str) -> None:
    connection = connection_of(session)
    hashes = [one for group in moved for one in _hashes(session, group)]
    stored = {}
    for row in connection.execute(_CHOSEN, {"month": month, "hashes": hashes}).all():
        group, counts = _open(session, *row)
        stored[group] = {"at_month": month, "at_hash": row.group_hash}, counts
    fresh = []
    for group, steps in moved.items():
        at, before = stored.get(group, ({}, {}))
        counts = _added(before, steps)
        if not counts:
            connection.execute(_DROP, at)
        elif at:
            connection.execute(_CHANGE, {**at, **_seal(session, group, counts)})
        else:
            fresh.append({"month": month, **_seal(session, group, counts)})
    write_many(session, _WRITE, fresh)


def _added(before: Counts, steps: Steps) -> dict[str, list[int]]:
    after = {question: list(ratings) for question, ratings in before.items()}
    for (question, rating), step in steps.items():
        after.setdefault(question, [0, 0, 0, 0, 0])[rating - 1] += step
    if min(map(min, after.values())) < 0:
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


def _open(session: Session, month: str, found_by: bytes, sealed: bytes) -> tuple[Group, Counts]:
    group, counts = sealing.unseal_values(session, *_place(month, found_by), sealed)
    return Group(*group), counts


def _place(month: str, found_by: bytes) -> tuple[str, str]:
    return "procedure_count.counts", f"{month}/{found_by.hex()}"
