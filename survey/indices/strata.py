"""Read the post-strata of many months in one SQL statement, as arrays.

300 agencies have 170,000 strata in two years. One row each would cost several Python objects, twice
the time of the query itself. So the database concatenates the strata of one agency in one month
into strings of names and numbers, and each string is parsed into an array at once. An agency has
the same strata month after month, so few of the name strings differ.
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

# 32 bits, as the database columns: a report of the province holds a million of these numbers.
IntArray = NDArray[np.int32]
# Separator between the strata of a string; numbers are split at any white space.
NEXT = "\n"
# Rows fetched at once: the strings of a whole report would be half of its memory.
ROWS_AT_ONCE = 1000
# The agency id of strata summed over all agencies.
ALL_TOGETHER = 0
SATISFIED = func.coalesce(Count.n4 + Count.n5, 0)


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
    """Add the ballots waiting in the pool to the strata, in place.

    Every answered dossier is in the sampling frame, so a stratum is missing only if it belongs to
    an agency that was not requested.
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
    """Names of strata, numbered in order of appearance."""

    def __init__(self) -> None:
        self.numbered: dict[Stratum, int] = {}
        self._texts: dict[tuple[str, ...], IntArray] = {}

    def numbers(self, texts: tuple[str, ...]) -> IntArray:
        """The number of each name, given a string of sectors, one of channels, one of lateness."""
        if texts not in self._texts:
            sectors, channels, latenesses = (text.split(NEXT) for text in texts)
            names = zip(sectors, channels, latenesses, strict=True)
            numbers = [self.numbered.setdefault(one, len(self.numbered)) for one in names]
            self._texts[texts] = _whole(numbers)
        return self._texts[texts]


def _columns(
    rows: Sequence[Row[*tuple[Any, ...]]], at_month: Mapping[Month, int], seen: _Names
) -> tuple[IntArray, ...]:
    """Month, agency, name, finished, rated and satisfied of each stratum in some rows."""
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
    """Select month, agency and the strings of its strata.

    Cached, because building the statement takes longer than running it for one agency.
    """
    cells = _cells(by_agency=by_agency, of_one=of_one).subquery().c
    numbers = (cast(one, String) for one in (cells.finished, cells.rated, cells.satisfied))
    columns = (cells.sector_code, cells.channel, cells.lateness, *numbers)
    texts = [func.aggregate_strings(column, NEXT) for column in columns]
    place = (cells.month, cells.agency_id)
    return select(*place, *texts).group_by(*place)


def _cells(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    """Select one row per stratum; by agency no sums are needed, since the key holds the agency.

    Months are listed (IN) instead of compared with BETWEEN, so that the index is used down to the
    agency.
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
