"""Differences of two indices with intervals and p-values, and multiple-testing adjustment.

The dossiers of a period are treated as a sample of how the service works, so there is no
finite-population correction (fpc) by default: with it, two complete periods would always differ
"significantly".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from analysis import exact
from analysis.counts import FloatArray, count_arrays, share, simple_counts
from analysis.design import DesignMean, design_interval, stratified
from analysis.errors import AnalysisError
from analysis.intervals import normal_quantile, score_limits

Limits = tuple[float, float]
Adjustment = Literal["holm", "BH"]


@dataclass(frozen=True, slots=True)
class TwoSample:
    """Difference of two simple indices, -1..1; None and [-1, 1] where one has no ratings."""

    estimate: float | None
    low: float
    high: float
    p_value_score: float | None
    p_value_fisher: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of two stratified indices with Wald and MOVER limits (-1..1) and a p-value."""

    index1: float
    index2: float
    estimate: float
    se: float
    wald_low: float
    wald_high: float
    mover_low: float
    mover_high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Adjusted p-values in the given order (None stays None); 0-based positions rejected."""

    adjusted: tuple[float | None, ...]
    rejected: tuple[int, ...]


def two_sample(y1: int, n1: int, y2: int, n2: int, confidence: float) -> TwoSample:
    """Compare y1 of n1 with y2 of n2: Newcombe's hybrid interval, score and Fisher p-values.

    Use Fisher's where an expected count is below 5. Both indices 0 or both 1: p = 1. Raises
    AnalysisError (``invalid_counts``, ``invalid_confidence``).

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions (method 10). Statistics in Medicine 17, 873-890.

    Examples
    --------
    >>> t = two_sample(170, 200, 162, 180, 0.95)
    >>> round(t.low, 3), round(t.high, 3), round(t.p_value_score, 3)
    (-0.117, 0.018, 0.143)
    """
    y1, n1 = simple_counts(y1, n1)
    y2, n2 = simple_counts(y2, n2)
    z = normal_quantile(confidence)
    if n1 == 0 or n2 == 0:
        return TwoSample(None, -1.0, 1.0, None, None)
    p1, p2 = y1 / n1, y2 / n2
    limits = [_floats(score_limits(p, n, z)) for p, n in ((p1, n1), (p2, n2))]
    low, high = mover((p1, p2), limits[0], limits[1])
    pooled = (y1 + y2) / (n1 + n2)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    score = 2 * float(ndtr(-abs(p1 - p2) / spread)) if spread else 1.0
    return TwoSample(p1 - p2, low, high, score, fisher(y1, n1, y2, n2))


def fisher(y1: int, n1: int, y2: int, n2: int) -> float:
    """Return Fisher's exact two-sided p-value: sum over tables no more likely than the observed.

    Likelihoods within 1e-7 of each other count as equal, as in R ``fisher.test``.

    Raises AnalysisError (``invalid_counts``).

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98, 39-82. Equals R
    ``fisher.test``.

    Examples
    --------
    >>> round(fisher(3, 4, 1, 4), 4)
    0.4857
    """
    y1, n1 = simple_counts(y1, n1)
    y2, n2 = simple_counts(y2, n2)
    chances = exact.probabilities(n1, y1 + y2, n1 + n2)
    limit = chances[y1] * (1 + 1e-7)
    return min(1.0, math.fsum(chance for chance in chances if chance <= limit))


def fisher_less(y1: int, n1: int, y2: int, n2: int) -> float:
    """Return Fisher's one-sided p-value that the first share is the smaller one.

    Raises AnalysisError (``invalid_counts``). Source: as `fisher`, R's ``alternative="less"``.

    Examples
    --------
    >>> round(fisher_less(1, 4, 3, 4), 4)
    0.2429
    """
    y1, n1 = simple_counts(y1, n1)
    y2, n2 = simple_counts(y2, n2)
    return exact.lower_tail(y1, n1, y1 + y2, n1 + n2)


def mover(estimates: Limits, first: Limits, second: Limits) -> Limits:
    """Return limits of a difference from the limits of its two parts (MOVER).

    No AnalysisError: the limits are checked before and contain their estimate.

    References
    ----------
    Zou, G. Y. & Donner, A. (2008). Construction of confidence limits about effect measures.
    Statistics in Medicine 27, 1693-1702.

    Examples
    --------
    >>> low, high = mover((0.9, 0.8), (0.85, 0.93), (0.75, 0.84))
    >>> round(low, 3), round(high, 3)
    (0.036, 0.158)
    """
    (p1, p2), (low1, high1), (low2, high2) = estimates, first, second
    return (
        p1 - p2 - math.hypot(p1 - low1, high2 - p2),
        p1 - p2 + math.hypot(high1 - p1, p2 - low2),
    )


def two_stratified(
    first: tuple[ArrayLike, ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike, ArrayLike],
    confidence: float,
    *,
    fpc: bool = False,
) -> Difference:
    """Compare two post-stratified indices, each given as (y, n, N) of shape (H,).

    Wald limits and p-value with the normal quantile; MOVER from each side's logit limits. Where a
    side has no variance (index 0 or 1, or a census with `fpc`) its limits are a point, as in R:
    prefer `fixed_mix` there. Raises AnalysisError as `analysis.design.stratified`. Source: R
    ``svycontrast`` on ``svyby(covmat=TRUE)`` for Wald; `mover`.

    Examples
    --------
    >>> d = two_stratified(([30, 15], [40, 20], [100, 50]), ([20, 18], [40, 20], [90, 60]), 0.95)
    >>> round(d.estimate, 3), round(d.p_value, 3)
    (0.09, 0.257)
    """
    a, b = stratified(*first, fpc=fpc), stratified(*second, fpc=fpc)
    limits = _logit_limits(a, confidence), _logit_limits(b, confidence)
    return _difference((a.estimate, b.estimate), (a.se, b.se), limits, confidence)


def fixed_mix(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    base: ArrayLike,
    confidence: float,
) -> Difference:
    """Compare two periods or units on the same mix of strata (direct standardisation).

    So a change of mix is not mistaken for a change of quality. `first` and `second` are (y, n) over
    the same H strata; `base` are the dossiers N_h of the base period, whose shares weight both. No
    fpc; each stratum's variance is at least that of (y+1)/(n+2), so that strata without a
    dissatisfied answer do not count as certain; MOVER from Wilson limits on the effective size. A
    stratum of weight 0 may be empty. Raises
    AnalysisError (``invalid_counts``, ``empty_stratum``, ``no_data`` without base dossiers).

    References
    ----------
    Fleiss, J. L., Levin, B. & Paik, M. C. (2003). Statistical Methods for Rates and Proportions,
    ch. 19 (direct standardisation). The guard on the variance is ours.

    Examples
    --------
    >>> d = fixed_mix(([90, 40], [100, 50]), ([18, 160], [20, 200]), [500, 500], 0.95)
    >>> round(d.index1, 2), round(d.index2, 2), abs(round(d.estimate, 2))
    (0.85, 0.85, 0.0)
    """
    weight = np.atleast_1d(count_arrays(base)[0])
    if weight.sum() == 0:
        raise AnalysisError("no_data", "The base mix holds no dossier.")
    weight = weight / weight.sum()
    p1, se1, limits1 = _weighted_share(first, weight, confidence)
    p2, se2, limits2 = _weighted_share(second, weight, confidence)
    return _difference((p1, p2), (se1, se2), (limits1, limits2), confidence)


def _weighted_share(
    side: tuple[ArrayLike, ArrayLike], weight: FloatArray, confidence: float
) -> tuple[float, float, Limits]:
    """Return a share under fixed weights, its guarded standard error and Wilson limits."""
    columns = [np.atleast_1d(column) for column in count_arrays(*side)]
    if columns[0].shape != weight.shape:
        raise AnalysisError("invalid_counts", "Give each side the strata of the base mix.")
    used = weight > 0
    y, n, weight = (column[used] for column in (*columns, weight))
    if (n == 0).any():
        raise AnalysisError("empty_stratum", "A stratum of the base mix has no answer.")
    share, smooth = y / n, (y + 1) / (n + 2)
    variance = float((weight**2 * np.maximum(share * (1 - share), smooth * (1 - smooth)) / n).sum())
    p, q = float(weight @ share), float(weight @ smooth)
    limits = score_limits(p, max(p * (1 - p), q * (1 - q)) / variance, normal_quantile(confidence))
    return p, math.sqrt(variance), _floats(limits)


def _difference(
    indices: Limits, errors: Limits, limits: tuple[Limits, Limits], confidence: float
) -> Difference:
    """Return the difference computed from its two sides."""
    estimate, se = indices[0] - indices[1], math.hypot(*errors)
    half = normal_quantile(confidence) * se
    low, high = mover(indices, *limits)
    p_value = 2 * float(ndtr(-abs(estimate) / se)) if se else float(estimate == 0)
    wald = estimate - half, estimate + half
    return Difference(
        *indices, estimate, se, *wald, mover_low=low, mover_high=high, p_value=p_value
    )


def _logit_limits(side: DesignMean, confidence: float) -> Limits:
    """Return one side's logit limits; a point where R gives no variance."""
    low, high = design_interval(side, "xlogit", confidence, df=math.inf)
    return (side.estimate, side.estimate) if low is None or high is None else (low, high)


