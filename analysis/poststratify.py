"""The headline index: post-stratified, with the guarded interval.

The raw share is biased where citizens with late dossiers respond less: its interval then misses the
true value. Non-response that depends on the rating itself inside a cell cannot be corrected by
weighting; `analysis.nonresponse.missing_bounds` shows how much it could change.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from analysis.counts import FloatArray, count_arrays, level
from analysis.design import strata_arrays
from analysis.errors import AnalysisError
from analysis.intervals import (
    beta_limits,
    fpc_size,
    hypergeometric,
    normal_quantile,
    score_limits,
)

DegenerateRule = Literal["hypergeometric", "clopper_pearson_on_kish_n", "census"]


@dataclass(frozen=True, slots=True)
class GuardedLines:
    """Guarded indices of many report lines: arrays of shape (L,), NaN where undefined.

    `rule` is guarded, wilson_fpc, census or no_data.

    v = sum over open cells (n_h < N_h) of W_h^2 (1 - n_h/N_h) s2_h/n_h, where s2_h is at least
    pt(1 - pt), pt = (y_h+1)/(n_h+2), and .25 at n_h = 1. n_eff = max(pe(1-pe)/v, min(kish,
    q(1-q)/v)), pe = p within [.5/n, 1-.5/n], q = sum W_h pt_h, kish = N^2 / sum N_h^2/n_h;
    Wilson on n_eff with t(n - H). `se` is the root of v.

    References
    ----------
    Franco, C., Little, R., Louis, T. & Slud, E. (2019). Comparative study of confidence
    intervals for proportions in complex sample surveys. JSSAM 7, 334-364. The guard on s2_h and
    n_eff is ours.
    """

    estimate: FloatArray
    se: FloatArray
    df: FloatArray
    n_eff: FloatArray
    low: FloatArray
    high: FloatArray
    rule: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class MergedLines:
    """Merged cells, shape (L, K): counts are 0 at the column of a cell merged into another.

    `owner[i, k]` is the column that now contains the dossiers of the original cell k of line i.
    """

    y: FloatArray
    n: FloatArray
    N: FloatArray
    owner: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Degenerate:
    """Limits of an index of exactly 0 or 1, and the rule used."""

    estimate: float
    n_eff: float | None
    low: float
    high: float
    rule: DegenerateRule


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums over the strata of each line, shape (L,)."""

    p: FloatArray
    q: FloatArray
    v: FloatArray
    kish: FloatArray


def guarded_lines(y: ArrayLike, n: ArrayLike, N: ArrayLike, confidence: float) -> GuardedLines:
    """Return guarded indices of L lines from cells of shape (L, K); N = 0 marks no cell.

    The formula is given at `GuardedLines`. One cell: Wilson with fpc. All complete: a point. No
    rating: no index, [0, 1]. The order of cells does not matter.

    One more satisfied answer raises the index, but in fewer than 0.3 % of random lines at 95 % it
    lowered a bound, by up to 0.05, where a thin cell gets its first dissatisfied or satisfied
    answer; never where all cells had ten ratings. Twice the answers at equal shares widen the
    interval only if fewer cells are merged.

    A nominal 95 % covered at least 93 % in our simulations where response depends on the cell only.
    It does NOT hold when response depends on the rating inside a cell (no weights can correct
    that), nor when few citizens give many ratings (`analysis.design.clustered`). Raises
    AnalysisError:
    ``invalid_counts``, ``invalid_confidence``, ``empty_stratum`` (use `collapse_lines` first).
    Source: `GuardedLines`.

    Examples
    --------
    >>> guarded_lines([[20, 3], [9, 0]], [[24, 3], [9, 0]], [[60, 3], [12, 0]], 0.95).rule
    array(['guarded', 'wilson_fpc'], dtype='<U10')
    """
    y, n, N = count_arrays(y, n, N)
    if ((n == 0) & (N > 0) & (n.sum(axis=1, keepdims=True) > 0)).any():
        raise AnalysisError("empty_stratum", "Nobody of a cell answered: collapse cells first.")
    return guard(y, n, N, confidence)


