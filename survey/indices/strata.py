"""Post-strata of many months, as arrays: one statement reads the sampling frame, one the ratings.

300 agencies have 170,000 strata in two years. As rows these cost several Python objects each, twice
what it takes to find them. So the database aggregates what one agency has in one month into texts
of names and numbers, and each text becomes an array at once. Agencies have the same names month
after month, so few texts of names differ. Both tables lie in the order of their keys and are read
in it; a join in the database would look every stratum up by its whole key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from survey.ballots.pool import Pool, pool_of
from survey.db import connection_of
from survey.indices.line_counts import Stratum
from survey.models.count import Count, Frame
from survey.models.questionnaire import OVERALL, SATISFIED_FROM
from survey.period import Month

# 32 bits, as the database columns: a report of the province holds a million of these numbers.
IntArray = NDArray[np.int32]
# Between the strata of a text. No code of a sector holds it (a CHECK of its table).
NEXT = ","
# Rows fetched at once: the texts of a whole report would be half of its memory.
ROWS_AT_ONCE = 1000
# The agency id of strata summed over all agencies.
ALL_TOGETHER = 0
# What is read of a table, and from which of its rows.
Part = tuple[Mapping[str, ColumnElement[int]], ColumnElement[bool]]
FRAME: Part = ({"finished": Frame.finished.expression}, Frame.finished > 0)
RATINGS: Part = (
    {
        "rated": Count.n1 + Count.n2 + Count.n3 + Count.n4 + Count.n5,
        "satisfied": Count.n4 + Count.n5,
    },
    Count.question == OVERALL,
)


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Counts of each post-stratum, arrays of shape (strata,).

    `month` is a position among the requested months, `agency` an id or ALL_TOGETHER, `name` a
    position in `names` (sector, channel, lateness), which are sorted. Each combination of month,
    agency and name occurs once; strata are sorted by these three.
    """

    names: Sequence[Stratum]
    month: IntArray
    agency: IntArray
    name: IntArray
    finished: IntArray
    rated: IntArray
    satisfied: IntArray


def read_strata(
    session: Session, months: Sequence[Month], *, by_agency: bool, agency_id: int | None = None
) -> Strata:
    """Sampling frame and overall ratings of the months (YYYY-MM), for each agency, for one, or
    summed over all. Every stratum with finished dossiers is included, also without answers.
    """
    given = {"months": list(months), "agency_id": agency_id}
    kind = {"by_agency": by_agency, "of_one": agency_id is not None}
    at_month: dict[str, int] = {month: position for position, month in enumerate(months)}
    seen = _Names()
    framed = _read(session, _of_frame(**kind), given, at_month, seen)
    counted = _read(session, _of_ratings(**kind), given, at_month, seen)
    order = _Order(seen, 1 + max(int(each[1].max(initial=0)) for each in (framed, counted)))
    keys, columns = order.sorted(framed)
    at, (_, _, _, rated, satisfied) = order.sorted(counted)
    strata = Strata(order.names, *columns, *_placed(keys, at, (rated, satisfied)))
    _add_pool(strata, keys, order, pool_of(session).of(months), at_month)
    return strata


def _placed(
    keys: NDArray[np.int64], at: NDArray[np.int64], columns: Sequence[IntArray]
) -> list[IntArray]:
    """Columns at the places of their keys, 0 elsewhere; what has no place is left out."""
    found = [np.zeros(keys.size, dtype=np.int32) for _ in columns]
    if keys.size:
        places = np.minimum(np.searchsorted(keys, at), keys.size - 1)
        is_there = keys[places] == at
        for whole, numbers in zip(found, columns, strict=True):
            whole[places[is_there]] = numbers[is_there]
    return found


def _add_pool(
    strata: Strata,
    keys: NDArray[np.int64],
    order: "_Order",
    pool: Pool,
    at_month: Mapping[str, int],
) -> None:
    """Add the ballots that wait to be counted to the strata, in place; every dossier that was
    answered is in the frame, so its stratum is there unless it is of another agency than asked for.
    """
    by_agency = strata.agency.any()
    for cell, levels in pool.steps().items():
        name = order.at_name.get((cell.sector_code, cell.channel, cell.lateness))
        agency = cell.agency_id if by_agency else ALL_TOGETHER
        if name is None or agency >= order.height:
            continue
        key = order.key(at_month[cell.month], agency, name)
        place = int(np.searchsorted(keys, key))
        if place < keys.size and keys[place] == key:
            strata.rated[place] += sum(levels)
            strata.satisfied[place] += sum(levels[SATISFIED_FROM - 1 :])


class _Names:
    """Names of strata, numbered as they come."""

    def __init__(self) -> None:
        self.numbered: dict[Stratum, int] = {}
        self._texts: dict[tuple[str, ...], IntArray] = {}

    def numbers(self, texts: tuple[str, ...]) -> IntArray:
        """The number of each name, from a text of their sectors, one of channels and one of
        latenesses.
        """
        if texts not in self._texts:
            sectors, channels, latenesses = (text.split(NEXT) for text in texts)
            names = zip(sectors, channels, latenesses, strict=True)
            numbers = [self.numbered.setdefault(one, len(self.numbered)) for one in names]
            self._texts[texts] = _whole(numbers)
        return self._texts[texts]


