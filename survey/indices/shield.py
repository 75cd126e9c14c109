"""What all tables of a month reveal together: lines are hidden until no small one can be worked
out.

Everybody knows which agency has dossiers of which sector and by which channel, and to which sector
a procedure belongs; so a sector of one agency tells that agency's ratings.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis import AnalysisError, disclosure
from survey.ballots.aggregates import briefs_now
from survey.indices.closed import first, firsts, part_of
from survey.indices.figures import SMALLEST_SHOWN, Breakdown, Figure, read_figure, safe_to_tell
from survey.indices.payload import COUNTED
from survey.indices.periods import check_period
from survey.indices.show import show, tables
from survey.indices.spans import closed_payloads
from survey.indices.strata import Strata, read_strata
from survey.indices.tallies import OVERALL
from survey.models.organisation import Agency, Procedure
from survey.period import Month, Period

# Agency code, sector, channel.
Cell = tuple[str, str, str]
# A breakdown, or AT_AGENCY, and a key of it.
Key = tuple[str, str]
AT_AGENCY = "agency_sector"
# What lines, and cells with dossiers, have of ratings.
Rated = frozenset[tuple[Key, int]]
Cells = frozenset[tuple[Cell, int]]
# The whole is always told, unless it is small itself.
TABLES = frozenset(Breakdown) - {Breakdown.OVERALL}


def shown(session: Session, period: Period, now: datetime) -> dict[Breakdown, tuple[Figure, ...]]:
    """Every table of a period as it may be printed: `show`, with what must be hidden."""
    if not isinstance(period, Month):
        return _shown_over(session, period, now)
    found = {by: show(session, period, by, now) for by in Breakdown}
    snapshot = first(session, period)
    if snapshot:
        hidden = _hidden(_sectors(session), *part_of(session, snapshot, _counted))
    else:
        hidden = hidden_now(session, [period])[period]
    return _marked(found, hidden)


def _shown_over(
    session: Session, period: Period, now: datetime
) -> dict[Breakdown, tuple[Figure, ...]]:
    check_period(period, now)
    payloads = closed_payloads(session, period)
    hidden = hidden_now(session, [month for month in period.months if month not in payloads])
    hidden |= {month: hidden_in(session, payload) for month, payload in payloads.items()}
    return _marked(tables(session, period, payloads), hidden_over(hidden, period))


def hidden_over(hidden: Mapping[Month, frozenset[Key]], period: Period) -> frozenset[Key]:
    """The lines of a period that must not be printed, given those that its months hide.

    A line is printed where each month prints it, so every figure of a longer period is a sum of
    figures that are printed anyway. Then no difference of periods, however they are nested or
    overlap, says anything that the tables of the months do not.
    """
    return frozenset[Key]().union(*(hidden[month] for month in period.months))


def shielded(session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload whose figures say what must be hidden; the stored one stays as it is."""
    tables = {by: [read_figure(row) for row in payload["figures"].get(by, [])] for by in Breakdown}
    found = _marked(tables, hidden_in(session, payload))
    figures = {by.value: [asdict(one) for one in lines] for by, lines in found.items()}
    return {**payload, "figures": figures}


def _marked(
    tables: Mapping[Breakdown, Sequence[Figure]], hidden: frozenset[Key]
) -> dict[Breakdown, tuple[Figure, ...]]:
    return {
        by: tuple(replace(one, covers=(by, one.key) in hidden and one.rated > 0) for one in lines)
        for by, lines in tables.items()
    }


def hidden_in(session: Session, payload: Mapping[str, Any]) -> frozenset[Key]:
    """The lines of a payload that must not be printed."""
    return _hidden(_sectors(session), *_counted(payload))