def _floats(limits: tuple[FloatArray, FloatArray]) -> Limits:
    return float(limits[0]), float(limits[1])


def adjust(p_values: Sequence[float | None], method: Adjustment, alpha: float) -> Adjusted:
    """Adjust the p-values of one family of tests, chosen beforehand; None stays, uncounted.

    `BH` (false discovery rate) for dashboards, `holm` (family-wise error rate) where there are
    consequences for a named unit. `alpha` in (0, 1). Raises AnalysisError (``invalid_p_value``,
    ``invalid_method``, ``invalid_share``).

    References
    ----------
    Holm, S. (1979). Scandinavian Journal of Statistics 6, 65-70. Benjamini, Y. & Hochberg, Y.
    (1995). JRSS B 57, 289-300. Equals R ``p.adjust``.

    Examples
    --------
    >>> adjust([0.01, None, 0.04], "holm", 0.05)
    Adjusted(adjusted=(0.02, None, 0.04), rejected=(0, 2))
    """
    known = [position for position, p in enumerate(p_values) if p is not None]
    p = np.array([p_values[position] for position in known], dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise AnalysisError("invalid_p_value", "p-values must lie between 0 and 1.")
    alpha = share(alpha, "alpha")
    order = np.argsort(p, kind="stable")
    if method == "holm":
        stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    elif method == "BH":
        growing = p[order] * p.size / np.arange(1, p.size + 1)
        stepped = np.minimum.accumulate(growing[::-1])[::-1]
    else:
        raise AnalysisError("invalid_method", f"Unknown method {method!r}.")
    adjusted: list[float | None] = [None] * len(p_values)
    for place, value in zip(order.tolist(), np.minimum(stepped, 1).tolist(), strict=True):
        adjusted[known[place]] = value
    rejected = tuple(k for k, value in enumerate(adjusted) if value is not None and value <= alpha)
    return Adjusted(tuple(adjusted), rejected)
