"""Comparing many units with their uncertainty: rank intervals, shrinkage, funnel limits.

Do not publish a ranking: with 150 units the median 95 % rank interval is 149 places wide. Publish
verdicts (`analysis.verdict`) and a funnel plot.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, ndtri, polygamma, psi

from analysis.counts import FloatArray, count_arrays, level, share
from analysis.errors import AnalysisError

# Above this sum of prior weights (alpha + beta) the units differ no more than by chance.
_FLAT_PRIOR = 1e6
_FLAT_GRADIENT = 1e-4


@dataclass(frozen=True, slots=True)
class RankIntervals:
    """Ranks (1 = highest index) with simultaneous limits, arrays of shape (K,), and the z used."""

    rank: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    z: float


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Beta-binomial prior (alpha, beta) of the units, and each unit's shrunken index and limits.

    `rho` is the correlation of ratings within a unit; `loglik` the kernel of the log-likelihood.
    """

    alpha: float
    beta: float
    mean: float
    rho: float
    loglik: float
    shrunk: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True, slots=True)
class FunnelLimits:
    """Limits of a funnel plot, arrays of the shape of n; NaN where n = 0."""

    low: FloatArray
    high: FloatArray


def rank_intervals(
    index: ArrayLike,
    se: ArrayLike,
    confidence: float,
    adjust: Literal["bonferroni", "sidak"] = "bonferroni",
) -> RankIntervals:
    """Return simultaneous confidence intervals of ranks from indices and standard errors (K,).

    Give standard errors without fpc and with the add-one variance. A unit's best rank is 1 +
    the number of units significantly better. Ties share the better rank. Raises AnalysisError
    (``invalid_counts`` for different shapes, ``invalid_share`` for an index or error that is no
    number, ``no_data`` for no unit, ``invalid_method``).

    References
    ----------
    Klein, M., Wright, T. & Wieczorek, J. (2020). A joint confidence region for an overall
    ranking of populations. JRSS C 69, 589-606.

    Examples
    --------
    >>> r = rank_intervals([0.95, 0.91, 0.70], [0.01, 0.02, 0.03], 0.95)
    >>> r.rank.tolist(), r.low.tolist(), r.high.tolist()
    ([1, 2, 3], [1, 1, 3], [2, 2, 3])
    """
    values, errors = _with_errors(index, se)
    units = values.size
    if units == 0:
        raise AnalysisError("no_data", "There is no unit to rank.")
    alpha = 1 - level(confidence)
    levels = {"bonferroni": alpha / units, "sidak": 1 - (1 - alpha) ** (1 / units)}
    if adjust not in levels:
        raise AnalysisError("invalid_method", f"Unknown adjustment {adjust!r}.")
    z = -float(ndtri(levels[adjust] / 2))
    low, high = values - z * errors, values + z * errors
    # Sorted limits allow binary search, so thousands of units stay cheap.
    surely_better = units - np.searchsorted(np.sort(low), high, side="right")
    surely_worse = np.searchsorted(np.sort(high), low, side="left")
    better = units - np.searchsorted(np.sort(values), values, side="right")
    return RankIntervals(1 + better, 1 + surely_better, units - surely_worse, z)


