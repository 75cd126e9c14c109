"""Complementary suppression over all tables of a month together, against differencing attacks.

Lines are suppressed until no small one can be computed from the published ones. An attacker is
assumed to know which agency has dossiers of which sector and channel, and the sector of each
procedure; so the figures of a sector that only one agency handles reveal that agency's ratings.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from analysis import AnalysisError, disclosure
from survey.disclosure.lines import (
    AT_AGENCY,
    LEAST_SHOWN,
    WHOLE,
    Breakdown,
    Cell,
    Key,
    added_up,
    at_agency,
    is_small,
    lines_of,
)
from survey.disclosure.one_table import suppressed_in

# The sector of each procedure.
Sectors = frozenset[tuple[str, str]]
# The overall line is always published, unless it is small itself.
TABLES = frozenset(Breakdown) - {Breakdown.OVERALL}


@dataclass(frozen=True, slots=True)
class Counts:
    """The ratings of each line of a month's tables, and of each cell with dossiers."""

    lines: frozenset[tuple[Key, int]]
    cells: frozenset[tuple[Cell, int]]

    @classmethod
    def of(cls, lines: Mapping[Key, int], cells: Mapping[Cell, int]) -> "Counts":
        """Counts from stored lines; procedures without ratings are left out."""
        some = ((key, n) for key, n in lines.items() if n or key[0] != Breakdown.PROCEDURE)
        return cls(frozenset(some), frozenset(cells.items()))

    @classmethod
    def added_up(cls, cells: Mapping[Cell, int], procedures: Mapping[Key, int]) -> "Counts":
        """Counts summed from cells, and those of procedures, which cells do not distinguish."""
        return cls.of(added_up(cells) | Counter(procedures), cells)

    def suppressed(
        self, sectors: Iterable[tuple[str, str]], *, at_agencies: bool = False
    ) -> frozenset[Key]:
        """The lines that must be suppressed; `sectors` are (procedure, sector) of every procedure.

        With `at_agencies`, where sectors at agencies are published too, their lines are included.
        """
        if not at_agencies and not any(is_small(rated) for _, rated in self.lines):
            return frozenset()
        procedures = {key for (by, key), _ in self.lines if by == Breakdown.PROCEDURE}
        sector_of = frozenset(one for one in sectors if one[0] in procedures)
        return _at_agencies(self, sector_of) if at_agencies else _in_tables(self, sector_of)


@lru_cache(maxsize=32)
def _in_tables(counts: Counts, sector_of: Sectors) -> frozenset[Key]:
    """The lines of tables that must be suppressed.

    Where the overall line is suppressed, each table is protected on its own.
    """
    rated = dict(sorted(counts.lines))
    suppressed = {
        key
        for by in Breakdown
        for key in suppressed_in([key for key in rated if key[0] == by], rated)
    }
    if not suppressed or WHOLE in suppressed:
        return frozenset(suppressed)
    known = _Known(rated, dict(sorted(counts.cells)), dict(sorted(sector_of)), TABLES)
    return _with_complementary(known, suppressed)


@lru_cache(maxsize=32)
def _at_agencies(counts: Counts, sector_of: Sectors) -> frozenset[Key]:
    """`_in_tables`, and the sectors at agencies that must be suppressed beside those tables.

    All are suppressed where the tables alone already reveal a small one.
    """
    suppressed = {*_in_tables(counts, sector_of)}
    rated: Counter[Key] = Counter()
    tables: dict[Key, dict[Key, None]] = {}
    for cell, number in sorted(counts.cells):
        key = at_agency(*cell[:2])
        rated[key] += number
        for whole in zip((Breakdown.AGENCY, Breakdown.SECTOR), cell, strict=False):
            tables.setdefault(whole, {})[key] = None
    before = -1
    while len(suppressed) > before:
        before = len(suppressed)
        for keys in tables.values():
            suppressed.update(suppressed_in([*keys], rated, suppressed))
    rated.update(dict(sorted(counts.lines)))
    known = _Known(
        rated, dict(sorted(counts.cells)), dict(sorted(sector_of)), frozenset({AT_AGENCY})
    )
    return _with_complementary(known, suppressed)


def _with_complementary(known: "_Known", suppressed: Collection[Key]) -> frozenset[Key]:
    """Add complementary suppressions to the suppressed lines; where these cannot protect the small
    lines, suppress every line of `known.kinds`.
    """
    rated = known.rated
    # Second try without sectors: procedures may have moved to another sector since the count.
    for each in (known, replace(known, sector_of={})):
        keys = each.keys
        marks = ([is_small(rated.get(key, 0)) for key in keys], [key in suppressed for key in keys])
        try:
            mask = disclosure.protect_lines(each.lines(), *marks, LEAST_SHOWN)
        except AnalysisError as error:
            if error.kind == "cannot_protect":
                return frozenset({*suppressed, *(key for key in rated if key[0] in known.kinds)})
            continue
        more = (key for key, holds in zip(keys, mask.tolist(), strict=True) if holds)
        return frozenset({*suppressed, *more})
    return frozenset(suppressed)


@dataclass(frozen=True, slots=True)
class _Known:
    """What an attacker knows: the lines, the cells they sum, and the procedures of each sector.

    Only lines of `kinds` may be suppressed in addition.
    """

    rated: Mapping[Key, int]
    cells: Mapping[Cell, int]
    sector_of: Mapping[str, str]
    kinds: Collection[str]

    @property
    def keys(self) -> list[Key]:
        """Lines over the cells, then one constraint per sector: it equals its procedures' sum."""
        plain = [
            key for key in self.rated if key[0] != Breakdown.PROCEDURE or key[1] in self.sector_of
        ]
        sectors = sorted(set(self.sector_of.values()))
        return [*plain, *((Breakdown.PROCEDURE, f"={sector}") for sector in sectors)]

    def lines(self) -> disclosure.Lines:
        """Input of `analysis.disclosure`: one column per cell, then one per procedure."""
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
            for key in (*lines_of(cell), at_agency(*cell[:2])):
                if key in at:
                    yield at[key], column, 1
            if (Breakdown.PROCEDURE, f"={cell[1]}") in at:
                yield at[Breakdown.PROCEDURE, f"={cell[1]}"], column, -1

    def _of_procedures(self, at: Mapping[Key, int]) -> Iterable[tuple[int, int, int]]:
        for column, (code, sector) in enumerate(self.sector_of.items(), start=len(self.cells)):
            yield at[Breakdown.PROCEDURE, code], column, 1
            yield at[Breakdown.PROCEDURE, f"={sector}"], column, 1
