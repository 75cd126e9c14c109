"""Confidence intervals of one simple index: Wilson, Clopper-Pearson, Jeffreys, hypergeometric.

The index is the share of ratings 4-5. Scalars give an `Interval`, arrays of cells `Intervals`.
Shares are fractions 0..1.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, ndtri

from analysis import exact
from analysis.counts import FloatArray, count_arrays, finite_counts, level, simple_counts

Status = Literal["ok", "census", "no_data"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An index with its limits, all fractions 0..1; `estimate` and `se` None where undefined."""

    estimate: float | None
    low: float
    high: float
    se: float | None
    status: Status


@dataclass(frozen=True, slots=True)
class CountInterval(Interval):
    """An exact interval with the smallest and largest possible number of satisfied dossiers."""

    count_low: int
    count_high: int


@dataclass(frozen=True, slots=True)
class Intervals:
    """Many intervals: arrays of one shape; `estimate` is NaN where nothing was rated."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray


def normal_quantile(confidence: float, *, one_sided: bool = False) -> float:
    """Return z of a two-sided (or one-sided) confidence level in (0, 1).

    Raises AnalysisError (``invalid_confidence``). Source: equals R ``qnorm``.

    Examples
    --------
    >>> round(normal_quantile(0.95), 4), round(normal_quantile(0.95, one_sided=True), 4)
    (1.96, 1.6449)
    """
    tail = (1 - level(confidence)) / (1 if one_sided else 2)
    return float(-ndtri(tail))


def score_limits(p: ArrayLike, size: ArrayLike, z: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return Wilson's limits for shares `p` observed in samples of (effective) size `size`.

    Roots t of (p - t)^2 = z^2 t(1 - t) / size, in [0, 1]; exactly 0 at p = 0 and 1 at p = 1;
    a point at size = inf; all shapes broadcast. Size must be > 0.

    No AnalysisError: shares and sizes are checked before.

    References
    ----------
    Wilson, E. B. (1927). Probable inference. JASA 22, 209-212.

    Examples
    --------
    >>> low, high = score_limits(0.9, 30, 1.96)
    >>> round(float(low), 4), round(float(high), 4)
    (0.7438, 0.9654)
    """
    p = np.asarray(p, dtype=np.float64)
    ratio = np.square(z) / np.asarray(size, dtype=np.float64)
    centre = (p + ratio / 2) / (1 + ratio)
    half = np.sqrt(ratio * (p * (1 - p) + ratio / 4)) / (1 + ratio)
    low = np.where(p <= 0, 0.0, np.clip(centre - half, 0.0, p))
    high = np.where(p >= 1, 1.0, np.clip(centre + half, p, 1.0))
    return low, high


def beta_limits(y: ArrayLike, rest: ArrayLike, tail: float) -> tuple[FloatArray, FloatArray]:
    """Return Clopper-Pearson's limits for y satisfied and `rest` not, each also a fraction.

    Quantiles `tail` of Beta(y, rest + 1) and 1 - tail of Beta(y + 1, rest); exactly 0 at y = 0 and
    1 at rest = 0; all shapes broadcast. Fractions arise from effective sample sizes.

    No AnalysisError: the sizes are checked before.

    References
    ----------
    Clopper, C. J. & Pearson, E. S. (1934). Biometrika 26, 404-413.

    Examples
    --------
    >>> low, high = beta_limits([5, 0], [0, 5], 0.025)
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.4782, 0.0], [1.0, 0.5218])
    """
    y, rest = np.asarray(y, dtype=np.float64), np.asarray(rest, dtype=np.float64)
    # Shapes must stay positive where the limit is replaced by 0 or 1 anyway.
    low = betaincinv(np.where(y > 0, y, 1.0), rest + 1, tail)
    high = betaincinv(y + 1, np.where(rest > 0, rest, 1.0), 1 - tail)
    return np.where(y > 0, low, 0.0), np.where(rest > 0, high, 1.0)


