"""Control charts of one unit over time: p and Laney p' limits, CUSUM and EWMA paths.

A person sets and renews the phase I baseline. The limits computed here take its estimates as exact,
which needs about 20 stable periods; with fewer, `analysis.phase_one` uses a careful share instead,
which covers the estimation error. False alarm rates are computed in `analysis.runlength`.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.counts import FloatArray, count_arrays, finite, share
from analysis.errors import AnalysisError

# Mean moving range of two normal values over their standard deviation, as Minitab rounds it.
_MOVING_RANGE = 1.128


@dataclass(frozen=True, slots=True)
class ControlLimits:
    """Limits of a chart of shares: arrays of shape (T,), NaN for an empty period.

    `below` and `above` are 0-based positions outside the limits; `sigma_z` is Laney's factor,
    None for a plain p-chart or when it cannot be computed (then there are no limits).
    """

    center: float
    sigma_z: float | None
    low: FloatArray
    high: FloatArray
    below: tuple[int, ...]
    above: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CusumPath:
    """The statistic after each period, and the 0-based position of the first alarm or None."""

    path: tuple[float, ...]
    first_alarm: int | None


@dataclass(frozen=True, slots=True)
class EwmaPath:
    """The smoothed index and its lower limit, shape (T,); 0-based positions below the limit."""

    path: tuple[float, ...]
    low: tuple[float, ...]
    below: tuple[int, ...]


def control_limits(
    y: ArrayLike,
    n: ArrayLike,
    method: Literal["p", "laney"],
    k_sigma: float = 3.0,
    center: float | None = None,
) -> ControlLimits:
    """Return centre -+ k sigma limits for y satisfied of n ratings per period, shape (T,).

    `p` suits about 20 to 1,000 ratings a period. `laney` suits thousands, where p-limits are too
    narrow: it widens them by the variation of z-scores between periods. Without `center` the
    pooled share is used; k_sigma > 0. Raises AnalysisError (``invalid_counts``, ``no_data``,
    ``invalid_method``, ``invalid_share``, ``invalid_number``).

    References
    ----------
    Laney, D. B. (2002). Improved control charts for attributes. Quality Engineering 14.

    Examples
    --------
    >>> c = control_limits([108, 120, 60], [120, 135, 98], "p")
    >>> round(c.center, 3), c.below, c.above
    (0.816, (2,), ())
    """
    if method not in {"p", "laney"}:
        raise AnalysisError("invalid_method", f"Unknown method {method!r}.")
    ys, ns = (np.atleast_1d(column) for column in count_arrays(y, n))
    k_sigma = _above_zero(k_sigma, "k_sigma")
    if center is None and ns.sum() == 0:
        raise AnalysisError("no_data", "No period has a rating.")
    middle = float(ys.sum() / ns.sum()) if center is None else share(center, "center")
    some = ns > 0
    p = np.divide(ys, ns, out=np.full(ns.shape, np.nan), where=some)
    sigma = np.sqrt(middle * (1 - middle) / np.where(some, ns, np.nan))
    factor = _laney_factor(p[some], sigma[some], middle) if method == "laney" else None
    width = k_sigma * sigma * (1.0 if method == "p" else math.nan if factor is None else factor)
    low, high = np.maximum(0, middle - width), np.minimum(1, middle + width)
    # Comparisons with NaN are false, so an empty period never alarms.
    return ControlLimits(middle, factor, low, high, _positions(p < low), _positions(p > high))


def _laney_factor(p: FloatArray, sigma: FloatArray, middle: float) -> float | None:
    """Return the moving-range spread of z-scores; None below two periods or without spread."""
    if p.size < 2 or middle in {0.0, 1.0}:  # noqa: PLR2004 - a range needs two
        return None
    return float(np.abs(np.diff((p - middle) / sigma)).mean() / _MOVING_RANGE)


def _above_zero(value: float, name: str) -> float:
    """Return a finite number above 0: with another, a chart would alarm always or never."""
    if finite(value, name) <= 0:
        raise AnalysisError("invalid_number", f"{name} must exceed 0, not {value!r}.")
    return value


def _positions(flags: ArrayLike) -> tuple[int, ...]:
    return tuple(np.flatnonzero(flags).tolist())


def cusum_path(y: ArrayLike, n: ArrayLike, p0: float, p1: float, h: float) -> CusumPath:
    """Return the log-likelihood CUSUM of satisfied ratings from index p0 towards p1.

    S = max(0, S + y log(p1/p0) + (n - y) log((1-p1)/(1-p0))); alarm at S >= h, no reset; any
    n, also 0. Shares strictly inside (0, 1), p1 not p0, h > 0. Raises AnalysisError
    (``invalid_counts``, ``invalid_share``, ``invalid_number``, ``no_distance``).

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.

    Examples
    --------
    >>> cusum_path([37, 35, 25], [40, 38, 45], 0.92, 0.85, 3.5).first_alarm
    2
    """
    ys, ns = (np.atleast_1d(column) for column in count_arrays(y, n))
    p0, p1 = share(p0, "p0"), share(p1, "p1")
    if p0 == p1:
        raise AnalysisError("no_distance", "p0 and p1 must differ.")
    steps = ys * math.log(p1 / p0) + (ns - ys) * math.log((1 - p1) / (1 - p0))
    return _path(steps, _above_zero(h, "h"))


def _path(steps: FloatArray, h: float) -> CusumPath:
    """Return the cumulative sum of steps, never below 0, and the first position at or above h."""
    total, path = 0.0, []
    for step in steps.tolist():
        total = max(0.0, total + step)
        path.append(total)
    first = next((position for position, value in enumerate(path) if value >= h), None)
    return CusumPath(tuple(path), first)


def ewma_path(
    y: ArrayLike, n: ArrayLike, p0: float, weight: float, k_sigma: float = 3.0
) -> EwmaPath:
    """Return the EWMA of the index with its time-varying lower limit, to detect slow drift.

    z = w p + (1-w) z with variance w^2 p0(1-p0)/n + (1-w)^2 variance; an empty period leaves
    both as they are. p0 strictly inside (0, 1), weight w in (0, 1]. Raises AnalysisError
    (``invalid_counts``, ``invalid_share``, ``invalid_number`` for k_sigma not above 0).

    References
    ----------
    Roberts, S. W. (1959). Control chart tests based on geometric moving averages.
    Technometrics 1, 239-250.

    Examples
    --------
    >>> e = ewma_path([20, 0, 10], [25, 0, 30], 0.9, 0.3)
    >>> [round(z, 3) for z in e.path], e.below
    ([0.87, 0.87, 0.709], (2,))
    """
    ys, ns = (np.atleast_1d(column) for column in count_arrays(y, n))
    z, variance = share(p0, "p0"), 0.0
    if not 0 < weight <= 1:
        raise AnalysisError("invalid_share", f"weight must lie in (0, 1], not {weight!r}.")
    k_sigma = _above_zero(k_sigma, "k_sigma")
    path, low = [], []
    for satisfied, rated in zip(ys.tolist(), ns.tolist(), strict=True):
        if rated:
            z = weight * satisfied / rated + (1 - weight) * z
            variance = weight**2 * p0 * (1 - p0) / rated + (1 - weight) ** 2 * variance
        path.append(z)
        low.append(p0 - k_sigma * math.sqrt(variance))
    below = tuple(
        k for k, (value, limit) in enumerate(zip(path, low, strict=True)) if value < limit
    )
    return EwmaPath(tuple(path), tuple(low), below)
