"""Disclosure control: complementary suppression in published tables, and an audit that proves it.

Publish closed periods only, with one fixed hierarchy and no free filters, to prevent differencing
attacks: a cumulative table minus last month's is a one-month table, and percentages with a known n
are counts.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array, csr_array, eye_array, hstack

from analysis.counts import FloatArray, count_arrays, whole
from analysis.errors import AnalysisError

BoolArray = NDArray[np.bool_]
Place = tuple[int, ...]
# Only this many of the largest sums are varied first: with all 9,000, one bound takes 2 seconds.
_LARGE = 1200
# The search for tables that prove many lines at once ends after this many turns without success.
_IDLE = 2


@dataclass(frozen=True, slots=True)
class SuppressedCell:
    """What an attacker can infer about a suppressed count: at least `low`, at most `high`."""

    position: Place
    low: int
    high: int
    disclosed: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """The suppressed cells, and whether every one has an interval of at least the wanted width."""

    cells: tuple[SuppressedCell, ...]
    safe: bool


def audit(counts: ArrayLike, suppressed: ArrayLike, min_width: int) -> Audit:
    """Return what can be inferred about the suppressed cells of a table, (R, C) or a list (C,).

    All other cells and the totals (of rows and columns; of the list) are published. Bounds are
    exact: the smallest and largest integer count that fits, by integer programming. A cell is
    disclosed when high - low < min_width. Cells are returned column by column. Raises AnalysisError
    (``invalid_counts``).

    References
    ----------
    Fischetti, M. & Salazar, J. J. (2001). Solving the cell suppression problem on tabular
    data with linear constraints. Management Science 47, 1008-1027.

    Examples
    --------
    >>> audit([[3, 40], [30, 28]], [[1, 0], [0, 0]], 5).cells
    (SuppressedCell(position=(0, 0), low=3, high=3, disclosed=True),)
    """
    table, suppressed = count_arrays(counts)[0], np.asarray(suppressed, dtype=np.bool_)
    if table.ndim not in {1, 2} or table.shape != suppressed.shape:
        raise AnalysisError("invalid_counts", "Counts and marks must be tables of one shape.")
    min_width = whole(min_width, "min_width")
    places: list[Place] = [tuple(place[::-1]) for place in np.argwhere(suppressed.T).tolist()]
    # A list has one total; a table one for each row and one for each column.
    sums = [[place[:-1] for place in places], [place[1:] for place in places]][: table.ndim]
    rows = [[key == wanted for key in keys] for keys in sums for wanted in dict.fromkeys(keys)]
    matrix = np.array(rows, dtype=np.float64)
    known = matrix @ np.array([table[place] for place in places]) if places else matrix
    cells = []
    for column, place in enumerate(places):
        low, high = (_extreme(matrix, known, column, sign) for sign in (1, -1))
        cells.append(SuppressedCell(place, low, high, disclosed=high - low < min_width))
    return Audit(tuple(cells), safe=not any(cell.disclosed for cell in cells))


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of several tables over the same cells, as known to an attacker.

    `cells` (K,) are the counts; `members` (L, K) says which cells each line sums (entries may be
    negative: two sums that must be equal are a line of count 0). `fixed` (L,) marks lines that are
    never suppressed. Cells that are publicly known to be empty are left out of K.
    """

    cells: FloatArray
    members: csr_array
    fixed: BoolArray

    @property
    def counts(self) -> FloatArray:
        """Count of each line, shape (L,)."""
        counts: FloatArray = self.members @ self.cells
        return counts


