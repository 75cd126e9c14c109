"""Counts and frame, the only figures reports read. This file is their only writer.

Both are kept per cell: agency × sector × month × channel × lateness (× question), and apart from
that per procedure (`procedure_count`). The key space is fixed, so a report costs the same at ten
thousand and at a hundred million answers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CheckConstraint,
    Delete,
    ForeignKey,
    Index,
    Insert,
    String,
    Update,
    and_,
    bindparam,
    delete,
    func,
    inspect,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.schema import SchemaItem

from survey.bulk import write_many
from survey.db import Base, connection_of, lay_anew, one_of, table_of
from survey.models.dossier import Channel, Lateness
from survey.models.procedure_count import Group, move_procedure_counts
from survey.models.questionnaire import Question

# Rows that change places with those just counted, at most.
SHUFFLED_AT_ONCE = 100
LEVELS = ("n1", "n2", "n3", "n4", "n5")


class Cell(NamedTuple):
    """Where a dossier is counted, fixed when it finishes. `month` is YYYY-MM, local."""

    agency_id: int
    sector_code: str
    month: str
    channel: str
    lateness: str


class _InMonth:
    """The first part of every key: a local month, YYYY-MM."""

    month: Mapped[str] = mapped_column(String(7), primary_key=True, sort_order=-9)


class _ByHandling:
    """The end of every key: how a dossier was handed in, and whether its result came late."""

    channel: Mapped[str] = mapped_column(String(10), primary_key=True, sort_order=-5)
    lateness: Mapped[str] = mapped_column(String(10), primary_key=True, sort_order=-4)


class _OfAgency(_InMonth, _ByHandling):
    """The key of a cell."""

    agency_id: Mapped[int] = mapped_column(
        ForeignKey("agency.id"), primary_key=True, autoincrement=False, sort_order=-8
    )
    sector_code: Mapped[str] = mapped_column(
        ForeignKey("sector.code"), primary_key=True, sort_order=-7
    )


def _constraints(not_negative: str, *more: SchemaItem) -> tuple[Any, ...]:
    """What every table of counts has; counts lie in the order of their keys."""
    kinds = (one_of("channel", Channel), one_of("lateness", Lateness))
    check = CheckConstraint(not_negative, name="not_negative")
    return (*kinds, *more, check, {"sqlite_with_rowid": False})


class Count(_OfAgency, Base):
    """How many answers gave 1 … 5 to one question in one cell."""

    __tablename__ = "count"
    __table_args__ = _constraints(
        "n1 >= 0 AND n2 >= 0 AND n3 >= 0 AND n4 >= 0 AND n5 >= 0", one_of("question", Question)
    )

    question: Mapped[str] = mapped_column(String(10), primary_key=True)
    n1: Mapped[int] = mapped_column(default=0)
    n2: Mapped[int] = mapped_column(default=0)
    n3: Mapped[int] = mapped_column(default=0)
    n4: Mapped[int] = mapped_column(default=0)
    n5: Mapped[int] = mapped_column(default=0)


class Frame(_OfAgency, Base):
    """How many dossiers of a cell finished, were invited and were reached.

    How many answered is how many rated: a row that moved with each answer would tell, by its place
    among the others on PostgreSQL, whose cell was answered last.
    """

    __tablename__ = "frame"
    __table_args__ = _constraints("finished >= 0 AND invited >= 0 AND delivered >= 0")

    finished: Mapped[int] = mapped_column(default=0)
    invited: Mapped[int] = mapped_column(default=0)
    delivered: Mapped[int] = mapped_column(default=0)


# Overall ratings of a row, and of a cell of the frame: nobody answers without one.
RATED = func.coalesce(Count.n1 + Count.n2 + Count.n3 + Count.n4 + Count.n5, 0)
OF_FRAME = and_(
    Count.month == Frame.month,
    Count.agency_id == Frame.agency_id,
    Count.sector_code == Frame.sector_code,
    Count.channel == Frame.channel,
    Count.lateness == Frame.lateness,
    Count.question == Question.OVERALL,
)


class ProcedureFrame(_InMonth, _ByHandling, Base):
    """How many dossiers of a procedure finished, all agencies together."""

    __tablename__ = "procedure_frame"
    __table_args__ = _constraints(
        "finished >= 0", Index("ix_procedure_frame_procedure_code", "procedure_code")
    )

    procedure_code: Mapped[str] = mapped_column(
        ForeignKey("procedure.code"), primary_key=True, sort_order=-6
    )
    finished: Mapped[int] = mapped_column(default=0)


def _add(
    session: Session, table: type[Base], key: Mapping[str, object], steps: Mapping[str, int]
) -> None:
    """Add `steps` to the row at `key`, making it when missing: one statement, safe when many do it
    at once.
    """
    connection = connection_of(session)
    if min(steps.values()) < 0:  # only what was counted is taken out, so the row is there
        at_key = {f"at_{name}": value for name, value in key.items()}
        by = {f"by_{name}": step for name, step in steps.items()}
        connection.execute(_taking(table, tuple(key), tuple(steps)), {**at_key, **by})
        return
    statement = _putting(table, connection.dialect.name, tuple(steps))
    write_many(session, statement, [{**key, **steps}])


@cache
def _taking(table: type[Base], key: tuple[str, ...], counted: tuple[str, ...]) -> Update:
    """The statement that adds to columns of one row; built once, since every answer needs it."""
    columns = table.__table__.columns
    moved = {name: columns[name] + bindparam(f"by_{name}") for name in counted}
    return update(table).where(*(columns[n] == bindparam(f"at_{n}") for n in key)).values(moved)


@cache
def _emptying(table: type[Base], key: tuple[str, ...]) -> Delete:
    """The statement that drops a row in which nothing is counted any more: it would tell that an
    answer was taken out. Who puts one in at once waits for it, and makes the row anew.
    """
    columns = table.__table__.columns
    is_empty = (columns[level] == 0 for level in LEVELS)
    return delete(table).where(*(columns[n] == bindparam(n) for n in key), *is_empty)


@cache
def _putting(table: type[Base], dialect_name: str, counted: tuple[str, ...]) -> Insert:
    """The statement that makes a row or adds its `counted` columns to the row that is there."""
    core = inspect(table).local_table
    fresh = (postgresql if dialect_name == "postgresql" else sqlite).insert(core)
    grown = {name: core.c[name] + fresh.excluded[name] for name in counted}
    statement: Insert = fresh.on_conflict_do_update(
        index_elements=list(core.primary_key), set_=grown
    )
    return statement


def move_frame(session: Session, cell: Cell, **steps: int) -> None:
    """Add to finished, invited or delivered of a cell (steps may be negative)."""
    _add(session, Frame, cell._asdict(), steps)


def count_finished(
    session: Session, finished: Mapping[tuple[Cell, str], int], invited: Mapping[Cell, int]
) -> None:
    """Count finished dossiers ((cell, procedure code) → how many) and those asked, a chunk at once.

    Rows go in a fixed order, so that two writers never wait for each other.
    """
    cells: Counter[Cell] = Counter()
    procedures: Counter[Group] = Counter()
    for (cell, procedure_code), times in finished.items():
        cells[cell] += times
        procedures[_group(cell, procedure_code)] += times
    frame = [
        {**cell._asdict(), "finished": times, "invited": invited.get(cell, 0)}
        for cell, times in sorted(cells.items())
    ]
    _add_all(session, Frame, frame, ("finished", "invited"))
    by_procedure = [
        {**group._asdict(), "finished": times} for group, times in sorted(procedures.items())
    ]
    _add_all(session, ProcedureFrame, by_procedure, ("finished",))


def count_answers(session: Session, answered: Mapping[tuple[Cell, str, str, int], int]) -> None:
    """Count many ratings ((cell, procedure code, question, 1–5) → how many) at once."""
    cells: dict[tuple[Cell, str], Counter[str]] = {}
    groups: dict[Group, Counter[tuple[str, int]]] = {}
    for (cell, procedure_code, question, rating), times in answered.items():
        row = cells.setdefault((cell, question), Counter(dict.fromkeys(LEVELS, 0)))
        row[f"n{rating}"] += times
        groups.setdefault(_group(cell, procedure_code), Counter())[question, rating] += times
    rows = [
        {**cell._asdict(), "question": question, **levels}
        for (cell, question), levels in sorted(cells.items(), key=repr)
    ]
    _add_all(session, Count, rows, LEVELS)
    move_procedure_counts(session, groups)


def count_reached(session: Session, delivered: Mapping[Cell, int]) -> None:
    """Count invitations that arrived, of many cells at once."""
    rows = [{**cell._asdict(), "delivered": times} for cell, times in sorted(delivered.items())]
    _add_all(session, Frame, rows, ("delivered",))


def _add_all(
    session: Session,
    table: type[Frame | ProcedureFrame | Count],
    rows: Sequence[Mapping[str, object]],
    counted: Sequence[str],
) -> None:
    """Add many rows in one statement; those that are there grow by the `counted` columns."""
    if not rows:
        return
    dialect_name = connection_of(session).dialect.name
    write_many(session, _putting(table, dialect_name, tuple(counted)), rows)


def move_counts(
    session: Session,
    cell: Cell,
    procedure_code: str,
    old: Mapping[str, int],
    new: Mapping[str, int],
) -> None:
    """Take ratings `old` (question → 1–5) out of the cell and its procedure, put `new` in."""
    moved = Counter(new.items())
    moved.subtract(old.items())
    steps = {rated: step for rated, step in moved.items() if step}
    for (question, rating), step in sorted(steps.items(), key=lambda one: -one[1]):
        key = {**cell._asdict(), "question": question}
        _add(session, Count, key, {f"n{rating}": step})
        if step < 0:
            connection_of(session).execute(_emptying(Count, tuple(key)), key)
    if not steps:
        return
    move_procedure_counts(session, {_group(cell, procedure_code): steps})
    if connection_of(session).dialect.name == "postgresql":
        _forget_order(session, cell)


def _group(cell: Cell, procedure_code: str) -> Group:
    return Group(cell.month, procedure_code, cell.channel, cell.lateness)


def _forget_order(session: Session, cell: Cell) -> None:
    """Lay what was just counted among others of its month in a new random order.

    The end of the table would tell which cell was answered last. `lock_answers` was taken before.
    """
    columns = table_of(Count).columns
    key = cell._asdict()
    keys = [columns[name] for name in (*key, "question")]
    others = select(*keys).where(columns.month == cell.month).order_by(func.random())
    just_counted = and_(*(columns[name] == value for name, value in key.items()))
    chosen = or_(just_counted, tuple_(*keys).in_(others.limit(SHUFFLED_AT_ONCE)))
    lay_anew(session, Count, and_(columns.month == cell.month, chosen))
