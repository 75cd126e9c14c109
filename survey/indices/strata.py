"""Post-strata of many months in one statement, as arrays.

300 agencies have 170,000 strata in two years. As rows these cost several Python objects each, twice
what it takes to find them. So the database joins what one agency has in one month into texts of
names and numbers, and each text becomes an array at once. Agencies have the same names month after
month, so few texts of names differ.
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
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.orm import Session

from survey.ballots.pool import Pool, pool_of
from survey.db import connection_of
from survey.indices.line_counts import Stratum
from survey.models.count import OF_FRAME, RATED, Count, Frame
from survey.models.questionnaire import SATISFIED_FROM
from survey.period import Month

# As wide as the columns of the tables: a report of the province holds a million of these numbers.
IntArray = NDArray[np.int32]
# Between the strata of a text; any white space parts numbers.
NEXT = "\n"
# Texts that are in memory together: those of a whole report would be half of what it needs.
ROWS_AT_ONCE = 1000
# The agency of strata that are those of all agencies together.
ALL_TOGETHER = 0
SATISFIED = func.coalesce(Count.n4 + Count.n5, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """What stands in each post-stratum, arrays of shape (strata,).

    `month` is a position among the months asked for, `agency` an id or ALL_TOGETHER, `name` a
    position in `names` (sector, channel, lateness), which are sorted. A stratum of a month and an
    agency stands once; strata are sorted by month, agency and name.
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
    """Frame and overall ratings of the months (YYYY-MM), of each agency, of one, or of all
    together. Every stratum with finished dossiers is there, whether somebody answered or not.
    """
    given = {"months": list(months), "agency_id": agency_id}
    statement = _statement(by_agency=by_agency, of_one=agency_id is not None)
    found = connection_of(session).execute(
        statement, given, execution_options={"yield_per": ROWS_AT_ONCE}
    )
    at_month = {month: position for position, month in enumerate(months)}
    seen = _Names()
    parts = [_columns(rows, at_month, seen) for rows in found.partitions()]
    month, agency, name, *numbers = (
        np.concatenate(column) for column in zip((_whole([]),) * 6, *parts, strict=True)
    )
    names = sorted(seen.numbered)
    at = {one: position for position, one in enumerate(names)}
    name = _whole([at[one] for one in seen.numbered])[name]
    height = int(agency.max(initial=0)) + 1
    keys = (month.astype(np.int64) * height + agency) * len(names) + name
    columns = [month, agency, name, *numbers]
    if (np.diff(keys) < 0).any():
        order = np.argsort(keys)
        keys, columns = keys[order], [column[order] for column in columns]
    strata = Strata(names, *columns)
    _add_pool(strata, keys, pool_of(session).of(at_month), at_month, at)
    return strata


def _add_pool(
    strata: Strata,
    keys: NDArray[np.int64],
    pool: Pool,
    at_month: Mapping[Month, int],
    at_name: Mapping[Stratum, int],
) -> None:
    """Add the ballots that wait to be counted to the strata, in place; every dossier that was
    answered is in the frame, so its stratum is there unless it is of another agency than asked for.
    """
    by_agency = strata.agency.any()
    height = int(strata.agency.max(initial=0)) + 1
    for cell, levels in pool.steps().items():
        name = at_name.get((cell.sector_code, cell.channel, cell.lateness))
        agency = cell.agency_id if by_agency else ALL_TOGETHER
        if name is None or agency >= height:
            continue
        key = (at_month[cell.month] * height + agency) * len(strata.names) + name
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


def _columns(
    rows: Sequence[Row[*tuple[Any, ...]]], at_month: Mapping[Month, int], seen: _Names
) -> tuple[IntArray, ...]:
    """Month, agency, name, finished, rated and satisfied of each stratum of some rows."""
    months, agencies, *texts = zip(*rows, strict=True)
    names = [seen.numbers(one) for one in zip(*texts[:3], strict=True)]
    sizes = [one.size for one in names]
    return (
        np.repeat(_whole([at_month[month] for month in months]), sizes),
        np.repeat(_whole(agencies), sizes),
        np.concatenate(names),
        *(np.fromstring(NEXT.join(one), dtype=np.int32, sep=NEXT) for one in texts[3:]),
    )


@cache
def _statement(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    """Month, agency and the texts of its strata. Built once: that takes longer than one agency."""
    cells = _cells(by_agency=by_agency, of_one=of_one).subquery().c
    numbers = (cast(one, String) for one in (cells.finished, cells.rated, cells.satisfied))
    columns = (cells.sector_code, cells.channel, cells.lateness, *numbers)
    texts = [func.aggregate_strings(column, NEXT) for column in columns]
    place = (cells.month, cells.agency_id)
    return select(*place, *texts).group_by(*place)


def _cells(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    """One row a stratum; nothing is added up where the key of a cell already separates agencies.

    Months are listed, not spanned: with each of them the key leads straight to one agency.
    """
    names = (Frame.sector_code, Frame.channel, Frame.lateness)
    agency = Frame.agency_id if by_agency else literal(ALL_TOGETHER)
    numbers: dict[str, ColumnElement[int]] = {
        "finished": Frame.finished.expression,
        "rated": RATED,
        "satisfied": SATISFIED,
    }
    named = [(one if by_agency else func.sum(one)).label(name) for name, one in numbers.items()]
    query = (
        select(Frame.month, agency.label("agency_id"), *names, *named)
        .join(Count, OF_FRAME, isouter=True)
        .where(Frame.month.in_(bindparam("months", expanding=True)), Frame.finished > 0)
    )
    if of_one:
        query = query.where(Frame.agency_id == bindparam("agency_id"))
    return query if by_agency else query.group_by(Frame.month, *names)


def _whole(numbers: Sequence[int]) -> IntArray:
    return np.array(numbers, dtype=np.int32)
