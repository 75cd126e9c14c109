"""Time series of the index: every unit in every month, computed at once from the counts of today.

A unit is the province, a sector, an agency, or a sector at an agency. The figures are those of
`show` with `revised`: answers given after a closing count, because a snapshot has no figures for
the sectors of single agencies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, bindparam, select
from sqlalchemy.orm import Session

from analysis import headline
from survey.disclosure import Breakdown, Key, at_agency
from survey.errors import Invalid
from survey.indices.disclosure_control import suppressed_now
from survey.indices.line_counts import OVERALL, target_of
from survey.indices.periods import check_period
from survey.indices.strata import ALL_TOGETHER, Strata, read_strata
from survey.models.dossier import Lateness
from survey.models.organisation import Agency, Sector
from survey.models.snapshot import Snapshot
from survey.period import Month
from survey.province import province_of
from survey.province.targets import TargetSchedule, target_schedules

IntArray = NDArray[np.int64]
SmallIntArray = NDArray[np.int32]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
WordArray = NDArray[np.str_]
NO_TARGET = (0, 1)


class Along(StrEnum):
    """Units of a time series: the province, sectors, agencies, or sectors at agencies."""

    OVERALL = "overall"
    SECTOR = "sector"
    AGENCY = "agency"
    AGENCY_SECTOR = "agency_sector"


OF_AGENCIES = frozenset({Along.AGENCY, Along.AGENCY_SECTOR})
OF_SECTORS = frozenset({Along.SECTOR, Along.AGENCY_SECTOR})
# The breakdown whose targets apply: a sector at an agency has the target of its sector.
TARGETS = {
    Along.OVERALL: Breakdown.OVERALL,
    Along.SECTOR: Breakdown.SECTOR,
    Along.AGENCY: Breakdown.AGENCY,
    Along.AGENCY_SECTOR: Breakdown.SECTOR,
}
# Lines whose intervals are computed together: their temporary arrays stay within 10 MB.
AT_ONCE = 4096
SECTORS = select(Sector.code, Sector.name, Sector.target_group)
CLOSED = select(Snapshot.month).where(Snapshot.month.between(bindparam("first"), bindparam("last")))


@dataclass(frozen=True, slots=True)
class Unit:
    """Codes and names of an agency and a sector; empty where the unit covers all of them."""

    agency: str = ""
    sector: str = ""
    agency_label: str = ""
    sector_label: str = ""

    @property
    def key(self) -> Key:
        """The key of this unit's line in a month, as used by `survey.disclosure`."""
        if self.agency and self.sector:
            return at_agency(self.agency, self.sector)
        if self.agency:
            return Breakdown.AGENCY, self.agency
        return (Breakdown.SECTOR, self.sector) if self.sector else (Breakdown.OVERALL, OVERALL)


@dataclass(frozen=True, slots=True, eq=False)
class TimeSeries:
    """The index of units over months; arrays of shape (units, months), `provisional` (months,).

    Units are sorted by code. Shares are fractions 0–1. Where no dossier finished, `finished` is 0;
    where nobody answered, `index` is NaN and the bounds are 0 and 1. `target` is NaN and `verdict`
    empty where there is none; open months (`provisional`) have no verdict. `strata` are those of
    every agency, if they were read for this time series, else None.
    """

    months: tuple[Month, ...]
    units: tuple[Unit, ...]
    provisional: BoolArray
    finished: IntArray
    rated: IntArray
    satisfied: IntArray
    index: FloatArray
    low: FloatArray
    high: FloatArray
    target: FloatArray
    verdict: WordArray
    strata: Strata | None


