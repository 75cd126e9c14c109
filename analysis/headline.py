"""Index and verdict of reports: thin cells merged, guarded interval, three-valued verdict.

Many report lines at once: the rows of (L, K) arrays are lines, the columns the cells (post-strata)
of a line.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.anytime import confidence_sequence
from analysis.counts import FloatArray, count_arrays, one_sided_level
from analysis.errors import AnalysisError
from analysis.poststratify import GuardedLines, MergedLines, collapse_lines, guard
from analysis.verdict import target_share

BoolArray = NDArray[np.bool_]
# A target share as whole numbers: (85, 100) is 85 %.
Target = tuple[int, int]
# A product within this distance of an integer is that integer (rounding errors).
_WHOLE = 1e-9


@dataclass(frozen=True, slots=True)
class VerdictLines:
    """Verdicts of report lines, arrays of shape (L,).

    `low` and `high` are one-sided bounds. `needed_n` is the number of ratings that would
    decide at the same index, `additional_n` the part of it still missing; both NaN where decided or
    nothing was rated. `secured`: certainly met, and `lost`: certainly not met, by the worst-case
    (Manski) bounds, whatever the non-respondents would answer.
    """

    verdict: NDArray[np.str_]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    secured: BoolArray
    lost: BoolArray
    needed_n: FloatArray
    additional_n: FloatArray


@dataclass(frozen=True, slots=True)
class Decisions:
    """Verdicts of bounds against targets, arrays of shape (L,): met, not_met or uncertain.

    `secured`: certainly met, and `lost`: certainly not met, by the worst-case (Manski) bounds.
    """

    verdict: NDArray[np.str_]
    secured: BoolArray
    lost: BoolArray


@dataclass(frozen=True, slots=True)
class BoundLines:
    """Index and bounds of report lines, arrays of shape (L,); NaN and [0, 1] without a rating."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray


def headline_lines(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, late: ArrayLike, confidence: float
) -> GuardedLines:
    """Return the index of each line: `collapse_lines`, then `guard`; N = 0 means no cell.

    Raises AnalysisError (``invalid_counts``, ``invalid_confidence``). Source: `GuardedLines`;
    merging as `collapse_lines`.

    Examples
    --------
    >>> lines = headline_lines([[4, 27, 0]], [[4, 30, 0]], [[40, 100, 9]], [[0, 0, 1]], 0.95)
    >>> lines.estimate.round(4).tolist(), lines.rule.tolist()
    ([0.9118], ['wilson_fpc'])
    """
    merged = collapse_lines(y, n, N, late)
    return guard(merged.y, merged.n, merged.N, confidence)


def headline_verdicts(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, late: ArrayLike, target: Target, confidence: float
) -> VerdictLines:
    """Return each line's verdict on its index against target = (num, den) at period close.

    One-sided guarded bounds at `confidence` (above one half): met if low >= target, not met if high
    < target, else uncertain, as when nothing was rated; a complete line is decided on integers. The
    ratings still needed assume that each cell keeps its index and that the missing ratings of all
    cells arrive evenly; for one cell see `analysis.verdict.needed_ratings`. Raises AnalysisError
    (``invalid_counts``, ``invalid_confidence``, ``invalid_target``). Source: bounds as
    `headline_lines`; three values are ours.

    Examples
    --------
    >>> v = headline_verdicts([[258, 0]], [[300, 0]], [[1000, 0]], [[0, 1]], (85, 100), 0.95)
    >>> v.verdict.tolist(), v.needed_n.tolist()
    (['uncertain'], [776.0])
    """
    num, den = target_share(*target)
    two_sided = 2 * one_sided_level(confidence) - 1
    cells = collapse_lines(y, n, N, late)
    found = guard(cells.y, cells.n, cells.N, two_sided)
    satisfied, rated, total = (c.sum(axis=1) for c in (cells.y, cells.n, cells.N))
    decided = decide((satisfied, rated, total), (found.low, found.high), (num, den))
    needed = np.full(rated.shape, np.nan)
    open_ = (rated > 0) & (decided.verdict == "uncertain")
    needed[open_] = _needed(cells, found.estimate, open_, num / den, two_sided)
    return VerdictLines(
        verdict=decided.verdict,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        secured=decided.secured,
        lost=decided.lost,
        needed_n=needed,
        additional_n=needed - rated,
    )


def decide(
    counts: tuple[ArrayLike, ArrayLike, ArrayLike],
    bounds: tuple[ArrayLike, ArrayLike],
    target: tuple[ArrayLike, ArrayLike],
) -> Decisions:
    """Return verdicts of bounds (low, high) of lines against their targets (num, den).

    `counts` are (satisfied, rated, finished) of each line, all its cells together. A complete line
    is decided on integers. The rule of `headline_verdicts`, for lines with different targets.

    Raises AnalysisError (``invalid_counts``, ``invalid_target``). Source: as
    `headline_verdicts`.

    Examples
    --------
    >>> found = decide(([258, 9], [300, 10], [1000, 10]), ([0.82, 0.9], [0.9, 0.9]), (85, 100))
    >>> found.verdict.tolist(), found.secured.tolist()
    (['uncertain', 'met'], [False, True])
    """
    count_arrays(*counts)
    satisfied, rated, total = (np.asarray(one) for one in counts)
    num, den = (np.asarray(one) for one in target)
    if (den <= 0).any() or (num < 0).any():
        raise AnalysisError("invalid_target", "A target is num/den with den > 0.")
    low, high = bounds
    reached, complete = satisfied * den >= num * total, rated == total
    met = np.where(complete, reached, low >= num / den)
    missed = np.where(complete, ~reached, high < num / den)
    return Decisions(
        np.select([rated == 0, met, missed], ["uncertain", "met", "not_met"], "uncertain"),
        secured=(total > 0) & reached,
        lost=(satisfied + total - rated) * den < num * total,
    )


