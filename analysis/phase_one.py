"""Phase I baseline of control charts: the usual share of each unit, and the control limits.

A usual share is itself an estimate. A limit that takes it as exact alarms falsely where phase I was
better than usual by chance; so limits are based on a careful share, an upper confidence bound that
the true share rarely exceeds.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from analysis.counts import FloatArray, count_arrays, share, simple_counts
from analysis.errors import AnalysisError
from analysis.rank import shrink
from analysis.runlength import Chart, batch_probabilities, design_charts

# With fewer units the spread between them cannot be estimated: each unit is estimated alone.
_FEW_UNITS = 5
_JEFFREYS = 0.5
# Shares and volumes are rounded up to a grid, so that hundreds of units share a few dozen designs.
_SHARE_STEP, _VOLUME_STEP = 1.1, 1.5
_LEAST_SHARE, _LARGEST_SHARE = 0.02, 0.6
# With correlated ratings: this many batches a month, more where a batch would have more than this
# many ratings, but at most one a night.
_BATCHES, _BATCH_RATINGS, _NIGHTS = 4, 60, 31
# Bounds of the correlation. Ratings of one night are a little correlated even where phase I shows
# nothing, which matters for units with many ratings. More correlation than the upper bound must
# come from effects that last longer than a batch.
_LEAST_RHO, _MOST_RHO = 0.002, 0.05


@dataclass(frozen=True, slots=True)
class Usual:
    """Each unit's estimated share, and the bound it exceeds with probability 1 - `sure`; (K,)."""

    share: FloatArray
    careful: FloatArray


def usual_shares(x: ArrayLike, n: ArrayLike, sure: float = 0.9) -> Usual:
    """Return usual and careful shares of units of one type with x of n in phase I, shape (K,).

    Beta-binomial shrinkage towards the units' common mean (`analysis.rank.shrink`); units that
    differ no more than by chance share one value; with fewer than five units each is estimated
    alone with Jeffreys' prior. Raises AnalysisError (``invalid_counts``, ``invalid_share``,
    ``no_data``).

    References
    ----------
    Gandy, A. & Kvaloy, J. T. (2013). Guaranteed conditional performance of control charts via
    bootstrap methods. Scandinavian Journal of Statistics 40, 647-668.

    Examples
    --------
    >>> u = usual_shares([4, 0, 30, 12, 9, 2], [40, 3, 200, 100, 120, 30])
    >>> bool((u.careful > u.share).all()), bool(u.share[1] > 0)
    (True, True)
    """
    xs, ns = (np.atleast_1d(column) for column in count_arrays(x, n))
    share(sure, "sure")
    if ns.sum() == 0:
        raise AnalysisError("no_data", "No unit has a rating in phase I.")
    a, b = _posterior(xs, ns)
    return Usual(a / (a + b), betaincinv(a, b, sure))