def time_series(
    session: Session,
    first: Month,
    last: Month,
    now: datetime,
    *,
    along: str = Along.AGENCY_SECTOR,
    agency: str = "",
) -> TimeSeries:
    """The index of every unit in each month from `first` to `last` (YYYY-MM); with `agency` (a
    code) only the units of one agency.

    A closed month has guarded intervals and verdicts, an open one any-time intervals. A sector at
    an agency has its sector's target. Invalid: `future_period`, `backward_months`,
    `unknown_breakdown`, `unknown_agency` (no agency has the code, or `along` is without agencies);
    Refused `no_province`.
    """
    months = _months(first, last, now)
    if along not in set(Along):
        raise Invalid("unknown_breakdown", along)
    province = province_of(session)
    agencies = _agencies(session, Along(along), agency)
    sectors = {row.code: row for row in session.execute(SECTORS)}
    strata = read_strata(
        session,
        months,
        by_agency=ALL_TOGETHER not in agencies,
        agency_id=next(iter(agencies)) if agency else None,
    )
    units, of_unit = _units(strata, agencies, sectors, of_sectors=along in OF_SECTORS)
    groups = [sectors[one.sector].target_group if one.sector else "" for one in units]
    targets = _targets(target_schedules(session, province.name, months), Along(along), groups)
    closed = _closed(session, months)
    rules = _Rules(province.confidence_percent / 100, province.verdict_from, closed, targets)
    line = of_unit * len(months) + strata.month
    of_all = strata if along in OF_AGENCIES and not agency else None
    return _scored(strata, line, units, months, rules, of_all)