def _counted(payload: Mapping[str, Any]) -> tuple[Rated, Cells]:
    """The ratings of each line of a payload, and of each cell with dossiers."""
    figures = payload["figures"]
    counts: dict[Key, int] = {
        (by, row["key"]): row["rated"] for by in Breakdown for row in figures.get(by, [])
    }
    cells: Counter[Cell] = Counter()
    if COUNTED in payload:  # else each table is protected by itself
        for agency, sector, channel, _lateness, finished, *_ in payload["inputs"]["frame"]:
            cells.update({(agency, sector, channel): 0} if finished else {})
        for agency, sector, channel, _lateness, *ratings in payload[COUNTED]["cells"]:
            cells[agency, sector, channel] += sum(ratings)
    return _rated(counts), frozenset(cells.items())


def _rated(counts: Mapping[Key, int]) -> Rated:
    """The ratings of lines; a procedure that nobody rated is told as such, in whatever table."""
    return frozenset((key, n) for key, n in counts.items() if n or key[0] != Breakdown.PROCEDURE)


def hidden_now(
    session: Session,
    months: Sequence[Month],
    *,
    strata: Strata | None = None,
    at_agencies: bool = False,
) -> dict[Month, frozenset[Key]]:
    """Month (YYYY-MM) → the lines that must not be printed, by the counts of today; with those of
    `at_agency` where sectors at agencies are printed too.

    `strata` are those of every agency in these months, where they were read already.
    """
    strata = strata or read_strata(session, months, by_agency=True)
    procedures: dict[Month, Counter[Key]] = {
        month: Counter({(Breakdown.PROCEDURE, code): n for code, n in brief.rated.items()})
        for month, brief in briefs_now(session, months).items()
    }
    small = {month for month, rated in procedures.items() if any(map(_is_small, rated.values()))}
    small |= {months[place] for place in _small_months(strata)}
    codes = dict(session.execute(select(Agency.id, Agency.code)).all())
    found, sectors = dict.fromkeys(months, frozenset[Key]()), _sectors(session)
    for place, month in enumerate(months):
        if month in small:
            cells = _cells(strata, place, codes)
            rated = _rated(procedures[month] | _added_up(cells))
            of_cells = frozenset(cells.items())
            found[month] = _hidden(sectors, rated, of_cells, at_agencies=at_agencies)
    return found


def hidden_still(session: Session, months: Sequence[Month]) -> dict[Month, frozenset[Key]]:
    """`hidden_now`, with what the closing of a month hid: a line that late answers made large would
    tell by how much it grew how small it was.
    """
    found = hidden_now(session, months)
    sectors = _sectors(session)
    for month, snapshot in firsts(session, months).items():
        found[month] |= _hidden(sectors, *part_of(session, snapshot, _counted))
    return found


def _is_small(rated: int) -> bool:
    return 0 < rated < SMALLEST_SHOWN


def _small(rated: NDArray[Any]) -> NDArray[np.bool_]:
    return (rated > 0) & (rated < SMALLEST_SHOWN)