def floor_lines(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, late: ArrayLike, floor: Target, confidence: float
) -> NDArray[np.str_]:
    """Return whether the index of each line is at or below the threshold floor = (num, den).

    ``below_floor`` when the one-sided upper bound is at most the floor, ``above_floor`` when the
    lower bound exceeds it, else ``uncertain``; integers decide where the missing ratings cannot
    change the result. The same index and bounds as `headline_verdicts`;
    `analysis.verdict.floor_verdict` is the exact form for one cell. Raises AnalysisError
    (``invalid_counts``, ``invalid_confidence``, ``invalid_target``). Source: bounds as
    `headline_lines`.

    Examples
    --------
    >>> n, N = [[38, 2], [9, 0], [48, 0]], [[40, 2], [20, 0], [50, 0]]
    >>> floor_lines([[15, 2], [8, 0], [45, 0]], n, N, [0, 1], (80, 100), 0.95).tolist()
    ['below_floor', 'uncertain', 'above_floor']
    """
    num, den = target_share(*floor)
    cells = collapse_lines(y, n, N, late)
    found = guard(cells.y, cells.n, cells.N, 2 * one_sided_level(confidence) - 1)
    satisfied, rated, total = (c.sum(axis=1) for c in (cells.y, cells.n, cells.N))
    lost = (satisfied + total - rated) * den <= num * total
    secured = satisfied * den > num * total
    some = rated > 0
    below = lost | (found.high <= num / den)
    above = secured | (found.low > num / den)
    return np.select(
        [~some, secured, below, above],
        ["uncertain", "above_floor", "below_floor", "above_floor"],
        "uncertain",
    )


def anytime_lines(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, late: ArrayLike, confidence: float
) -> BoundLines:
    """Return the index of each line with any-time bounds, valid however often they are read.

    One cell: `analysis.confidence_sequence`. Several: the confidence sequence on the effective
    number of ratings, n' = m N/(N - 1 + m) with m the guarded effective size of the post-stratified
    index, at most the actual number; y' = index x n', rounded outwards. That is exact for one cell
    and an approximation for several, checked by simulation; it assumes that ratings arrive as if at
    random inside each cell. Raises AnalysisError (``invalid_counts``, ``invalid_confidence``).
    Source: Waudby-Smith & Ramdas (2020), see `confidence_sequence`; n' is ours.

    Examples
    --------
    >>> lines = anytime_lines([[90, 0]], [[100, 0]], [[2000, 0]], [0, 1], 0.95)
    >>> lines.low.round(3).tolist(), lines.high.round(3).tolist()
    ([0.775], [0.97])
    """
    cells = collapse_lines(y, n, N, late)
    found = guard(cells.y, cells.n, cells.N, confidence)
    low, high = found.low.copy(), found.high.copy()
    for i in np.flatnonzero(np.isin(found.rule, ("guarded", "wilson_fpc"))).tolist():
        rated, total = int(cells.n[i].sum()), int(cells.N[i].sum())
        size, satisfied = rated, float(cells.y[i].sum())
        if found.rule[i] == "guarded":
            worth = float(found.n_eff[i])
            size = max(1, min(rated, math.floor(worth * total / (total - 1 + worth))))
            satisfied = float(found.estimate[i]) * size
        least, most = math.floor(satisfied + _WHOLE), math.ceil(satisfied - _WHOLE)
        low[i] = confidence_sequence(least, size, total, confidence).low
        high[i] = confidence_sequence(most, size, total, confidence).high
    return BoundLines(found.estimate, low, high)


def _needed(
    cells: MergedLines, index: FloatArray, lines: BoolArray, target: float, confidence: float
) -> FloatArray:
    """Return the fewest ratings that decide each of the chosen lines, by bisecting n..N."""
    y, n, N = cells.y[lines], cells.n[lines], cells.N[lines]
    share = y / np.maximum(n, 1)
    rated, total, above = n.sum(axis=1), N.sum(axis=1), index[lines] > target
    low, high = rated.copy(), total.copy()
    while (low < high).any():
        middle = (low + high) // 2
        part = ((middle - rated) / (total - rated))[:, np.newaxis]
        planned = n + (N - n) * part
        found = guard(share * planned, planned, N, confidence)
        decides = np.where(above, found.low >= target, found.high < target)
        low, high = np.where(decides, low, middle + 1), np.where(decides, middle, high)
        low = np.minimum(low, high)
    needed: FloatArray = high
    return needed
