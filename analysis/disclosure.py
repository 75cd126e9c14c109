"""Public tables that let nobody work out a small group's answers: hide, then prove.

Publish closed periods only, with one fixed hierarchy and no free filters: a cumulative table
minus last month's is a one-month table, and percentages with a known n are counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import LinearConstraint, linprog, milp
from scipy.sparse import csc_array, csr_array

from analysis.counts import FloatArray, count_arrays, whole
from analysis.errors import AnalysisError

BoolArray = NDArray[np.bool_]
Place = tuple[int, ...]
# So many of the largest sums are moved first: with all of 9,000, one bound takes two seconds.
_LARGE = 1200


@dataclass(frozen=True, slots=True)
class HiddenCell:
    """What an outsider can infer about a hidden count: at least `low`, at most `high`."""

    position: Place
    low: int
    high: int
    disclosed: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """The hidden cells, and whether none of them can be narrowed below the wanted width."""

    cells: tuple[HiddenCell, ...]
    safe: bool


def primary(
    y: ArrayLike, n: ArrayLike, citizens: ArrayLike | None = None, threshold: int = 10
) -> BoolArray:
    """Tell which cells must be hidden for themselves; arrays broadcast.

    Hidden: 0 < n < threshold; all or none of the ratings satisfied (it tells everybody's
    answer); fewer than 3 citizens behind the cell, where `citizens` is given. Empty cells
    have nothing to hide. Raises AnalysisError (``invalid_counts``).

    Source: Hundepool, A. et al. (2012). Statistical Disclosure Control, on frequency tables.

    Examples
    --------
    >>> primary([9, 30, 25, 0], [9, 30, 30, 0]).tolist()
    [True, True, False, False]
    """
    ys, ns = count_arrays(y, n)
    few = ns < whole(threshold, "threshold")
    if citizens is not None:
        few = few | (count_arrays(citizens)[0] < 3)  # noqa: PLR2004 - two know each other's answer
    hide: BoolArray = (ns > 0) & (few | (ys == 0) | (ys == ns))
    return hide


def audit(counts: ArrayLike, suppressed: ArrayLike, min_width: int) -> Audit:
    """Return what can be inferred about the hidden cells of a table, (R, C) or a list (C,).

    All other cells and the totals (of rows and columns; of the list) are published. Bounds are
    exact: the smallest and largest whole count that fits, by integer programming. A cell is
    disclosed when high - low < min_width. Cells come column by column. Raises AnalysisError
    (``invalid_counts``).

    References
    ----------
    Fischetti, M. & Salazar, J. J. (2001). Solving the cell suppression problem on tabular
    data with linear constraints. Management Science 47, 1008-1027.

    Examples
    --------
    >>> audit([[3, 40], [30, 28]], [[1, 0], [0, 0]], 5).cells
    (HiddenCell(position=(0, 0), low=3, high=3, disclosed=True),)
    """
    table, hidden = _table(counts, suppressed, dimensions=(1, 2))
    places: list[Place] = [tuple(place[::-1]) for place in np.argwhere(hidden.T).tolist()]
    # A list has one total; a table one for each row and one for each column.
    sums = [[place[:-1] for place in places], [place[1:] for place in places]][: table.ndim]
    return _audit(table, places, sums, min_width)


def audit_months(
    months: ArrayLike, suppressed: ArrayLike, suppressed_sum: ArrayLike, min_width: int
) -> Audit:
    """Return what monthly tables and their cumulative table reveal together.

    `months` and `suppressed` have shape (T, R, C), `suppressed_sum` (R, C) marks the cells
    hidden in the cumulative table; all totals are published. Positions are (t, r, c). A cell
    hidden in one month only is disclosed as soon as the cumulative table shows it. Raises
    AnalysisError (``invalid_counts``). Source: Fischetti & Salazar (2001), as `audit`.

    Examples
    --------
    >>> months = [[[3, 40], [30, 28]], [[12, 31], [35, 20]]]
    >>> hidden = [[[1, 1], [1, 1]], [[0, 0], [0, 0]]]
    >>> audit_months(months, hidden, [[1, 1], [1, 1]], 5).safe
    True
    >>> audit_months(months, hidden, [[0, 0], [0, 0]], 5).safe
    False
    """
    table, hidden = _table(months, suppressed, dimensions=(3,))
    shown_sum = ~np.asarray(suppressed_sum, dtype=np.bool_)
    if shown_sum.shape != table.shape[1:]:
        raise AnalysisError("invalid_counts", "The cumulative table must have the same cells.")
    places: list[Place] = [tuple(place) for place in np.argwhere(hidden).tolist()]
    sums: list[list[Place | None]] = [
        [place[:2] for place in places],
        [(place[0], place[2]) for place in places],
        [place[1:] if shown_sum[place[1:]] else None for place in places],
    ]
    return _audit(table, places, sums, min_width)


def protect(counts: ArrayLike, hidden: ArrayLike, min_width: int) -> BoolArray:
    """Hide further cells of a table (or list) until `audit` proves the table safe.

    Greedy: each cell that could be worked out gets a partner in the row and in the column where
    it is hidden alone, the smallest count that crosses other hidden cells, and more where that
    is too narrow; the result is proven, not necessarily smallest. Raises AnalysisError
    (``invalid_counts``; ``cannot_protect`` when hiding everything is not enough: publish no
    totals, or no table). Source: the search is ours; the proof is `audit`.

    Examples
    --------
    >>> table, hidden = [[3, 40, 25], [30, 28, 19], [22, 35, 41]], [[1, 0, 0], [0] * 3, [0] * 3]
    >>> protect(table, hidden, 5).astype(int).tolist()
    [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    """
    table, mask = _table(counts, hidden, dimensions=(1, 2))
    mask = mask.copy()
    while True:
        found = audit(table, mask, min_width)
        if found.safe:
            return mask
        exposed = [cell.position for cell in found.cells if cell.disclosed]
        # A cell alone in its line is certain; one in company may be safe once those are not.
        exposed.sort(key=lambda place: not _lines(mask, place, alone=True))
        added = next(filter(None, (_partners(table, mask, place) for place in exposed)), None)
        if added is None:
            raise AnalysisError("cannot_protect", "Hiding every cell does not protect the table.")
        for place in added:
            mask[place] = True


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of several tables over the same cells, as an outsider knows them.

    `cells` (K,) are the counts; `members` (L, K) says which cells each line adds up (entries may
    be negative: two sums that must agree are a line of count 0). `fixed` (L,) marks lines that are
    never hidden. Cells that everybody knows to be empty are left out of K.
    """

    cells: FloatArray
    members: csr_array
    fixed: BoolArray

    @property
    def counts(self) -> FloatArray:
        """Count of each line, shape (L,)."""
        counts: FloatArray = self.members @ self.cells
        return counts


def protect_lines(lines: Lines, secret: ArrayLike, hidden: ArrayLike, min_width: int) -> BoolArray:
    """Hide further lines of tables published together until no secret count can be worked out.

    `secret` and `hidden` have shape (L,): the lines to protect, and all that are not printed to
    begin with. A secret is safe when two whole-numbered tables fit everything printed and differ
    by at least min_width in it; else the smallest line that its bound rests on (a nonzero dual
    of the linear program) is hidden too. Other hidden lines may be narrower. Raises
    AnalysisError (``invalid_counts``, ``cannot_protect``). Source: Fischetti & Salazar (2001), as
    `audit`; the search is ours.

    Examples
    --------
    Agencies 3, 7, 40 and sectors 7, 43; only the second agency works in the first sector:

    >>> sums = csr_array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [1, 0, 1], [1, 1, 1]])
    >>> lines = Lines(np.array([3.0, 7.0, 40.0]), sums, np.arange(6) == 5)
    >>> protect_lines(lines, [1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], 5).astype(int).tolist()
    [1, 1, 1, 0, 0, 0]
    """
    width = whole(min_width, "min_width")
    secrets, mask = np.flatnonzero(secret), np.array(hidden, dtype=np.bool_)
    if mask.shape != lines.fixed.shape or lines.members.shape != (mask.size, lines.cells.size):
        raise AnalysisError("invalid_counts", "Cells, sums and marks must be of the same lines.")
    view = _View(lines, mask)
    for line in secrets[~view.wide(secrets, width)].tolist():
        while view.width(line, width) < width:
            mask[_rests_on(lines, mask, line)] = True
            view = _View(lines, mask)
    return mask


class _View:
    """What is printed. Cells that no printed line tells apart are one: only their sum is known."""

    def __init__(self, lines: Lines, mask: BoolArray) -> None:
        self.members = lines.members
        printed = csc_array(lines.members[~mask])
        alike: dict[bytes, int] = {}
        self.group = np.array(
            [
                alike.setdefault(
                    printed.indices[start:end].tobytes() + printed.data[start:end].tobytes(),
                    len(alike),
                )
                for start, end in pairwise(printed.indptr.tolist())
            ]
        )
        self.sizes = np.bincount(self.group)
        firsts = np.unique(self.group, return_index=True)[1]
        self.sums = csr_array(printed[:, firsts])
        self.true: FloatArray = np.zeros(self.sizes.size)
        np.add.at(self.true, self.group, lines.cells)
        self.hidden = np.zeros(self.sizes.size, dtype=np.bool_)
        self.hidden[self.group[lines.members[mask].sum(axis=0) > 0]] = True

    def fit(self, goal: FloatArray, free: BoolArray) -> FloatArray:
        """Return whole sums that fit what is printed, with the smallest goal; only `free` move."""
        part = self.sums[:, np.flatnonzero(free)]
        known = part @ self.true[free]
        # Without a gap of 0 the solver may stop some counts short of the bound in large tables.
        found = milp(
            goal[free],
            constraints=LinearConstraint(part, known, known),
            integrality=1,
            options={"mip_rel_gap": 0.0},
        )
        sums = self.true.copy()
        sums[free] = np.round(found.x)
        return sums

    def reach(self, lines: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        """Which sums lie wholly in each line, and which at least in part; both (lines, sums)."""
        shape = (self.group.size, self.sizes.size)
        to_sums = csr_array(
            (np.ones(self.group.size), (np.arange(self.group.size), self.group)), shape=shape
        )
        parts = (self.members[lines] @ to_sums).toarray()
        return (parts == self.sizes).astype(float), (parts > 0).astype(float)

    def wide(self, lines: NDArray[np.intp], width: int) -> BoolArray:
        """Which lines are safe already by moving counts within the true sums."""
        inner, outer = self.reach(lines)
        safe: BoolArray = (outer - inner) @ self.true >= width
        return safe

    def width(self, line: int, enough: int) -> int:
        """How far apart the smallest and largest possible count of a line are; exact if < enough.

        Mostly a few large sums prove that there is room; all are tried where they do not.
        """
        inner, outer = (part[0] for part in self.reach(np.array([line])))
        large = self.true >= np.sort(self.true)[-_LARGE:][0]
        some, every = large | self.hidden, np.ones_like(large)
        wide = 0
        for free in (some, every):
            wide = round(float(outer @ self.fit(-outer, free) - inner @ self.fit(inner, free)))
            if wide >= enough:
                break
        return wide


def _rests_on(lines: Lines, mask: BoolArray, line: int) -> int:
    """Return the smallest line that could be hidden and that a bound of a secret line rests on."""
    shown = np.flatnonzero(~mask)
    goal = lines.members[[line]].sum(axis=0)
    free = ~lines.fixed[shown] & (lines.counts[shown] > 0)
    used = np.zeros(shown.size, dtype=np.bool_)
    for sign in (1, -1):
        found = linprog(sign * goal, A_eq=lines.members[shown], b_eq=lines.counts[shown])
        used |= np.abs(found.eqlin.marginals) > 1e-9  # noqa: PLR2004 - zero but for rounding
    chosen = shown[used & free] if (used & free).any() else shown[free]
    if not chosen.size:
        raise AnalysisError("cannot_protect", "Hiding every line does not protect the tables.")
    return int(chosen[np.argmin(lines.counts[chosen])])


def _lines(mask: BoolArray, place: Place, *, alone: bool) -> list[list[Place]]:
    """Return the row and the column of a cell; only those that hide nothing else if `alone`."""
    lines = [
        [(*place[:axis], k, *place[axis + 1 :]) for k in range(mask.shape[axis])]
        for axis in range(mask.ndim)
    ]
    return [line for line in lines if not alone or sum(mask[cell] for cell in line) == 1]


def _partners(table: FloatArray, mask: BoolArray, place: Place) -> list[Place]:
    """Return published cells to hide beside an exposed one: where it is alone, else everywhere."""
    best = []
    for line in _lines(mask, place, alone=True) or _lines(mask, place, alone=False):
        shown = [cell for cell in line if not mask[cell]]
        if shown:
            best.append(min(shown, key=lambda cell: _reluctance(table, mask, cell)))
    return best


def _reluctance(table: FloatArray, mask: BoolArray, cell: Place) -> tuple[bool, bool, float]:
    """Order partners: counts that give room, then lines that hide already, then small counts."""
    crossing = sum(bool(mask.take(cell[axis], axis=axis).any()) for axis in range(table.ndim))
    return bool(table[cell] == 0), crossing < table.ndim, float(table[cell])


def _table(
    counts: ArrayLike, hidden: ArrayLike, dimensions: tuple[int, ...]
) -> tuple[FloatArray, BoolArray]:
    """Return counts and marks of one shape with an allowed number of dimensions, or refuse."""
    table, mask = count_arrays(counts)[0], np.asarray(hidden, dtype=np.bool_)
    if table.ndim not in dimensions or table.shape != mask.shape:
        raise AnalysisError("invalid_counts", "Counts and marks must be tables of one shape.")
    return table, mask


def _audit(
    table: FloatArray,
    places: Sequence[Place],
    sums: Sequence[Sequence[Place | None]],
    min_width: int,
) -> Audit:
    """Bound each hidden cell given the sums that become known by subtraction.

    Each entry of `sums` groups the cells: those with one key add up to a known number; None
    belongs to no sum.
    """
    min_width = whole(min_width, "min_width")
    if not places:
        return Audit((), safe=True)
    rows = [
        np.array([key == wanted for key in keys], dtype=np.float64)
        for keys in sums
        for wanted in dict.fromkeys(keys)
        if wanted is not None
    ]
    matrix = np.vstack(rows)
    known = matrix @ np.array([table[place] for place in places])
    cells = []
    for column, place in enumerate(places):
        if len(rows) == 1 and len(places) > 1:  # the parts of one sum can be anything up to it
            low, high = 0, int(known[0])
        else:
            low, high = (_extreme(matrix, known, column, sign) for sign in (1, -1))
        cells.append(HiddenCell(place, low, high, disclosed=high - low < min_width))
    return Audit(tuple(cells), safe=not any(cell.disclosed for cell in cells))


def _extreme(matrix: FloatArray, known: FloatArray, column: int, sign: int) -> int:
    """Return the smallest (sign 1) or largest (sign -1) whole count that a hidden cell can be."""
    goal = np.zeros(matrix.shape[1])
    goal[column] = sign
    # Without a gap of 0 the solver may stop some counts short of the bound in large tables.
    found = milp(
        goal,
        constraints=LinearConstraint(matrix, known, known),
        integrality=1,
        options={"mip_rel_gap": 0.0},
    )
    return sign * round(float(found.fun))
