"""Disclosure control of figures: read the counts for `survey.disclosure`, mark suppressed figures.

Suppression is decided in `survey.disclosure`; this module reads from the database.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.aggregates import briefs_now
from survey.disclosure import (
    LEAST_SHOWN,
    Breakdown,
    Cell,
    Counts,
    Key,
    is_small,
    suppressed_over,
)
from survey.indices.closed import firsts, part_of
from survey.indices.figures import Figure, read_figure
from survey.indices.periods import check_period
from survey.indices.show import show, tables
from survey.indices.strata import Strata, read_strata
from survey.models.organisation import Agency, Procedure
from survey.models.snapshot import Snapshot
from survey.period import Month, Period


def published_tables(
    session: Session, period: Period, now: datetime
) -> dict[Breakdown, tuple[Figure, ...]]:
    """Every table of a period as it may be published: the figures of `show`, with those that must
    be suppressed marked.
    """
    if not isinstance(period, Month):
        return _published_over(session, period, now)
    found = {by: show(session, period, by, now) for by in Breakdown}
    suppressed = _suppressed_at(session, firsts(session, [period])) or suppressed_now(
        session, [period]
    )
    return _marked(found, suppressed[period])


def _published_over(
    session: Session, period: Period, now: datetime
) -> dict[Breakdown, tuple[Figure, ...]]:
    check_period(period, now)
    closings = firsts(session, period.months)
    suppressed = suppressed_now(
        session, [month for month in period.months if month not in closings]
    )
    suppressed |= _suppressed_at(session, closings)
    return _marked(tables(session, period, closings), suppressed_over(suppressed, period))


def suppressed_payload(session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a payload in which the figures that must be suppressed are marked."""
    tables = {by: [read_figure(row) for row in payload["figures"][by]] for by in Breakdown}
    found = _marked(tables, suppressed_in(session, payload))
    figures = {by.value: [asdict(one) for one in lines] for by, lines in found.items()}
    return {**payload, "figures": figures}


def _marked(
    tables: Mapping[Breakdown, Sequence[Figure]], suppressed: frozenset[Key]
) -> dict[Breakdown, tuple[Figure, ...]]:
    return {
        by: tuple(
            replace(one, covers=(by, one.key) in suppressed and one.rated > 0) for one in lines
        )
        for by, lines in tables.items()
    }


def suppressed_in(session: Session, payload: Mapping[str, Any]) -> frozenset[Key]:
    """The lines of a payload that must not be published."""
    return _counted(payload).suppressed(_sectors(session))


def _suppressed_at(
    session: Session, closings: Mapping[Month, Snapshot]
) -> dict[Month, frozenset[Key]]:
    """Month → the lines that its closing suppressed."""
    sectors = _sectors(session)
    return {
        month: part_of(session, snapshot, _counted).suppressed(sectors)
        for month, snapshot in closings.items()
    }


def _counted(payload: Mapping[str, Any]) -> Counts:
    """The ratings of each line of a payload, and of each cell with dossiers."""
    figures = payload["figures"]
    counts: dict[Key, int] = {
        (by, row["key"]): row["rated"] for by in Breakdown for row in figures[by]
    }
    cells: Counter[Cell] = Counter()
    for agency, sector, channel, _lateness, finished, *_ in payload["inputs"]["frame"]:
        cells.update({(agency, sector, channel): 0} if finished else {})
    for agency, sector, channel, _lateness, *ratings in payload["counted"]["cells"]:
        cells[agency, sector, channel] += sum(ratings)
    return Counts.of(counts, cells)


def suppressed_now(
    session: Session,
    months: Sequence[Month],
    *,
    strata: Strata | None = None,
    at_agencies: bool = False,
) -> dict[Month, frozenset[Key]]:
    """Month (YYYY-MM) → the lines that must not be published, by the counts of today.

    Lines of a sector at an agency (`survey.disclosure.at_agency`) are included with `at_agencies`,
    where these are published too. `strata`: the strata of every agency in these months, if they
    were read already.
    """
    strata = strata or read_strata(session, months, by_agency=True)
    procedures: dict[Month, Counter[Key]] = {
        month: Counter({(Breakdown.PROCEDURE, code): n for code, n in brief.rated.items()})
        for month, brief in briefs_now(session, months).items()
    }
    small = {month for month, rated in procedures.items() if any(map(is_small, rated.values()))}
    small |= {months[place] for place in _small_months(strata)}
    codes = dict(session.execute(select(Agency.id, Agency.code)).all())
    found, sectors = dict.fromkeys(months, frozenset[Key]()), _sectors(session)
    for place, month in enumerate(months):
        if month in small:
            cells = _cells(strata, place, codes)
            counts = Counts.added_up(cells, procedures[month])
            found[month] = counts.suppressed(sectors, at_agencies=at_agencies)
    return found


def still_suppressed(session: Session, months: Sequence[Month]) -> dict[Month, frozenset[Key]]:
    """`suppressed_now`, plus the lines that the closing of each month suppressed.

    This prevents a differencing attack: if a line was too small at the closing and late answers
    made it large enough, the published figure less the late answers would reveal the small one.
    """
    found = suppressed_now(session, months)
    for month, keys in _suppressed_at(session, firsts(session, months)).items():
        found[month] |= keys
    return found


def _small(rated: NDArray[Any]) -> NDArray[np.bool_]:
    return (rated > 0) & (rated < LEAST_SHOWN)


def _small_months(strata: Strata) -> set[int]:
    """Positions of the months in which a sector at an agency, or a channel, is small.

    In all other months no agency and no sector can be small.
    """
    if not _small(strata.rated).any():
        return set()
    sector, channel = (
        np.unique([name[part] for name in strata.names], return_inverse=True)[1][strata.name]
        for part in (0, 1)
    )
    # Strata are sorted by month, agency and name, so those of a sector at an agency are adjacent.
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


def _sectors(session: Session) -> Sequence[tuple[str, str]]:
    """(procedure code, sector code) of every procedure."""
    query = select(Procedure.code, Procedure.sector_code)
    return [(code, sector) for code, sector in session.execute(query)]