def _small_months(strata: Strata) -> set[int]:
    """Positions of months in which a sector at an agency or a channel is small: in the others no
    agency and no sector is.
    """
    sector, channel = (
        np.unique([name[part] for name in strata.names], return_inverse=True)[1][strata.name]
        for part in (0, 1)
    )
    # Strata are sorted by month, agency and name, so those of a sector at an agency stand together.
    begins = np.flatnonzero(
        np.any([np.diff(one, prepend=-1) for one in (strata.month, strata.agency, sector)], axis=0)
    )
    of_sectors = np.add.reduceat(strata.rated, begins) if begins.size else strata.rated
    channels = int(channel.max(initial=0)) + 1
    of_channels = np.bincount(strata.month * channels + channel, strata.rated)
    small = (_small(of_sectors), _small(of_channels))
    return {
        *strata.month[begins[small[0]]].tolist(),
        *(np.flatnonzero(small[1]) // channels).tolist(),
    }


def _cells(strata: Strata, month: int, codes: Mapping[int, str]) -> Counter[Cell]:
    of_month = strata.month == month
    columns = (one[of_month].tolist() for one in (strata.agency, strata.name, strata.rated))
    cells: Counter[Cell] = Counter()
    for agency, name, rated in zip(*columns, strict=True):
        sector, channel, _ = strata.names[name]
        cells[codes[agency], sector, channel] += rated
    return cells


def _added_up(cells: Mapping[Cell, int]) -> Counter[Key]:
    """The ratings of every line over cells."""
    agencies, sectors, channels = Counter[str](), Counter[str](), Counter[str]()
    for (agency, sector, channel), rated in cells.items():
        agencies[agency] += rated
        sectors[sector] += rated
        channels[channel] += rated
    found = Counter[Key]({(Breakdown.OVERALL, OVERALL): sectors.total()} if cells else {})
    for by, lines in (
        (Breakdown.AGENCY, agencies),
        (Breakdown.SECTOR, sectors),
        (Breakdown.CHANNEL, channels),
    ):
        found.update({(by, key): rated for key, rated in lines.items()})
    return found


def _lines_of(cell: Cell) -> list[Key]:
    """The lines over cells that a cell is part of."""
    parts = zip((Breakdown.AGENCY, Breakdown.SECTOR, Breakdown.CHANNEL), cell, strict=True)
    return [(Breakdown.OVERALL, OVERALL), *parts]


def at_agency(agency: str, sector: str) -> Key:
    """The line of a sector (code) at an agency (code), which no table of a month holds."""
    return AT_AGENCY, f"{agency} {sector}"


def _sectors(session: Session) -> Sequence[tuple[str, str]]:
    """Procedure and sector of every procedure."""
    query = select(Procedure.code, Procedure.sector_code)
    return [(code, sector) for code, sector in session.execute(query)]


def _hidden(
    sectors: Iterable[tuple[str, str]], rated: Rated, cells: Cells, *, at_agencies: bool = False
) -> frozenset[Key]:
    if not at_agencies and not any(_is_small(n) for _, n in rated):
        return frozenset()
    procedures = {key for (by, key), _ in rated if by == Breakdown.PROCEDURE}
    sector_of = frozenset(one for one in sectors if one[0] in procedures)
    hide = hidden_at_agencies if at_agencies else hidden_together
    return hide(rated, cells, sector_of)


@lru_cache(maxsize=32)
def hidden_together(
    counts: frozenset[tuple[Key, int]],
    cells: frozenset[tuple[Cell, int]],
    sector_of: frozenset[tuple[str, str]],
) -> frozenset[Key]:
    """The lines that must not be printed, given the ratings of every line of a month.

    `cells` are those with dossiers, `sector_of` the sector of each procedure. Without cells, or
    where lines do not add up (corrected by hand, or of an older formula), each table is protected
    by itself.
    """
    rated = dict(sorted(counts))
    hidden = {
        key for by in Breakdown for key in _alone([key for key in rated if key[0] == by], rated)
    }
    total: Key = (Breakdown.OVERALL, OVERALL)
    if not hidden or not cells or total not in rated or total in hidden:
        return frozenset(hidden)
    known = _Known(rated, dict(sorted(cells)), dict(sorted(sector_of)), TABLES)
    return _proven(known, hidden)


@lru_cache(maxsize=32)
def hidden_at_agencies(
    counts: frozenset[tuple[Key, int]],
    cells: frozenset[tuple[Cell, int]],
    sector_of: frozenset[tuple[str, str]],
) -> frozenset[Key]:
    """`hidden_together`, and the sectors at agencies that must not be told beside those tables.

    None is told where the tables alone tell a small one.
    """
    hidden = {*hidden_together(counts, cells, sector_of)}
    rated: Counter[Key] = Counter()
    tables: dict[Key, dict[Key, None]] = {}
    for cell, number in sorted(cells):
        key = at_agency(*cell[:2])
        rated[key] += number
        for whole in zip((Breakdown.AGENCY, Breakdown.SECTOR), cell, strict=False):
            tables.setdefault(whole, {})[key] = None
    before = -1
    while len(hidden) > before:
        before = len(hidden)
        for keys in tables.values():
            hidden.update(_alone([*keys], rated, hidden))
    rated.update(dict(sorted(counts)))
    known = _Known(rated, dict(sorted(cells)), dict(sorted(sector_of)), frozenset({AT_AGENCY}))
    return _proven(known, hidden)


def _alone(
    keys: Sequence[Key], rated: Mapping[Key, int], hidden: Collection[Key] = ()
) -> Iterable[Key]:
    """Lines of one table with a total that must be hidden, whatever else is printed."""
    counts = [rated[key] for key in keys]
    told = safe_to_tell(counts, [key in hidden for key in keys])
    return (key for key, safe in zip(keys, told, strict=True) if rated[key] and not safe)


def _proven(known: "_Known", hidden: Collection[Key]) -> frozenset[Key]:
    """Hidden lines and those that must be hidden besides; all that may be, if that is too few."""
    rated = known.rated
    # Procedures may have moved to another sector since they were counted.
    for each in (known, replace(known, sector_of={})):
        keys = each.keys
        marks = ([_is_small(rated.get(key, 0)) for key in keys], [key in hidden for key in keys])
        try:
            mask = disclosure.protect_lines(each.lines(), *marks, SMALLEST_SHOWN)
        except AnalysisError as error:
            if error.kind == "cannot_protect":
                return frozenset({*hidden, *(key for key in rated if key[0] in known.kinds)})
            continue
        more = (key for key, hide in zip(keys, mask.tolist(), strict=True) if hide)
        return frozenset({*hidden, *more})
    return frozenset(hidden)


@dataclass(frozen=True, slots=True)
class _Known:
    """What an outsider knows: lines, the cells they add up, and that procedures make up sectors.

    Only lines of `kinds` may be hidden besides those that are.
    """

    rated: Mapping[Key, int]
    cells: Mapping[Cell, int]
    sector_of: Mapping[str, str]
    kinds: Collection[str]

    @property
    def keys(self) -> list[Key]:
        """Lines over the cells, then sums that agree: sectors and their procedures."""
        plain = [
            key for key in self.rated if key[0] != Breakdown.PROCEDURE or key[1] in self.sector_of
        ]
        sectors = sorted(set(self.sector_of.values()))
        return [*plain, *((Breakdown.PROCEDURE, f"={sector}") for sector in sectors)]

    def lines(self) -> disclosure.Lines:
        """The same for `analysis.disclosure`: a column a cell, then one a procedure."""
        keys = self.keys
        at = {key: place for place, key in enumerate(keys)}
        entries = [*self._of_cells(at), *self._of_procedures(at)]
        rows, columns, values = (np.array(part) for part in zip(*entries, strict=True))
        shape = (len(keys), len(self.cells) + len(self.sector_of))
        members = csr_array((values.astype(np.float64), (rows, columns)), shape=shape)
        cells = [*self.cells.values()]
        cells += [self.rated[Breakdown.PROCEDURE, code] for code in self.sector_of]
        fixed = [key not in self.rated or key[0] not in self.kinds for key in keys]
        found = disclosure.Lines(np.array(cells, dtype=np.float64), members, np.array(fixed))
        if found.counts.tolist() != [self.rated.get(key, 0) for key in keys]:
            raise AnalysisError("invalid_counts", "The lines are not sums of these cells.")
        return found

    def _of_cells(self, at: Mapping[Key, int]) -> Iterable[tuple[int, int, int]]:
        for column, cell in enumerate(self.cells):
            for key in (*_lines_of(cell), at_agency(*cell[:2])):
                if key in at:
                    yield at[key], column, 1
            if (Breakdown.PROCEDURE, f"={cell[1]}") in at:
                yield at[Breakdown.PROCEDURE, f"={cell[1]}"], column, -1

    def _of_procedures(self, at: Mapping[Key, int]) -> Iterable[tuple[int, int, int]]:
        for column, (code, sector) in enumerate(self.sector_of.items(), start=len(self.cells)):
            yield at[Breakdown.PROCEDURE, code], column, 1
            yield at[Breakdown.PROCEDURE, f"={sector}"], column, 1
