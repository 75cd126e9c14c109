"""Index and verdict as reports print them: thin cells merged, guarded interval, three values.

Many report lines at once; rows of (L, K) arrays are lines, columns the cells of a line.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.counts import FloatArray, level
from analysis.errors import AnalysisError
from analysis.poststratify import GuardedLines, MergedLines, collapse_lines, guard, guarded_lines
from analysis.verdict import target_share

BoolArray = NDArray[np.bool_]
# A target share as whole numbers: (85, 100) is 85 %.
Target = tuple[int, int]


@dataclass(frozen=True, slots=True)
class VerdictLines:
    """Verdicts of report lines, arrays of shape (L,).

    `low` and `high` are one-sided bounds. `needed_n` is the number of ratings that would
    decide at the same index, NaN where decided or nothing was rated. `secured` and `lost` hold
    whatever the silent would say.
    """

    verdict: NDArray[np.str_]
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    secured: BoolArray
    lost: BoolArray
    needed_n: FloatArray


def headline_lines(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, late: ArrayLike, confidence: float
) -> GuardedLines:
    """Return the index of each line: `collapse_lines`, then `guarded_lines`; N = 0 is no cell.

    Examples
    --------
    >>> lines = headline_lines([[4, 27, 0]], [[4, 30, 0]], [[40, 100, 9]], [[0, 0, 1]], 0.95)
    >>> lines.estimate.round(4).tolist(), lines.rule.tolist()
    ([0.9118], ['wilson_fpc'])
    """
    merged = collapse_lines(y, n, N, late)
    return guarded_lines(merged.y, merged.n, merged.N, confidence)


def headline_verdicts(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, late: ArrayLike, target: Target, confidence: float
) -> VerdictLines:
    """Judge the post-stratified index of each line against target = (num, den) at period close.

    As `analysis.verdict.verdict` with one-sided guarded bounds at `confidence` (above one
    half); a complete line is decided on integers. The ratings still needed assume the same
    index in each cell and that the silent of all cells come in evenly. Raises AnalysisError
    (``invalid_counts``, ``invalid_confidence``, ``invalid_target``).

    Examples
    --------
    >>> v = headline_verdicts([[258, 0]], [[300, 0]], [[1000, 0]], [[0, 1]], (85, 100), 0.95)
    >>> v.verdict.tolist(), v.needed_n.tolist()
    (['uncertain'], [776.0])
    """
    num, den = target_share(*target)
    if level(confidence) <= 0.5:  # noqa: PLR2004 - a one-sided level below a half decides nothing
        raise AnalysisError("invalid_confidence", "One-sided confidence must exceed one half.")
    cells = collapse_lines(y, n, N, late)
    found = guarded_lines(cells.y, cells.n, cells.N, 2 * confidence - 1)
    satisfied, rated, total = (c.sum(axis=1) for c in (cells.y, cells.n, cells.N))
    reached, complete = satisfied * den >= num * total, rated == total
    met = np.where(complete, reached, found.low >= num / den)
    missed = np.where(complete, ~reached, found.high < num / den)
    verdict = np.select([rated == 0, met, missed], ["uncertain", "met", "not_met"], "uncertain")
    needed = np.full(rated.shape, np.nan)
    open_ = (rated > 0) & (verdict == "uncertain")
    needed[open_] = _needed(cells, found.estimate, open_, num / den, 2 * confidence - 1)
    return VerdictLines(
        verdict=verdict,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        secured=(total > 0) & reached,
        lost=(satisfied + total - rated) * den < num * total,
        needed_n=needed,
    )


def _needed(
    cells: MergedLines, index: FloatArray, lines: BoolArray, target: float, confidence: float
) -> FloatArray:
    """Return the fewest ratings that decide each of the chosen lines, by halving n..N."""
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