def protect_lines(
    lines: Lines, secret: ArrayLike, suppressed: ArrayLike, min_width: int
) -> BoolArray:
    """Complementary suppression: suppress further lines until no secret count can be inferred.

    For tables published together. `secret` and `suppressed` have shape (L,): the lines to protect,
    and all lines suppressed at the start. A secret line is safe when two integer tables fit all
    published lines and differ by at least min_width in it; otherwise the smallest line that its
    bound depends on (a nonzero dual of the linear program) is suppressed too. Suppressed lines
    that are not secret may have narrower bounds. Returns the mask of suppressed lines (L,). Raises
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
    secrets, mask = np.flatnonzero(secret), np.array(suppressed, dtype=np.bool_)
    if mask.shape != lines.fixed.shape or lines.members.shape != (mask.size, lines.cells.size):
        raise AnalysisError("invalid_counts", "Cells, sums and marks must be of the same lines.")
    view = _View(lines, mask)
    for line in view.doubtful(secrets, width):
        while view.width(line, width) < width:
            mask[_rests_on(lines, mask, line)] = True
            view = _View(lines, mask)
    return mask


class _View:
    """The published lines. Cells that no published line distinguishes are merged to one sum."""

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
        self.suppressed = np.zeros(self.sizes.size, dtype=np.bool_)
        self.suppressed[self.group[lines.members[mask].sum(axis=0) > 0]] = True

    def fit(self, goal: FloatArray, free: BoolArray) -> FloatArray:
        """Return integer sums that fit the published lines, minimising `goal`; only `free` vary."""
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

    def reach(self, lines: NDArray[np.intp]) -> tuple[csr_array, csr_array]:
        """Which sums are fully in each line, and which at least in part; both (lines, sums)."""
        shape = (self.group.size, self.sizes.size)
        to_sums = csr_array(
            (np.ones(self.group.size), (np.arange(self.group.size), self.group)), shape=shape
        )
        parts = csr_array(self.members[lines] @ to_sums)
        wholly, partly = parts.data == self.sizes[parts.indices], parts.data > 0
        inner, outer = (
            csr_array((one.astype(np.float64), parts.indices, parts.indptr), shape=parts.shape)
            for one in (wholly, partly)
        )
        return inner, outer

    def doubtful(self, lines: NDArray[np.intp], width: int) -> list[int]:
        """The lines that a few tables do not prove safe.

        Each turn searches one table that fits and changes as many counts as possible, alternately
        up and down, so that many lines are proven at once; the few that remain are then proven one
        by one.
        """
        inner, outer = self.reach(lines)
        least, most = inner @ self.true, outer @ self.true
        turns = idle = 0
        while (most - least < width).any() and idle < _IDLE:
            open_ = np.flatnonzero(most - least < width)
            up = (np.arange(open_.size) + turns) % 2 == 0
            signs = np.where(up, 1.0, -1.0)
            goals = outer[open_].multiply(up[:, None]) - inner[open_].multiply(~up[:, None])
            reached = signs * np.where(up, most[open_], least[open_])
            missing = width - (most - least)[open_]
            sums = self.moved(csr_array(goals), reached, missing)
            least, most = np.minimum(least, inner @ sums), np.maximum(most, outer @ sums)
            proven = (most - least >= width)[open_].any()
            turns, idle = turns + 1, 0 if proven else idle + 1
        left: list[int] = lines[most - least < width].tolist()
        return left

    def moved(self, goals: csr_array, reached: FloatArray, missing: FloatArray) -> FloatArray:
        """Return integer sums that fit and raise many goals (lines, sums) above `reached`, each by
        at most `missing`; only sums of suppressed lines vary.
        """
        free = np.flatnonzero(self.suppressed)
        rest = self.true.copy()
        rest[free] = 0
        part, lines = csr_array(self.sums[:, free]), reached.size
        known = part @ self.true[free]
        beyond = hstack([-goals[:, free], eye_array(lines)])
        found = milp(
            np.concatenate([np.zeros(free.size), -np.ones(lines)]),
            constraints=[
                LinearConstraint(hstack([part, csr_array((part.shape[0], lines))]), known, known),
                LinearConstraint(beyond, -np.inf, goals @ rest - reached),
            ],
            integrality=np.concatenate([np.ones(free.size), np.zeros(lines)]),
            bounds=Bounds(
                np.concatenate([np.zeros(free.size), np.full(lines, -np.inf)]),
                np.concatenate([np.full(free.size, np.inf), missing]),
            ),
            options={"mip_rel_gap": 0.5},
        )
        rest[free] = np.round(found.x[: free.size])
        return rest

    def width(self, line: int, enough: int) -> int:
        """Largest minus smallest possible count of a line; exact if < enough.

        Usually varying a few large sums proves the width; all are varied where that fails.
        """
        inner, outer = (part.toarray()[0] for part in self.reach(np.array([line])))

        def between(free: BoolArray) -> int:
            return round(float(outer @ self.fit(-outer, free) - inner @ self.fit(inner, free)))

        some = self.suppressed | (self.true >= np.sort(self.true)[-_LARGE:][0])
        wide = between(some)
        return wide if wide >= enough or some.all() else between(np.ones_like(some))


def _rests_on(lines: Lines, mask: BoolArray, line: int) -> int:
    """Return the smallest line that may be suppressed and that a secret line's bound depends on."""
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


def _extreme(matrix: FloatArray, known: FloatArray, column: int, sign: int) -> int:
    """Return the smallest (sign 1) or largest (sign -1) possible count of a suppressed cell."""
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