def guard(y: FloatArray, n: FloatArray, N: FloatArray, confidence: float) -> GuardedLines:
    """Return `guarded_lines` of checked arrays (L, K); y and n need not be whole numbers.

    Fractions arise when a plan spreads future ratings over the cells.

    Raises AnalysisError (``invalid_confidence``); the counts are checked before. Source:
    `GuardedLines`.

    Examples
    --------
    >>> float(guard(np.array([[9.5]]), np.array([[10.0]]), np.array([[10.0]]), 0.95).low[0])
    0.95
    """
    rated, cells = n.sum(axis=1), (N > 0).sum(axis=1)
    sums = _line_sums(y, n, N)
    single = cells == 1
    n_eff, df = _effective_size(sums, rated), np.maximum(rated - cells, 1)
    size = np.where(single, fpc_size(np.maximum(rated, 1), N.sum(axis=1)), n_eff)
    quantile = np.where(single, normal_quantile(confidence), _t_quantile(df, confidence))
    low, high = score_limits(sums.p, size, quantile)
    cases = [rated == 0, single, sums.v == 0]
    rule = np.select(cases, ["no_data", "wilson_fpc", "census"], "guarded")
    some, usual = rated > 0, rule == "guarded"
    return GuardedLines(
        estimate=np.where(some, sums.p, np.nan),
        se=np.where(some, np.sqrt(sums.v), np.nan),
        df=np.where(usual, df, np.nan),
        n_eff=np.where(usual, n_eff, np.nan),
        low=np.where(some, low, 0.0),
        high=np.where(some, high, 1.0),
        rule=rule,
    )


def _line_sums(y: FloatArray, n: FloatArray, N: FloatArray) -> _Sums:
    """Return index, smoothed index, guarded variance and Kish effective size of each line."""
    rated, total = np.maximum(n, 1), np.maximum(N.sum(axis=1, keepdims=True), 1)
    weight, share, smooth = N / total, y / rated, (y + 1) / (n + 2)
    textbook = np.where(n > 1, n / np.maximum(n - 1, 1) * share * (1 - share), 0.25)
    spread = np.maximum(textbook, smooth * (1 - smooth))
    parts = np.where(n < N, weight**2 / rated, 0.0)
    inverse = parts.sum(axis=1)
    return _Sums(
        p=(weight * share).sum(axis=1),
        q=(weight * smooth).sum(axis=1),
        v=(parts * (1 - n / np.maximum(N, 1)) * spread).sum(axis=1),
        kish=np.divide(1.0, inverse, out=np.full_like(inverse, np.inf), where=inverse > 0),
    )


def _effective_size(sums: _Sums, rated: FloatArray) -> FloatArray:
    """Return the guarded effective size of each line; infinite where nothing is uncertain."""
    margin = 0.5 / np.maximum(rated, 1)
    p = np.clip(sums.p, margin, 1 - margin)
    infinite = np.full_like(p, np.inf)
    plain = np.divide(p * (1 - p), sums.v, out=infinite.copy(), where=sums.v > 0)
    smooth = np.divide(sums.q * (1 - sums.q), sums.v, out=infinite, where=sums.v > 0)
    return np.maximum(plain, np.minimum(sums.kish, smooth))


def _t_quantile(df: FloatArray, confidence: float) -> FloatArray:
    """Return t quantiles, each distinct number of degrees of freedom computed once."""
    distinct, position = np.unique(df, return_inverse=True)
    quantiles: FloatArray = -stdtrit(distinct, (1 - level(confidence)) / 2)
    return quantiles[position]


def collapse_lines(
    y: ArrayLike,
    n: ArrayLike,
    N: ArrayLike,
    late: ArrayLike,
    min_same: int = 10,
    min_any: int = 2,
) -> MergedLines:
    """Merge thin cells of each line, shape (L, K); columns are sorted by the names of the cells.

    A cell is thin when it is open (n < N) and has fewer than `min_same` ratings, or fewer than
    `min_any` where no other cell has the same lateness. The thinnest is merged into the thinnest
    other cell of the same lateness, else of all; ties by column; repeat until none is thin or
    one is left. A complete cell is never thin. Cells of different lateness stay separate as long as
    possible, because merging them adds more bias than small cells cost precision.

    Raises AnalysisError (``invalid_counts``). Source: ours, checked by simulation; R survey's
    ``sparseCells`` is a precedent.

    Examples
    --------
    >>> collapse_lines([[4, 27, 0]], [[4, 30, 0]], [[40, 100, 9]], [[0, 0, 1]]).N.tolist()
    [[0.0, 149.0, 0.0]]
    """
    counts = np.stack(count_arrays(y, n, N))
    if counts.ndim != 3:  # noqa: PLR2004 - three counts of lines by cells
        raise AnalysisError("invalid_counts", "Give counts as lines by cells.")
    flags = _lateness(late, counts.shape[1:])
    return _merge(counts, flags, counts[2] > 0, (min_same, min_any))


