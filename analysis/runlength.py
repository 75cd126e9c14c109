"""Exact average run lengths (ARL) of control charts, and limits that keep false alarms rare.

False alarms are stated per month for the whole province, not per chart. The correlation of ratings
(rho) is part of the computation, because without it there would be far more false alarms.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln, xlog1py, xlogy

from analysis.counts import FloatArray, count_arrays, share, whole
from analysis.errors import AnalysisError

# Charts that would need more states than this take too long to alarm to be useful.
_LARGEST_CHART = 2048
# Tolerance for the sum of probabilities, since those of large batches come from logarithms.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Chart:
    """A CUSUM chart of dissatisfied ratings for one unit.

    Per batch of n ratings with x dissatisfied: S = max(0, S + den x - num n), alarm at S >= H
    (`analysis.monitor.counting_path`); n = 1 is the Bernoulli chart. `arl0` and `arl1` are
    batches until an alarm without and with the shift; `false_alarms` those expected a month.
    """

    n: int
    den: int
    num: int
    H: int
    arl0: float
    arl1: float
    false_alarms: float


def batch_probabilities(n: int, q: float, rho: float = 0.0) -> FloatArray:
    """Return P(x dissatisfied of n), x = 0..n: binomial, or beta-binomial with correlation rho.

    Raises AnalysisError (``invalid_counts``, ``invalid_share``).

    References
    ----------
    Skellam, J. G. (1948). A probability distribution derived from the binomial distribution. JRSS B
    10, 257-261.

    Examples
    --------
    >>> batch_probabilities(2, 0.5).round(4).tolist()
    [0.25, 0.5, 0.25]
    """
    n, q = whole(n, "n"), share(q, "q")
    if not 0 <= rho < 1:
        raise AnalysisError("invalid_share", f"rho must lie in [0, 1), not {rho!r}.")
    x = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    if rho > 0:
        a, b = q * (1 / rho - 1), (1 - q) * (1 / rho - 1)
        chances: FloatArray = np.exp(ways + betaln(x + a, n - x + b) - betaln(a, b))
    else:
        chances = np.exp(ways + xlogy(x, q) + xlog1py(n - x, -q))
    return chances


def chain_arl(chances: FloatArray, steps: FloatArray, H: int) -> float:
    """Return the mean number of batches until S >= H, from S = 0, by a finite Markov chain.

    `chances` (probabilities with sum 1) and integer `steps` have one entry per outcome of a batch;
    the states are S = 0..H-1. Raises AnalysisError (``invalid_counts`` for H = 0 or a step that is
    no integer, ``invalid_share`` for another sum than 1, ``never_alarms``).

    References
    ----------
    Brook, D. & Evans, D. A. (1972). An approach to the probability distribution of CUSUM run
    length. Biometrika 59, 539-549.

    Examples
    --------
    >>> round(chain_arl(np.array([0.5, 0.5]), np.array([-1, 1]), 2), 6)
    6.0
    """
    if whole(H, "H") == 0:
        raise AnalysisError("invalid_counts", "H must be at least 1.")
    if chances.shape != steps.shape or not (steps == np.floor(steps)).all():
        raise AnalysisError("invalid_counts", "Give each outcome of a batch one whole step.")
    if not ((chances >= 0).all() and abs(chances.sum() - 1) <= _ROUNDING):
        raise AnalysisError("invalid_share", "The chances of a batch must add up to 1.")
    if not (chances[steps > 0] > 0).any():
        raise AnalysisError("never_alarms", "No outcome of a batch raises the chart.")
    states = np.arange(H)
    target = np.maximum(0, states[:, np.newaxis] + steps.astype(np.int64))
    inside = target < H
    flat = (states[:, np.newaxis] * H + target)[inside]
    weights = np.broadcast_to(chances, target.shape)[inside]
    moves = np.bincount(flat, weights=weights, minlength=H * H).reshape(H, H)
    return float(np.linalg.solve(np.eye(H) - moves, np.ones(H))[0])


def bernoulli_arl(q: float, m: int, H: int) -> float:
    """Return the ARL of the Bernoulli CUSUM at a share q dissatisfied: +(m-1) / -1, alarm >= H.

    The mean number of ratings until an alarm.

    Raises AnalysisError as `batch_arl`.

    References
    ----------
    Reynolds, M. R. & Stoumbos, Z. G. (1999). A CUSUM chart for monitoring a proportion when
    inspecting continuously. Journal of Quality Technology 31, 87-108.

    Examples
    --------
    >>> round(bernoulli_arl(0.10, 8, 64)), round(bernoulli_arl(0.15, 8, 64))
    (4313, 243)
    """
    return batch_arl(1, q, (m, 1), H)


def batch_arl(n: int, q: float, step: tuple[int, int], H: int, rho: float = 0.0) -> float:
    """Return the ARL in batches: S = max(0, S + den x - k_num) >= H, step = (den, k_num).

    Raises AnalysisError (``invalid_counts``, ``invalid_share``, ``never_alarms``). Source: as
    `chain_arl`.

    Examples
    --------
    >>> round(batch_arl(50, 0.10, (1, 6), 9), 0), round(batch_arl(50, 0.10, (1, 6), 9, 0.02), 0)
    (207.0, 39.0)
    """
    den, k_num = whole(step[0], "den"), whole(step[1], "k_num")
    steps = den * np.arange(n + 1, dtype=np.float64) - k_num
    return chain_arl(batch_probabilities(n, q, rho), steps, H)


def limit_arl(n: int, q: float, limit: int, rho: float = 0.0) -> float:
    """Return the ARL in batches of a p-chart: until x >= limit dissatisfied of n in one batch.

    Raises AnalysisError (``invalid_counts``, ``invalid_share``, ``never_alarms``). Source: the mean
    of a geometric waiting time.

    Examples
    --------
    >>> round(limit_arl(100, 0.10, 20)), round(limit_arl(100, 0.10, 20, 0.02))
    (505, 20)
    """
    reaching = float(batch_probabilities(n, q, rho)[whole(limit, "limit") :].sum())
    if reaching == 0:
        raise AnalysisError("never_alarms", "No batch can reach the limit.")
    return 1 / reaching


def design_charts(
    monthly: ArrayLike,
    q0: float,
    q1: float,
    alarms_per_month: float,
    *,
    batches: int = 30,
    rho: float = 0.0,
) -> tuple[Chart, ...]:
    """Return a chart per unit; all together raise < `alarms_per_month` false alarms a month.

    `monthly`: expected ratings a month, shape (K,); `q0` the usual and `q1` > q0 the share of
    dissatisfied to detect soon. With rho = 0 a Bernoulli chart counts single ratings; with rho > 0
    ratings come in `batches` a month and are correlated within each. Every unit gets an equal part
    of the allowed false alarms, so that large units do not use up that of small ones.

    Raises AnalysisError (``invalid_counts``, ``invalid_share``, ``no_distance``, ``no_data``, also
    for a unit without ratings, ``never_alarms`` when the limit would be far too high). Source:
    `bernoulli_arl` and `batch_arl`; the equal parts are ours.

    Examples
    --------
    >>> [c] = design_charts([200], 0.10, 0.15, 0.02)
    >>> c.den, c.H, c.false_alarms < 0.02
    (8, 78, True)
    """
    volumes = np.atleast_1d(count_arrays(monthly)[0])
    q0, q1 = share(q0, "q0"), share(q1, "q1")
    if q1 <= q0 or not alarms_per_month > 0:
        raise AnalysisError("no_distance", "Need q1 > q0 and a positive allowance of alarms.")
    if volumes.size == 0 or (volumes == 0).any():
        raise AnalysisError("no_data", "Each unit needs an expected number of ratings.")
    if whole(batches, "batches") == 0:
        raise AnalysisError("invalid_counts", "A month needs at least one batch.")
    allowed = alarms_per_month / volumes.size
    charts: dict[float, Chart] = {}
    for volume in np.unique(volumes).tolist():
        n = max(1, round(volume / batches)) if rho > 0 else 1
        charts[volume] = _smallest_chart(n, (q0, q1), rho, volume / n, allowed)
    return tuple(charts[volume] for volume in volumes.tolist())


def reference_step(q0: float, q1: float) -> tuple[int, int]:
    """Return (den, num): the simplest fraction num/den near the optimal reference value.

    Optimal per rating is r = log((1-q0)/(1-q1)) / log(q1(1-q0)/(q0(1-q1))), between q0 and q1; the
    fraction is within (q1 - q0)/20 of it. Raises AnalysisError (``no_distance``). Source: Reynolds
    & Stoumbos (1999), see `bernoulli_arl`; the tolerance is ours.

    Examples
    --------
    >>> reference_step(0.10, 0.15), reference_step(0.05, 0.10), reference_step(0.40, 0.50)
    ((8, 1), (14, 1), (11, 5))
    """
    q0, q1 = share(q0, "q0"), share(q1, "q1")
    if q0 >= q1:
        raise AnalysisError("no_distance", "q1 must exceed q0.")
    best = math.log((1 - q0) / (1 - q1)) / math.log(q1 * (1 - q0) / (q0 * (1 - q1)))
    den = next(d for d in count(2) if abs(round(best * d) / d - best) <= (q1 - q0) / 20)
    return den, round(best * den)


def _smallest_chart(
    n: int, shares: tuple[float, float], rho: float, batches: float, allowed: float
) -> Chart:
    """Return the chart with the lowest limit within the allowed false alarms of one unit."""
    den, num = reference_step(*shares)

    def arl(q: float, H: int) -> float:
        return batch_arl(n, q, (den, num * n), H, rho)

    H = _first(lambda limit: batches / arl(shares[0], limit) < allowed)
    arl0, arl1 = arl(shares[0], H), arl(shares[1], H)
    return Chart(n, den, num, H, arl0=arl0, arl1=arl1, false_alarms=batches / arl0)


def _first(enough: Callable[[int], bool]) -> int:
    """Return the smallest limit that is enough, by doubling and bisection."""
    high = 1
    while not enough(high):
        high *= 2
        if high > _LARGEST_CHART:
            raise AnalysisError("never_alarms", "So few false alarms leave a chart that sleeps.")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