def suppressed(session: Session, time_series: TimeSeries) -> BoolArray:
    """What must be suppressed in a time series, shape (units, months), by the counts of today.

    These are the lines suppressed in the tables of their month, and the sectors at agencies that
    must not be published beside those tables. A time series of one agency suppresses the same
    lines as that of all agencies.
    """
    at_agencies = any(unit.agency and unit.sector for unit in time_series.units)
    found = suppressed_now(
        session, time_series.months, strata=time_series.strata, at_agencies=at_agencies
    )
    hide = np.zeros(time_series.rated.shape, dtype=np.bool_)
    for month, keys in enumerate(found.values()):
        if keys:
            hide[:, month] = [unit.key in keys for unit in time_series.units]
    return hide & (time_series.rated > 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """Scoring rules: those of the province, closed months (months,), and targets as fractions
    (units, months, 2).
    """

    confidence: float
    verdict_from: int
    closed: BoolArray
    targets: IntArray


def _scored(
    strata: Strata,
    line: IntArray,
    units: tuple[Unit, ...],
    months: tuple[Month, ...],
    rules: _Rules,
    of_all: Strata | None,
) -> TimeSeries:
    """The figures of the strata; `line` of a stratum is unit × number of months + month."""
    shape, lines = (len(units), len(months)), len(units) * len(months)
    counts = _grid(strata, line, lines)
    bounds = _bounds(counts, np.tile(rules.closed, len(units)), rules.confidence)
    decided = _verdicts(counts, bounds, rules.targets.reshape(-1, 2), rules.verdict_from)
    index, low, high = bounds.reshape(3, *shape)
    finished, rated, satisfied = (
        np.bincount(line, one, minlength=lines).astype(np.int64).reshape(shape)
        for one in (strata.finished, strata.rated, strata.satisfied)
    )
    num, den = np.moveaxis(rules.targets, 2, 0)
    has_verdict = rules.closed & (finished > 0) & (num > 0)
    return TimeSeries(
        months=months,
        units=units,
        provisional=~rules.closed,
        finished=finished,
        rated=rated,
        satisfied=satisfied,
        index=index,
        low=low,
        high=high,
        target=np.where(num > 0, num / den, np.nan),
        verdict=np.where(has_verdict, decided.reshape(shape), ""),
        strata=of_all,
    )


def _months(first: Month, last: Month, now: datetime) -> tuple[Month, ...]:
    check_period(last, now)
    if first > last:
        raise Invalid("backward_months", f"{first} … {last}")
    return tuple(first.plus(step) for step in range(first.until(last) + 1))


def _agencies(session: Session, along: Along, code: str) -> dict[int, tuple[str, str]]:
    """Agency id → (code, name), sorted by code: all agencies, one, or ALL_TOGETHER."""
    if along not in OF_AGENCIES:
        if code:
            raise Invalid("unknown_agency", code)
        return {ALL_TOGETHER: ("", "")}
    query = select(Agency.id, Agency.code, Agency.name)
    query = query.where(Agency.code == code) if code else query
    found = sorted(session.execute(query).all(), key=lambda row: row.code)
    if code and not found:
        raise Invalid("unknown_agency", code)
    return {row.id: (row.code, row.name) for row in found}


def _units(
    strata: Strata,
    agencies: Mapping[int, tuple[str, str]],
    sectors: Mapping[str, Row[str, str, str]],
    *,
    of_sectors: bool,
) -> tuple[tuple[Unit, ...], IntArray]:
    """Units with dossiers, sorted by code, and the unit of each stratum."""
    ids = list(agencies)
    rank = np.zeros(max(ids, default=0) + 1, dtype=np.int64)
    rank[ids] = np.arange(len(ids))
    codes = sorted({name[0] for name in strata.names}) if of_sectors else [""]
    sector = np.array([codes.index(name[0]) if of_sectors else 0 for name in strata.names], int)
    both = rank[strata.agency] * len(codes) + sector[strata.name]
    is_there = np.zeros(len(ids) * len(codes), dtype=np.bool_)
    is_there[both] = True
    units = []
    for agency, place in (divmod(one, len(codes)) for one in np.flatnonzero(is_there).tolist()):
        code, name = agencies[ids[agency]]
        label = sectors[codes[place]].name if of_sectors else ""
        units.append(Unit(code, codes[place], name, label))
    return tuple(units), (np.cumsum(is_there) - 1)[both]


def _grid(strata: Strata, line: IntArray, lines: int) -> SmallIntArray:
    """(satisfied, rated, finished, late) of each line's strata sorted by name, shape (4, lines,
    most strata). A line is a unit in a month; finished = 0 means no stratum.
    """
    # Strata are sorted by month, agency and name, so those of a line are adjacent.
    begins = np.flatnonzero(np.diff(line, prepend=-1))
    sizes = np.diff(begins, append=line.size)
    column = np.arange(line.size) - np.repeat(begins, sizes)
    width = int(sizes.max(initial=1))
    place = line * width + column
    late = np.array([name[2] == Lateness.LATE for name in strata.names], dtype=np.int32)
    finished = np.maximum(strata.finished, strata.rated)
    grid = np.zeros((4, lines * width), dtype=np.int32)
    for layer, numbers in enumerate((strata.satisfied, strata.rated, finished, late[strata.name])):
        grid[layer, place] = numbers
    return grid.reshape(4, lines, width)


def _closed(session: Session, months: Sequence[Month]) -> BoolArray:
    found = set(session.scalars(CLOSED, {"first": months[0], "last": months[-1]}))
    return np.array([month in found for month in months])


def _bounds(counts: SmallIntArray, closed: BoolArray, confidence: float) -> FloatArray:
    """Index, low and high of each line, shape (3, lines)."""
    bounds = np.empty((3, closed.size))
    for is_closed, of_lines in (
        (True, headline.headline_lines),
        (False, headline.anytime_lines),
    ):
        lines = np.flatnonzero(closed == is_closed)
        for start in range(0, lines.size, AT_ONCE):
            some = lines[start : start + AT_ONCE]
            satisfied, rated, finished, late = counts[:, some]
            found = of_lines(satisfied, rated, finished, late, confidence)
            bounds[:, some] = found.estimate, found.low, found.high
    return bounds


def _targets(
    steps: Mapping[Month, TargetSchedule], along: Along, groups: Sequence[str]
) -> IntArray:
    """Targets in each month of units with these target groups, as fractions of shape (units,
    months, 2); NO_TARGET where there is none.
    """
    found = {}
    for group in set(groups):
        in_force = [target_of(one, TARGETS[along], group) for one in steps.values()]
        found[group] = [one.value.as_integer_ratio() if one else NO_TARGET for one in in_force]
    return np.array([found[group] for group in groups], np.int64).reshape(-1, len(steps), 2)


def _verdicts(
    counts: SmallIntArray, bounds: FloatArray, targets: IntArray, verdict_from: int
) -> WordArray:
    """Verdicts of closed lines, shape (lines,).

    With enough ratings, or one for every dossier, the verdict of the Manski bounds if certain, else
    that of the confidence bounds; with fewer it is uncertain.
    """
    satisfied, rated, finished = counts[:3].sum(axis=2, dtype=np.int64)
    decided = headline.decide(
        (satisfied, rated, finished), (bounds[1], bounds[2]), tuple(targets.T)
    )
    enough = (rated > 0) & ((rated >= verdict_from) | (rated == finished))
    content = np.select([decided.secured, decided.lost], ["met", "not_met"], decided.verdict)
    return np.where(enough, content, "uncertain")
