"""What all tables of a month reveal together: lines are hidden until no small one can be worked
out.

Everybody knows which agency has dossiers of which sector and by which channel, and to which sector
a procedure belongs; so a sector of one agency tells that agency's ratings.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sqlalchemy import select
from sqlalchemy.orm import Session

from analysis import AnalysisError, disclosure
from survey.indices.closed import first, payload_of
from survey.indices.figures import (
    SMALLEST_SHOWN,
    Breakdown,
    Figure,
    protected,
    read_figure,
    safe_to_tell,
)
from survey.indices.payload import COUNTED
from survey.indices.show import show
from survey.indices.tallies import OVERALL, Stored
from survey.models.organisation import Procedure
from survey.models.questionnaire import Question

# Agency code, sector, channel.
Cell = tuple[str, str, str]
Key = tuple[Breakdown, str]
PARTS = {Breakdown.AGENCY: 0, Breakdown.SECTOR: 1, Breakdown.CHANNEL: 2}


def shown(session: Session, month: str, now: datetime) -> dict[Breakdown, tuple[Figure, ...]]:
    """Every table of a month (YYYY-MM) as it may be printed: `show`, with what must be hidden."""
    tables = {by: show(session, month, by, now) for by in Breakdown}
    snapshot = first(session, month)
    cells = _cells_of(payload_of(snapshot)) if snapshot else _cells_now(session, month)
    return _hide(session, tables, cells)


def shielded(session: Session, payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload whose figures say what must be hidden; the stored one stays as it is."""
    tables = {by: [read_figure(row) for row in payload["figures"].get(by, [])] for by in Breakdown}
    found = _hide(session, tables, _cells_of(payload))
    figures = {by.value: [asdict(one) for one in lines] for by, lines in found.items()}
    return {**payload, "figures": figures}


def _cells_of(payload: Mapping[str, Any]) -> frozenset[tuple[Cell, int]]:
    """Cells with dossiers or ratings; none in a payload that does not hold them."""
    found: Counter[Cell] = Counter()
    if COUNTED in payload:
        for agency, sector, channel, *_ in payload["inputs"]["frame"]:
            found[agency, sector, channel] += 0
        for agency, sector, channel, _lateness, *ratings in payload[COUNTED]["cells"]:
            found[agency, sector, channel] += sum(ratings)
    return frozenset(found.items())


def _cells_now(session: Session, month: str) -> frozenset[tuple[Cell, int]]:
    source = Stored(session, month)
    found: Counter[Cell] = Counter()
    for agency, strata in source.finished(Breakdown.AGENCY).items():
        found.update({(agency, sector, channel): 0 for sector, channel, _ in strata})
    for agency, answered in source.rated(Breakdown.AGENCY, (Question.OVERALL,)).items():
        for (sector, channel, _), ratings in answered.items():
            found[agency, sector, channel] += sum(ratings)
    return frozenset(found.items())


def _hide(
    session: Session,
    tables: Mapping[Breakdown, Sequence[Figure]],
    cells: frozenset[tuple[Cell, int]],
) -> dict[Breakdown, tuple[Figure, ...]]:
    alone = {by: protected(figures) for by, figures in tables.items()}
    if not any(one.is_hidden for lines in alone.values() for one in lines):
        return alone
    codes = {one.key for one in tables[Breakdown.PROCEDURE]}
    sectors = select(Procedure.code, Procedure.sector_code)
    sector_of = [(code, sector) for code, sector in session.execute(sectors) if code in codes]
    counts = frozenset(((by, one.key), one.rated) for by, lines in tables.items() for one in lines)
    hidden = hidden_together(counts, cells, frozenset(sector_of))
    return {
        by: tuple(replace(one, covers=(by, one.key) in hidden and one.rated > 0) for one in lines)
        for by, lines in alone.items()
    }


@lru_cache(maxsize=256)
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
    hidden = _each_alone(rated)
    secret = {key for key, number in rated.items() if 0 < number < SMALLEST_SHOWN}
    total: Key = (Breakdown.OVERALL, OVERALL)
    if not secret or not cells or total not in rated or total in hidden:
        return frozenset(hidden)
    # Procedures may have moved to another sector since they were counted.
    for procedures in (dict(sorted(sector_of)), {}):
        known = _Known(rated, dict(sorted(cells)), procedures)
        keys = known.keys
        marks = ([key in secret for key in keys], [key in hidden for key in keys])
        try:
            mask = disclosure.protect_lines(known.lines(), *marks, SMALLEST_SHOWN)
        except AnalysisError as error:
            if error.kind == "cannot_protect":
                return frozenset(key for key in rated if key != total)
            continue
        return frozenset(
            hidden.union(key for key, hide in zip(keys, mask.tolist(), strict=True) if hide)
        )
    return frozenset(hidden)


def _each_alone(rated: Mapping[Key, int]) -> set[Key]:
    hidden: set[Key] = set()
    for by in Breakdown:
        keys = [key for key in rated if key[0] is by]
        told = safe_to_tell([rated[key] for key in keys])
        hidden.update(key for key, safe in zip(keys, told, strict=True) if not safe)
    return hidden


@dataclass(frozen=True, slots=True)
class _Known:
    """What an outsider knows: lines, the cells they add up, and that procedures make up sectors."""

    rated: Mapping[Key, int]
    cells: Mapping[Cell, int]
    sector_of: Mapping[str, str]

    @property
    def keys(self) -> list[Key]:
        """Lines over the cells, then sums that agree: sectors and their procedures."""
        plain = [
            key
            for key in self.rated
            if key[0] is not Breakdown.PROCEDURE or key[1] in self.sector_of
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
        fixed = [key not in self.rated or key[0] is Breakdown.OVERALL for key in keys]
        found = disclosure.Lines(np.array(cells, dtype=np.float64), members, np.array(fixed))
        if found.counts.tolist() != [self.rated.get(key, 0) for key in keys]:
            raise AnalysisError("invalid_counts", "The lines are not sums of these cells.")
        return found

    def _of_cells(self, at: Mapping[Key, int]) -> Iterable[tuple[int, int, int]]:
        for column, cell in enumerate(self.cells):
            yield at[Breakdown.OVERALL, OVERALL], column, 1
            for by, part in PARTS.items():
                if (by, cell[part]) in at:
                    yield at[by, cell[part]], column, 1
            if (Breakdown.PROCEDURE, f"={cell[1]}") in at:
                yield at[Breakdown.PROCEDURE, f"={cell[1]}"], column, -1

    def _of_procedures(self, at: Mapping[Key, int]) -> Iterable[tuple[int, int, int]]:
        for column, (code, sector) in enumerate(self.sector_of.items(), start=len(self.cells)):
            yield at[Breakdown.PROCEDURE, code], column, 1
            yield at[Breakdown.PROCEDURE, f"={sector}"], column, 1