def _with_errors(index: ArrayLike, se: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return indices and their standard errors as arrays (K,), or refuse invalid ones."""
    values, errors = (np.atleast_1d(np.asarray(c, dtype=np.float64)) for c in (index, se))
    if values.shape != errors.shape or values.ndim != 1:
        raise AnalysisError("invalid_counts", "Give one standard error an index.")
    if not (np.isfinite(values) & np.isfinite(errors) & (errors >= 0)).all():
        raise AnalysisError("invalid_share", "Indices and errors must be finite, errors >= 0.")
    return values, errors


def shrink(y: ArrayLike, n: ArrayLike, confidence: float) -> Shrunk:
    """Return empirical-Bayes indices of units of one type, counts of shape (K,).

    Maximises sum log B(y+a, n-y+b) - log B(a, b); index (y+a)/(n+a+b) with beta quantiles;
    units without ratings get the prior. For internal use only: a shrunken index depends on the
    results of other units and must not decide a verdict. Raises AnalysisError (``invalid_counts``,
    ``no_data``, ``no_overdispersion`` when the units differ no more than by chance).

    References
    ----------
    Griffiths, D. A. (1973). Maximum likelihood estimation for the beta-binomial
    distribution. Biometrics 29, 637-648.

    Examples
    --------
    >>> s = shrink([3, 9, 37, 80, 181, 28, 60], [3, 12, 40, 90, 200, 35, 61], 0.95)
    >>> bool(abs(s.shrunk[0] - s.mean) < 0.02)
    True
    """
    ys, ns = (np.atleast_1d(column) for column in count_arrays(y, n))
    tail = (1 - level(confidence)) / 2
    rated = ns > 0
    if not rated.any():
        raise AnalysisError("no_data", "No unit has a rating.")
    alpha, beta, loglik = _beta_binomial_fit(ys[rated], ns[rated])
    a, b = ys + alpha, ns - ys + beta
    return Shrunk(
        alpha=alpha,
        beta=beta,
        mean=alpha / (alpha + beta),
        rho=1 / (alpha + beta + 1),
        loglik=loglik,
        shrunk=a / (a + b),
        low=betaincinv(a, b, tail),
        high=betaincinv(a, b, 1 - tail),
    )


def _beta_binomial_fit(y: FloatArray, n: FloatArray) -> tuple[float, float, float]:
    """Return the maximum-likelihood alpha and beta, and the log-likelihood kernel."""

    def loss(theta: FloatArray) -> float:
        a, b = np.exp(theta)
        return -float((betaln(y + a, n - y + b) - betaln(a, b)).sum())

    def gradient(theta: FloatArray) -> FloatArray:
        ab = np.exp(theta)
        return -ab * _slope(y, n, ab)

    def curvature(theta: FloatArray) -> FloatArray:
        ab = np.exp(theta)
        return -(np.diag(ab * _slope(y, n, ab)) + np.outer(ab, ab) * _bend(y, n, ab))

    p = float(np.clip(y.sum() / n.sum(), 0.01, 0.99))
    start = np.log([8 * p, 8 * (1 - p)])
    options = {"gtol": 1e-9, "maxiter": 500}
    found = minimize(
        loss, start, jac=gradient, hess=curvature, method="trust-exact", options=options
    )
    alpha, beta = np.exp(found.x).tolist()
    if alpha + beta > _FLAT_PRIOR or np.abs(gradient(found.x)).max() > _FLAT_GRADIENT:
        message = "The units differ no more than chance lets them."
        raise AnalysisError("no_overdispersion", message)
    return alpha, beta, -float(found.fun)


def _slope(y: FloatArray, n: FloatArray, ab: FloatArray) -> FloatArray:
    """Return the first derivatives of the log-likelihood by alpha and beta."""
    a, b = ab
    shared = psi(a + b) - psi(n + a + b)
    by_a, by_b = psi(y + a) - psi(a) + shared, psi(n - y + b) - psi(b) + shared
    return np.array([by_a.sum(), by_b.sum()])


def _bend(y: FloatArray, n: FloatArray, ab: FloatArray) -> FloatArray:
    """Return the second derivatives of the log-likelihood by alpha and beta, shape (2, 2)."""
    a, b = ab
    shared = (polygamma(1, a + b) - polygamma(1, n + a + b)).sum()
    own = [(polygamma(1, x + c) - polygamma(1, c)).sum() for x, c in ((y, a), (n - y, b))]
    bend: FloatArray = np.diag(own) + shared
    return bend


def funnel_limits(
    n: ArrayLike, centre: float, confidence: float, dispersion: float = 1.0
) -> FunnelLimits:
    """Return funnel limits: where the index of a unit with n ratings varies around `centre`.

    centre -+ z sqrt(dispersion centre (1 - centre)/n), clipped to [0, 1]. Raises AnalysisError
    (``invalid_counts``, ``invalid_share``, ``invalid_confidence``).

    References
    ----------
    Spiegelhalter, D. J. (2005). Funnel plots for comparing institutional performance.
    Statistics in Medicine 24, 1185-1202.

    Examples
    --------
    >>> f = funnel_limits([100, 0], 0.9, 0.95)
    >>> f.low.round(3).tolist(), f.high.round(3).tolist()
    ([0.841, nan], [0.959, nan])
    """
    sizes = count_arrays(n)[0]
    p = share(centre, "centre")
    if not 0 < dispersion < math.inf:
        raise AnalysisError("invalid_share", f"dispersion must exceed 0, not {dispersion!r}.")
    z = -float(ndtri((1 - level(confidence)) / 2))
    variance = np.divide(
        dispersion * p * (1 - p), sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0
    )
    half = z * np.sqrt(variance)
    return FunnelLimits(np.clip(p - half, 0, 1), np.clip(p + half, 0, 1))


def funnel_dispersion(y: ArrayLike, n: ArrayLike, centre: float, trim: float = 0.1) -> float:
    """Return the overdispersion of the units: mean squared z-score, at least 1.

    The outer `trim` (0..0.5) of z-scores on either side is winsorised, so that the outliers that
    the funnel should detect do not widen it. Raises AnalysisError as `funnel_limits`. Source:
    Spiegelhalter (2005), as `funnel_limits`.

    Examples
    --------
    >>> funnel_dispersion([90, 91, 89], [100, 100, 100], 0.9)
    1.0
    """
    ys, ns = (np.atleast_1d(column) for column in count_arrays(y, n))
    p = share(centre, "centre")
    if not 0 <= trim < 0.5:  # noqa: PLR2004 - the outer halves would leave nothing
        raise AnalysisError("invalid_share", f"trim must lie in [0, 0.5), not {trim!r}.")
    ys, ns = ys[ns > 0], ns[ns > 0]
    if ns.size == 0:
        return 1.0
    z = (ys / ns - p) / np.sqrt(p * (1 - p) / ns)
    low, high = np.quantile(z, [trim, 1 - trim])
    return max(1.0, float(np.square(np.clip(z, low, high)).mean()))