def _posterior(x: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the beta parameters of each unit's share after phase I."""
    if np.count_nonzero(n) < _FEW_UNITS:
        return x + _JEFFREYS, n - x + _JEFFREYS
    try:
        prior = shrink(x, n, 0.95)
    except AnalysisError:  # The units differ no more than by chance.
        together = np.full(n.shape, x.sum() + _JEFFREYS)
        return together, np.full(n.shape, (n - x).sum() + _JEFFREYS)
    return x + prior.alpha, n - x + prior.beta


def pooled_correlation(x: ArrayLike, n: ArrayLike) -> float:
    """Return the correlation of ratings within a period, from units (rows) by periods (columns).

    Moment estimate from Pearson's statistic around each unit's own share, summed over units, so
    that neither differences between units nor random variation within a small one count; shape
    (K, T). 0 when periods vary no more than by chance. Raises AnalysisError (``invalid_counts``).

    References
    ----------
    Williams, D. A. (1982). Extra-binomial variation in logistic linear models. Applied
    Statistics 31, 144-148.

    Examples
    --------
    >>> pooled_correlation([[9, 11, 10], [40, 38, 42]], [[100, 100, 100], [200, 200, 200]])
    0.0
    >>> round(pooled_correlation([[0, 20], [5, 45]], [[100, 100], [200, 200]]), 2)
    0.19
    """
    xs, ns = (np.atleast_2d(column) for column in count_arrays(x, n))
    whole = ns.sum(axis=1, keepdims=True)
    p = np.divide(xs.sum(axis=1, keepdims=True), whole, out=np.zeros(whole.shape), where=whole > 0)
    counted = (ns > 0) & (p > 0) & (p < 1)
    n_t, p_t = ns[counted], np.broadcast_to(p, ns.shape)[counted]
    left = 1 - n_t / np.broadcast_to(whole, ns.shape)[counted]
    pearson = float(((xs[counted] - n_t * p_t) ** 2 / (n_t * p_t * (1 - p_t))).sum())
    room = float(((n_t - 1) * left).sum())
    return max(0.0, (pearson - float(left.sum())) / room) if room > 0 else 0.0


def rarity(x: int, n: int, q: float, rho: float = 0.0) -> float:
    """Return the probability of x or more of n when the share is q: how rare a bad batch is.

    Raises AnalysisError (``invalid_counts``, ``invalid_share``). Source: the upper tail of
    `analysis.runlength.batch_probabilities`.

    Examples
    --------
    >>> round(rarity(2, 2, 0.5), 2), rarity(0, 10, 0.1)
    (0.25, 1.0)
    """
    x, n = simple_counts(x, n)
    return min(1.0, float(batch_probabilities(n, q, rho)[x:].sum()))


def doubled_odds(q: float) -> float:
    """Return the share whose odds are twice those of q: the change that charts should detect.

    Raises AnalysisError (``invalid_share``). Source: q' / (1 - q') = 2 q / (1 - q), solved.

    Examples
    --------
    >>> round(doubled_odds(0.1), 3)
    0.182
    """
    return 2 * q / (1 + share(q, "q"))


def baseline_charts(
    monthly: ArrayLike, careful: ArrayLike, alarms_per_month: float, rho: float = 0.0
) -> tuple[Chart, ...]:
    """Return one CUSUM chart per unit, tuned to doubled odds of dissatisfaction, shape (K,).

    While no unit is worse than its careful share, all together raise fewer than
    `alarms_per_month` false alarms a month. `monthly` ratings and shares are rounded up to a
    grid, shares to at least 2 %. `rho` is the correlation within a month. As it may come from
    single nights, the correlation within a batch is taken as rho times the batches of a month, up
    to 0.05. A chart with n > 1 gets at most one batch a night, and `batch_step` counts a batch as
    `n` ratings.
    Raises AnalysisError (``invalid_counts``, ``invalid_share``, ``no_data``, ``no_distance``,
    ``never_alarms``). Source: Gandy & Kvaloy (2013), see `usual_shares`; the grid is ours.

    Examples
    --------
    >>> quick, slow = baseline_charts([40, 40], [0.15, 0.03], 1.0)
    >>> quick.arl1 < slow.arl1, quick.false_alarms < 0.5
    (True, True)
    """
    volumes = np.atleast_1d(count_arrays(monthly)[0])
    shares = np.broadcast_to(_inside(careful, volumes.shape), volumes.shape)
    if volumes.size == 0:
        raise AnalysisError("no_data", "There is no unit to watch.")
    keys = [
        (_up(max(1.0, volume), _VOLUME_STEP, 1.0), _share_up(q))
        for volume, q in zip(volumes.tolist(), shares.tolist(), strict=True)
    ]
    allowed = alarms_per_month / volumes.size
    return tuple(_design(volume, q, allowed, rho) for volume, q in keys)


def batch_step(step: tuple[int, int], n: int, rated: int, dissatisfied: int) -> int:
    """Return the change of score by a batch, for a chart with step = (den, num) and batch size n.

    A batch of more than n ratings counts as n with the same share, rounded down: its share varies
    less than that of n ratings, however correlated, so false alarms stay as rare as stated. n = 1
    treats ratings as independent and counts all. Raises AnalysisError (``invalid_counts``). Source:
    ours.

    Examples
    --------
    >>> batch_step((8, 1), 60, 200, 40), batch_step((8, 1), 60, 60, 12), batch_step((8, 1), 1, 9, 1)
    (36, 36, -1)
    """
    count_arrays(dissatisfied, rated)
    den, num = step
    move = den * dissatisfied - num * rated
    return move * n // rated if 1 < n < rated else move


@cache
def _design(volume: float, q: float, allowed: float, rho: float) -> Chart:
    """Return the chart at a point of the grid; cached, because many units share it."""
    counted = min(math.ceil(volume), _NIGHTS * _BATCH_RATINGS)
    batches = max(_BATCHES, math.ceil(counted / _BATCH_RATINGS))
    least = _LEAST_RHO if batches > _BATCHES else 0.0
    within = max(least, rho, min(rho * batches, _MOST_RHO))
    return design_charts([counted], q, doubled_odds(q), allowed, batches=batches, rho=within)[0]


def _inside(careful: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """Return careful shares of the units' shape, each inside [0, 1], or refuse."""
    shares = np.asarray(careful, dtype=np.float64)
    if shares.shape not in {(), (1,), shape}:
        raise AnalysisError("invalid_counts", "Give each unit one careful share.")
    if not ((shares >= 0) & (shares <= 1)).all():
        raise AnalysisError("invalid_share", "Careful shares must lie between 0 and 1.")
    return shares


def _share_up(q: float) -> float:
    return min(_up(max(q, _LEAST_SHARE), _SHARE_STEP, _LEAST_SHARE), _LARGEST_SHARE)


def _up(value: float, step: float, least: float) -> float:
    """Return the next point of a geometric grid at or above a value."""
    return least * step ** math.ceil(round(math.log(value / least, step), 9))