def fpc_size(n: ArrayLike, N: ArrayLike) -> FloatArray:
    """Return n(N-1)/(N-n): the sample size that Wilson's formula needs for N dossiers.

    Infinite at a census (n = N).

    No AnalysisError: the counts are checked before, n <= N.

    References
    ----------
    O'Neill, B. (2021). Mathematical properties and finite-population correction for the
    Wilson score interval. arXiv:2109.12464.

    Examples
    --------
    >>> float(fpc_size(50, 101)), float(fpc_size(7, 7))
    (98.03921568627452, inf)
    """
    n, N = np.asarray(n, dtype=np.float64), np.asarray(N, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(n == N, np.inf, n * (N - 1) / (N - n))


def _scalar(y: int, n: int, low: float, high: float) -> Interval:
    """Return the interval for an infinite population; no index and [0, 1] without a rating."""
    if n == 0:
        return Interval(None, 0.0, 1.0, None, "no_data")
    p = y / n
    return Interval(p, float(low), float(high), math.sqrt(p * (1 - p) / n), "ok")


def finite_se(y: int, n: int, N: int) -> float | None:
    """Return the unbiased standard error with fpc; None for one rating of several dossiers.

    No AnalysisError: the counts are checked before, n >= 1.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, ch. 3.

    Examples
    --------
    >>> round(finite_se(43, 50, 100), 4), finite_se(1, 1, 9)
    (0.0351, None)
    """
    if n > 1:
        return math.sqrt((1 - n / N) * (y / n) * (1 - y / n) / (n - 1))
    return 0.0 if n == N else None


def wilson(y: int, n: int, confidence: float) -> Interval:
    """Return Wilson's score interval for y satisfied of n ratings, infinite population.

    Raises AnalysisError (``invalid_counts``, ``invalid_confidence``).

    References
    ----------
    Wilson, E. B. (1927). Probable inference. JASA 22, 209-212. Equals R
    ``prop.test(y, n, correct=FALSE)``.

    Examples
    --------
    >>> i = wilson(27, 30, 0.95)
    >>> round(i.low, 4), round(i.high, 4)
    (0.7438, 0.9654)
    >>> wilson(0, 0, 0.95).estimate is None
    True
    """
    y, n = simple_counts(y, n)
    z = normal_quantile(confidence)
    low, high = score_limits(y / n, n, z) if n else (0.0, 1.0)
    return _scalar(y, n, float(low), float(high))


def wilson_fpc(y: int, n: int, N: int, confidence: float) -> Interval:
    """Return Wilson's interval for the share among all N dossiers of which n were rated.

    At a census (n = N) the interval is the point y/n. Raises AnalysisError (``invalid_counts``,
    ``invalid_confidence``).

    References
    ----------
    O'Neill, B. (2021), see `fpc_size`.

    Examples
    --------
    >>> i = wilson_fpc(43, 50, 50, 0.95)
    >>> i.low, i.high, i.status
    (0.86, 0.86, 'census')
    """
    y, n, N = finite_counts(y, n, N)
    z = normal_quantile(confidence)
    if n == 0:
        return Interval(None, 0.0, 1.0, None, "no_data")
    low, high = score_limits(y / n, fpc_size(n, N), z)
    status: Status = "census" if n == N else "ok"
    return Interval(y / n, float(low), float(high), finite_se(y, n, N), status)


def clopper_pearson(y: int, n: int, confidence: float) -> Interval:
    """Return the exact binomial interval for y of n, infinite population.

    Too wide when much of a finite population was rated: use `hypergeometric` there.

    Raises AnalysisError (``invalid_counts``, ``invalid_confidence``).

    References
    ----------
    Clopper, C. J. & Pearson, E. S. (1934). Biometrika 26, 404-413. Equals R ``binom.test``.

    Examples
    --------
    >>> round(clopper_pearson(5, 5, 0.95).low, 4)
    0.4782
    """
    y, n = simple_counts(y, n)
    many = clopper_pearson_many(y, n, confidence)
    return _scalar(y, n, float(many.low), float(many.high))


def jeffreys(y: int, n: int, confidence: float) -> Interval:
    """Return the equal-tailed Jeffreys interval, with end points 0 at y = 0 and 1 at y = n.

    Raises AnalysisError (``invalid_counts``, ``invalid_confidence``).

    References
    ----------
    Brown, L. D., Cai, T. T. & DasGupta, A. (2001). Statistical Science 16, 101-133.

    Examples
    --------
    >>> round(jeffreys(5, 5, 0.95).low, 4)
    0.6206
    """
    y, n = simple_counts(y, n)
    tail = (1 - level(confidence)) / 2
    low = float(betaincinv(y + 0.5, n - y + 0.5, tail)) if y else 0.0
    high = float(betaincinv(y + 0.5, n - y + 0.5, 1 - tail)) if y < n else 1.0
    return _scalar(y, n, low, high)


def hypergeometric(y: int, n: int, N: int, confidence: float) -> CountInterval:
    """Return the exact interval: all counts M that neither one-sided test rejects.

    A tail probability equal to the level (within 1e-12) is not rejected. Use it for n < 30,
    an index of 0 or 1, and decisions with legal consequences. Counts are integers, so with few
    unrated dossiers the interval may miss y/n by a fraction of a dossier (1 of 20 rated, N = 21:
    only 1/21 at 80 %); it always contains N y/n rounded down or up. Raises AnalysisError
    (``invalid_counts``, ``invalid_confidence``).

    References
    ----------
    Buonaccorsi, J. P. (1987). The American Statistician 41, 215-218.

    Examples
    --------
    >>> i = hypergeometric(40, 40, 300, 0.95)
    >>> i.count_low, i.count_high
    (276, 300)
    """
    y, n, N = finite_counts(y, n, N)
    tail = (1 - level(confidence)) / 2
    if n == 0:
        return CountInterval(None, 0.0, 1.0, None, "no_data", 0, N)
    low, high = exact.lowest_count(y, n, N, tail), exact.highest_count(y, n, N, tail)
    status: Status = "census" if n == N else "ok"
    return CountInterval(y / n, low / N, high / N, finite_se(y, n, N), status, low, high)


def clopper_pearson_many(y: ArrayLike, n: ArrayLike, confidence: float) -> Intervals:
    """Return `clopper_pearson` for arrays of cells (shapes broadcast).

    Raises AnalysisError (``invalid_counts``, ``invalid_confidence``). Source: as `clopper_pearson`.

    Examples
    --------
    >>> clopper_pearson_many([5, 0], [5, 5], 0.95).low.round(4).tolist()
    [0.4782, 0.0]
    """
    tail = (1 - level(confidence)) / 2
    y, n = count_arrays(y, n)
    some = n > 0
    low, high = beta_limits(y, n - y, tail)
    estimate = np.divide(y, n, out=np.full(n.shape, np.nan), where=some)
    return Intervals(estimate, np.where(some, low, 0.0), np.where(some, high, 1.0))