class _Order:
    """Months, agencies (ids below `height`) and names in one order: a key each, a whole number."""

    def __init__(self, seen: _Names, height: int) -> None:
        self.names = sorted(seen.numbered)
        self.at_name = {one: position for position, one in enumerate(self.names)}
        self.height = height
        self._rank = _whole([self.at_name[one] for one in seen.numbered])

    def key(self, month: Any, agency: Any, name: Any) -> Any:  # noqa: ANN401 - a number or an array
        """The key of a month, an agency and a position in `names`."""
        return (month * self.height + agency) * len(self.names) + name

    def sorted(self, columns: Sequence[IntArray]) -> tuple[NDArray[np.int64], list[IntArray]]:
        """Keys, and columns (month, agency, name by position in `names`, numbers) in their order.

        Databases mostly read them in it already.
        """
        month, agency, name, *numbers = columns
        name = self._rank[name]
        keys = self.key(month.astype(np.int64), agency, name)
        found = [month, agency, name, *numbers]
        if (np.diff(keys) < 0).any():
            order = np.argsort(keys)
            return keys[order], [column[order] for column in found]
        return keys, found


def _read(
    session: Session,
    statement: Select[*tuple[Any, ...]],
    given: Mapping[str, object],
    at_month: Mapping[str, int],
    seen: _Names,
) -> list[IntArray]:
    """Month, agency, name as it was numbered, and the numbers of each stratum."""
    options = {"yield_per": ROWS_AT_ONCE}
    rows = connection_of(session).execute(statement, given, execution_options=options)
    parts = [_columns(some, at_month, seen) for some in rows.partitions()]
    # Three texts become one number of a name.
    nothing = (_whole([]),) * (len(statement.selected_columns) - 2)
    return [np.concatenate(each) for each in zip(nothing, *parts, strict=True)]


def _columns(
    rows: Sequence[Row[*tuple[Any, ...]]], at_month: Mapping[str, int], seen: _Names
) -> tuple[IntArray, ...]:
    """Month, agency, name and numbers of each stratum of some rows."""
    months, agencies, *texts = zip(*rows, strict=True)
    names = [seen.numbers(one) for one in zip(*texts[:3], strict=True)]
    sizes = [one.size for one in names]
    return (
        np.repeat(_whole([at_month[month] for month in months]), sizes),
        np.repeat(_whole(agencies), sizes),
        np.concatenate(names),
        *(np.fromstring(NEXT.join(one), dtype=np.int32, sep=NEXT) for one in texts[3:]),
    )


class _Joined(FunctionElement[str]):
    """The values of a column in a group as one text, with NEXT between them."""

    type = String()
    inherit_cache = True


@compiles(_Joined, "sqlite")
def _joined_on_sqlite(element: _Joined, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    # Its own separator is NEXT; one that is named costs a tenth of the time of the whole.
    return f"group_concat({compiler.process(element.clauses, **more)})"


@compiles(_Joined, "postgresql")
def _joined_on_postgresql(element: _Joined, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401
    return f"string_agg(CAST({compiler.process(element.clauses, **more)} AS TEXT), '{NEXT}')"


@cache
def _of_frame(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    return _statement(Frame, FRAME, by_agency=by_agency, of_one=of_one)


@cache
def _of_ratings(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    return _statement(Count, RATINGS, by_agency=by_agency, of_one=of_one)


def _statement(
    table: type[Frame | Count], part: Part, *, by_agency: bool, of_one: bool
) -> Select[*tuple[Any, ...]]:
    """Month, agency and the texts of its strata: sectors, channels, latenesses, then numbers."""
    numbers, where = part
    cells = _cells(table, numbers, by_agency=by_agency, of_one=of_one).where(where).subquery().c
    columns = (cells.sector_code, cells.channel, cells.lateness, *(cells[name] for name in numbers))
    # As text: months are few, and reading one costs more than looking it up.
    place = (type_coerce(cells.month, String), cells.agency_id)
    return select(*place, *map(_Joined, columns)).group_by(cells.month, cells.agency_id)


def _cells(
    table: type[Frame | Count],
    numbers: Mapping[str, ColumnElement[int]],
    *,
    by_agency: bool,
    of_one: bool,
) -> Select[*tuple[Any, ...]]:
    """One row a stratum; nothing is added up where the key of a cell already separates agencies.

    Months are listed, not spanned: with each of them the key leads straight to one agency.
    """
    names = (table.sector_code, table.channel, table.lateness)
    agency = table.agency_id if by_agency else literal(ALL_TOGETHER)
    named = [(one if by_agency else func.sum(one)).label(name) for name, one in numbers.items()]
    query = select(table.month, agency.label("agency_id"), *names, *named)
    query = query.where(table.month.in_(bindparam("months", expanding=True)))
    if of_one:
        query = query.where(table.agency_id == bindparam("agency_id"))
    return query if by_agency else query.group_by(table.month, *names)


def _whole(numbers: Sequence[int]) -> IntArray:
    return np.array(numbers, dtype=np.int32)
