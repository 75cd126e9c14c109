"""Post-strata of many months in one statement, as arrays.

300 agencies have 170,000 strata in two years. As rows these cost several Python objects each, twice
what it takes to find them. So the database joins what one agency has in one month into texts of
names and numbers, and each text becomes an array at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
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
from survey.indices.tallies import Stratum
from survey.models.count import OF_FRAME, RATED, Count, Frame
from survey.models.questionnaire import SATISFIED_FROM
from survey.period import Month

# As wide as the columns of the tables: a report of the province holds a million of these numbers.
IntArray = NDArray[np.int32]
# Between the strata of a text, and between the parts of a name (a channel and a lateness have no
# blank). Any white space parts numbers.
NEXT, PART = "\n", " "
# Texts that are in memory together: those of a whole report would be half of what it needs.
ROWS_AT_ONCE = 1000
# The agency of strata that are those of all agencies together.
ALL_TOGETHER = 0
SATISFIED = func.coalesce(Count.n4 + Count.n5, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """What stands in each post-stratum, arrays of shape (strata,).

    `month` is a position among the months asked for, `agency` an id or ALL_TOGETHER, `name` a
    position in `names` (sector, channel, lateness), which are sorted. A stratum of an agency and a
    month stands once.
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
    found = session.execute(statement, given, execution_options={"yield_per": ROWS_AT_ONCE})
    at_month = {month: position for position, month in enumerate(months)}
    seen = _Names()
    parts = [_columns(rows, at_month, seen) for rows in found.partitions()]
    month, agency, name, *numbers = (
        np.concatenate(column) for column in zip((_whole([]),) * 6, *parts, strict=True)
    )
    names = sorted(seen.numbered)
    at = {one: position for position, one in enumerate(names)}
    name = _whole([at[one] for one in seen.numbered])[name]
    strata = Strata(names, month, agency, name, *numbers)
    _add_pool(strata, pool_of(session).of(at_month), at_month, at, by_agency=by_agency)
    return strata


def _add_pool(
    strata: Strata,
    pool: Pool,
    at_month: Mapping[Month, int],
    at_name: Mapping[Stratum, int],
    *,
    by_agency: bool,
) -> None:
    """Add the ballots that wait to be counted to the strata, in place; every dossier that was
    answered is in the frame, so its stratum is there unless it is of another agency than asked for.
    """
    steps: dict[tuple[int, int, int], tuple[int, int]] = {}
    for cell, levels in pool.steps().items():
        name = at_name.get((cell.sector_code, cell.channel, cell.lateness))
        if name is not None:
            agency = cell.agency_id if by_agency else ALL_TOGETHER
            place = (at_month[cell.month], agency, name)
            rated, good = steps.get(place, (0, 0))
            satisfied = sum(levels[SATISFIED_FROM - 1 :])
            steps[place] = rated + sum(levels), good + satisfied
    if not steps:
        return
    width, height = len(strata.names), int(strata.agency.max(initial=0)) + 1
    lines = (strata.month.astype(np.int64) * height + strata.agency) * width + strata.name
    order = np.argsort(lines)
    for (month, agency, name), (rated, good) in steps.items():
        line = (month * height + agency) * width + name
        found = int(np.searchsorted(lines, line, sorter=order))
        if agency < height and found < order.size and lines[order[found]] == line:
            strata.rated[order[found]] += rated
            strata.satisfied[order[found]] += good


class _Names:
    """Names of strata, numbered as they come. Agencies have the same ones month after month, so few
    texts differ.
    """

    def __init__(self) -> None:
        self.numbered: dict[Stratum, int] = {}
        self._texts: dict[str, IntArray] = {}

    def numbers(self, text: str) -> IntArray:
        """The number of each name in a text."""
        if text not in self._texts:
            found = [_parts(one) for one in text.split(NEXT)]
            numbers = [self.numbered.setdefault(one, len(self.numbered)) for one in found]
            self._texts[text] = _whole(numbers)
        return self._texts[text]


def _columns(
    rows: Sequence[Row[*tuple[Any, ...]]], at_month: Mapping[Month, int], seen: _Names
) -> tuple[IntArray, ...]:
    """Month, agency, name, finished, rated and satisfied of each stratum of some rows."""
    months, agencies, texts, *numbers = zip(*rows, strict=True)
    names = [seen.numbers(text) for text in texts]
    sizes = [one.size for one in names]
    return (
        np.repeat(_whole([at_month[month] for month in months]), sizes),
        np.repeat(_whole(agencies), sizes),
        np.concatenate(names),
        *(np.fromstring(NEXT.join(one), dtype=np.int32, sep=NEXT) for one in numbers),
    )


@cache
def _statement(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    """Month, agency and the texts of its strata. Built once: that takes longer than one agency."""
    cells = _cells(by_agency=by_agency, of_one=of_one).subquery().c
    name = cells.sector_code + PART + cells.channel + PART + cells.lateness
    texts = [
        func.aggregate_strings(cast(column, String), NEXT)
        for column in (name, cells.finished, cells.rated, cells.satisfied)
    ]
    place = (cells.month, cells.agency_id)
    return select(*place, *texts).group_by(*place)


def _cells(*, by_agency: bool, of_one: bool) -> Select[*tuple[Any, ...]]:
    """One row a stratum; nothing is added up where the key of a cell already tells agencies apart.

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


@lru_cache(maxsize=4096)
def _parts(name: str) -> Stratum:
    sector, channel, lateness = name.rsplit(PART, 2)
    return sector, channel, lateness


def _whole(numbers: Sequence[int]) -> IntArray:
    return np.array(numbers, dtype=np.int32)
