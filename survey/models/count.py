"""Counts of ratings and the sampling frame, from which all figures are computed.

Both are stored per cell: agency × sector × month × channel × lateness (counts also × question). The
number of cells does not grow with the answers, so a report costs the same for ten thousand and for
a hundred million answers. No other module writes these tables.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Insert,
    String,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.schema import SchemaItem

from survey.bulk import write_many
from survey.crypto.reasons import COUNTED, FRAME
from survey.db import Base, connection_of, one_of, table_of
from survey.models.dossier import Channel, Lateness
from survey.models.questionnaire import OVERALL
from survey.period import Month

LEVELS = ("n1", "n2", "n3", "n4", "n5")


class Cell(NamedTuple):
    """The stratum in which a dossier is counted, fixed when it finishes.

    `month`: local month (YYYY-MM) of the finish.
    """

    agency_id: int
    sector_code: str
    month: Month
    channel: str
    lateness: str


class Group(NamedTuple):
    """The stratum of a dossier by procedure, over all agencies.

    `month`: local month (YYYY-MM) of the finish.
    """

    month: Month
    procedure_code: str
    channel: str
    lateness: str


class _InMonth:
    """First part of every primary key: the local month of the finish (YYYY-MM)."""

    month: Mapped[Month] = mapped_column(primary_key=True, sort_order=-10)


class _ByHandling:
    """Last parts of every primary key: how a dossier was handed in, and its lateness."""

    channel: Mapped[str] = mapped_column(String(10), primary_key=True, sort_order=-5)
    lateness: Mapped[str] = mapped_column(String(10), primary_key=True, sort_order=-4)


class _OfAgency(_InMonth, _ByHandling):
    """Primary key of a cell."""

    agency_id: Mapped[int] = mapped_column(
        ForeignKey("agency.id"), primary_key=True, autoincrement=False, sort_order=-8
    )
    sector_code: Mapped[str] = mapped_column(
        ForeignKey("sector.code"), primary_key=True, sort_order=-7
    )


def _constraints(not_negative: str, *more: SchemaItem) -> tuple[Any, ...]:
    """Table arguments of every table of counts; WITHOUT ROWID stores rows in the order of keys."""
    kinds = (one_of("channel", Channel), one_of("lateness", Lateness))
    check = CheckConstraint(not_negative, name="not_negative")
    return (*kinds, *more, check, {"sqlite_with_rowid": False})


class Count(_OfAgency, Base):
    """Number of ballots that rate a question 1, 2, … 5 in a cell, as of the last counting batch."""

    __tablename__ = "count"
    __table_args__ = _constraints("n1 >= 0 AND n2 >= 0 AND n3 >= 0 AND n4 >= 0 AND n5 >= 0")

    # Second in the primary key, so that the counts of one question in a month are stored together.
    question: Mapped[str] = mapped_column(
        ForeignKey("question.code"), primary_key=True, sort_order=-9
    )
    n1: Mapped[int] = mapped_column(default=0)
    n2: Mapped[int] = mapped_column(default=0)
    n3: Mapped[int] = mapped_column(default=0)
    n4: Mapped[int] = mapped_column(default=0)
    n5: Mapped[int] = mapped_column(default=0)

    __clear__: ClassVar = {
        COUNTED: "month agency_id sector_code channel lateness question n1 n2 n3 n4 n5"
    }


class Frame(_OfAgency, Base):
    """The sampling frame: number of dossiers finished, invited and delivered in a cell.

    The number answered is that of ratings of the overall question (`RATED`).
    """

    __tablename__ = "frame"
    __table_args__ = _constraints("finished >= 0 AND invited >= 0 AND delivered >= 0")

    finished: Mapped[int] = mapped_column(default=0)
    invited: Mapped[int] = mapped_column(default=0)
    delivered: Mapped[int] = mapped_column(default=0)

    __clear__: ClassVar = {
        FRAME: "month agency_id sector_code channel lateness finished invited delivered"
    }


# Number of ratings in a row of counts; 0 for a cell of the frame without one.
RATED = func.coalesce(Count.n1 + Count.n2 + Count.n3 + Count.n4 + Count.n5, 0)
# Join of a cell of the frame with its counts of the overall question, which every answer rates.
OF_FRAME = and_(
    Count.month == Frame.month,
    Count.agency_id == Frame.agency_id,
    Count.sector_code == Frame.sector_code,
    Count.channel == Frame.channel,
    Count.lateness == Frame.lateness,
    Count.question == OVERALL,
)


_COUNT_CELL = [getattr(Count, part) for part in Cell._fields]
_LEVELS = [getattr(Count, level) for level in LEVELS]
_WRITE_COUNTS = insert(table_of(Count))


class ProcedureFrame(_InMonth, _ByHandling, Base):
    """Number of finished dossiers by procedure, over all agencies."""

    __tablename__ = "procedure_frame"
    __table_args__ = _constraints(
        "finished >= 0", Index("ix_procedure_frame_procedure_code", "procedure_code")
    )

    procedure_code: Mapped[str] = mapped_column(
        ForeignKey("procedure.code"), primary_key=True, sort_order=-6
    )
    finished: Mapped[int] = mapped_column(default=0)

    __clear__: ClassVar = {FRAME: "month procedure_code channel lateness finished"}


def _add(
    session: Session, table: type[Base], key: Mapping[str, object], steps: Mapping[str, int]
) -> None:
    """Add `steps` to the counters of the row at `key`, in one atomic statement.

    A missing row is inserted (upsert), unless a step is negative.
    """
    connection = connection_of(session)
    if min(steps.values()) < 0:  # only what was counted before is subtracted, so the row exists
        at_key = {f"at_{name}": value for name, value in key.items()}
        by = {f"by_{name}": step for name, step in steps.items()}
        connection.execute(_update_of(table, tuple(key), tuple(steps)), {**at_key, **by})
        return
    statement = _upsert_of(table, connection.dialect.name, tuple(steps))
    write_many(session, statement, [{**key, **steps}])


@cache
def _update_of(table: type[Base], key: tuple[str, ...], counted: tuple[str, ...]) -> Update:
    """UPDATE that adds to counters of one row; cached, because it is needed for every change."""
    columns = table.__table__.columns
    moved = {name: columns[name] + bindparam(f"by_{name}") for name in counted}
    return update(table).where(*(columns[n] == bindparam(f"at_{n}") for n in key)).values(moved)


@cache
def _upsert_of(table: type[Base], dialect_name: str, counted: tuple[str, ...]) -> Insert:
    """Upsert that inserts a row, or adds its `counted` columns to the existing row."""
    core = inspect(table).local_table
    fresh = (postgresql if dialect_name == "postgresql" else sqlite).insert(core)
    grown = {name: core.c[name] + fresh.excluded[name] for name in counted}
    statement: Insert = fresh.on_conflict_do_update(
        index_elements=list(core.primary_key), set_=grown
    )
    return statement


def move_frame(session: Session, cell: Cell, **steps: int) -> None:
    """Add steps, which may be negative, to `finished`, `invited` or `delivered` of a cell."""
    _add(session, Frame, cell._asdict(), steps)


def count_finished(
    session: Session, finished: Mapping[tuple[Cell, str], int], invited: Mapping[Cell, int]
) -> None:
    """Add finished dossiers by (cell, procedure code), and invited ones by cell, to the frame.

    Rows are written in the order of their keys, so that concurrent writers cannot deadlock.
    """
    cells: Counter[Cell] = Counter()
    procedures: Counter[Group] = Counter()
    for (cell, procedure_code), times in finished.items():
        cells[cell] += times
        procedures[Group(cell.month, procedure_code, cell.channel, cell.lateness)] += times
    frame = [
        {**cell._asdict(), "finished": times, "invited": invited.get(cell, 0)}
        for cell, times in sorted(cells.items())
    ]
    _add_all(session, Frame, frame, ("finished", "invited"))
    by_procedure = [
        {**group._asdict(), "finished": times} for group, times in sorted(procedures.items())
    ]
    _add_all(session, ProcedureFrame, by_procedure, ("finished",))


def add_counts(session: Session, moved: Mapping[tuple[Cell, str, int], int]) -> None:
    """Add to the counts by (cell, question, rating 1–5); negative numbers are subtracted.

    All counts of a changed month are rewritten in shuffled order: otherwise changed rows would
    stand physically behind the others (ctid). ValueError if a count becomes negative.
    """
    for month in sorted({cell.month for (cell, _, _), step in moved.items() if step}):
        counts: dict[tuple[Cell, str], list[int]] = {}
        query = select(*_COUNT_CELL, Count.question, *_LEVELS).where(Count.month == month)
        for *cell, question, n1, n2, n3, n4, n5 in session.execute(query):
            counts[Cell(*cell), question] = [n1, n2, n3, n4, n5]
        for (cell_of, question, rating), step in moved.items():
            if cell_of.month == month:
                counts.setdefault((cell_of, question), [0] * len(LEVELS))[rating - 1] += step
        _write_counts(session, month, counts)


def _write_counts(
    session: Session, month: Month, counts: Mapping[tuple[Cell, str], Sequence[int]]
) -> None:
    if any(number < 0 for numbers in counts.values() for number in numbers):
        message = "more answers would be counted out than were counted in"
        raise ValueError(message)
    rows = [
        {**cell._asdict(), "question": question, **dict(zip(LEVELS, numbers, strict=True))}
        for (cell, question), numbers in counts.items()
        if any(numbers)
    ]
    secrets.SystemRandom().shuffle(rows)
    session.execute(delete(Count).where(Count.month == month))
    write_many(session, _WRITE_COUNTS, rows)


def drop_counts(session: Session) -> None:
    """Delete all counts, before a recount adds them again."""
    session.execute(delete(Count))


def count_reached(session: Session, delivered: Mapping[Cell, int]) -> None:
    """Add delivered invitations by cell to the sampling frame."""
    rows = [{**cell._asdict(), "delivered": times} for cell, times in sorted(delivered.items())]
    _add_all(session, Frame, rows, ("delivered",))


def _add_all(
    session: Session,
    table: type[Frame | ProcedureFrame],
    rows: Sequence[Mapping[str, object]],
    counted: Sequence[str],
) -> None:
    """Upsert many rows; the `counted` columns are added to those of existing rows."""
    if not rows:
        return
    dialect_name = connection_of(session).dialect.name
    write_many(session, _upsert_of(table, dialect_name, tuple(counted)), rows)