def _lateness(late: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the lateness group of each cell, or refuse another shape than that of the cells."""
    try:
        return np.broadcast_to(count_arrays(late)[0], shape).astype(np.int64)
    except ValueError as error:
        message = f"Lateness must be a whole number for each cell: {error}"
        raise AnalysisError("invalid_counts", message.rstrip(".") + ".") from None


def _merge(
    counts: FloatArray,
    late: NDArray[np.int64],
    alive: NDArray[np.bool_],
    thresholds: tuple[int, int],
) -> MergedLines:
    """Merge one thin cell per line at a time, until no line has a thin cell."""
    lines, width = alive.shape
    counts, alive = counts.copy(), alive.copy()
    rank = np.tile(np.arange(width), (lines, 1))
    owner = rank.copy()
    rows = np.arange(lines)
    while True:
        thin = _thin(counts[:, rows], late[rows], alive[rows], thresholds)
        rows, thin = rows[thin.any(axis=1)], thin[thin.any(axis=1)]
        if rows.size == 0:
            return MergedLines(counts[0], counts[1], counts[2], owner)
        key = counts[1][rows] * width + rank[rows]
        source = np.where(thin, key, np.inf).argmin(axis=1)
        others = alive[rows]
        others[np.arange(rows.size), source] = False
        same = others & (late[rows] == late[rows, source][:, np.newaxis])
        pool = np.where(same.any(axis=1, keepdims=True), same, others)
        target = np.where(pool, key, np.inf).argmin(axis=1)
        counts[:, rows, target] += counts[:, rows, source]
        counts[:, rows, source] = 0
        rank[rows, target] = np.minimum(rank[rows, target], rank[rows, source])
        alive[rows, source] = False
        moved = owner[rows] == source[:, np.newaxis]
        owner[rows] = np.where(moved, target[:, np.newaxis], owner[rows])


def _thin(
    counts: FloatArray,
    late: NDArray[np.int64],
    alive: NDArray[np.bool_],
    thresholds: tuple[int, int],
) -> NDArray[np.bool_]:
    """Return which cells must be merged; none where a line has a single cell left."""
    is_late = late == 1
    late_cells = (alive & is_late).sum(axis=1, keepdims=True)
    other_cells = (alive & ~is_late).sum(axis=1, keepdims=True)
    has_partner = np.where(is_late, late_cells, other_cells) > 1
    limit = np.where(has_partner, *thresholds)
    several = alive.sum(axis=1, keepdims=True) > 1
    thin: NDArray[np.bool_] = alive & several & (counts[1] < counts[2]) & (counts[1] < limit)
    return thin


def joined(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, group: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return strata (H,) with those of the same `group` summed, sorted by group.

    Raises AnalysisError (``invalid_counts``). Source: ours, plain sums.

    Examples
    --------
    >>> [column.tolist() for column in joined([4, 9, 2], [5, 9, 8], [30, 30, 9], [0, 1, 0])]
    [[6.0, 9.0], [13.0, 9.0], [39.0, 30.0]]
    """
    place = np.unique(group, return_inverse=True)[1]
    ys, ns, Ns = (
        np.bincount(place, weights=column).astype(np.float64) for column in count_arrays(y, n, N)
    )
    return ys, ns, Ns


def degenerate(y: ArrayLike, n: ArrayLike, N: ArrayLike, confidence: float) -> Degenerate:
    """Return limits for an index of 0 or 1, where R's variance is 0.

    One stratum: exact hypergeometric. Several: Clopper-Pearson on the Kish size over open strata.
    All complete: a point. Raises AnalysisError (``not_degenerate``,
    ``empty_stratum``, ``invalid_counts``, ``invalid_confidence``, ``no_data``). Source:
    Korn & Graubard (1998), see `analysis.design.design_interval`.

    Examples
    --------
    >>> round(degenerate([20, 30], [20, 30], [300, 150], 0.95).low, 4)
    0.9088
    """
    ys, ns, Ns = strata_arrays(y, n, N)
    tail = (1 - level(confidence)) / 2
    p = float(ys.sum() / ns.sum())
    if p not in {0.0, 1.0}:
        raise AnalysisError("not_degenerate", "Some, not all, of the ratings are satisfied.")
    open_ = ns < Ns
    if not open_.any():
        return Degenerate(p, None, p, p, "census")
    if ns.size == 1:
        exact = hypergeometric(int(ys[0]), int(ns[0]), int(Ns[0]), confidence)
        return Degenerate(p, None, exact.low, exact.high, "hypergeometric")
    size = float(Ns.sum() ** 2 / (Ns[open_] ** 2 / ns[open_]).sum())
    low, high = beta_limits(size * p, size * (1 - p), tail)
    return Degenerate(p, size, float(low), float(high), "clopper_pearson_on_kish_n")
