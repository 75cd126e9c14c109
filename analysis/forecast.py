"""Forecast whether a target will be reached by its date: the share needed, and a logit trend.

A probability of reaching a target is not a verdict. Restart a series at breaks such as the
reorganisation of units; Tet months distort any trend.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, stdtr, stdtrit

from analysis.counts import FloatArray, count_arrays, finite, level, share, simple_counts, whole
from analysis.errors import AnalysisError

Outlook = Literal["likely", "unlikely", "open", "too_short"]

# With fewer months, or further ahead than half the history, the outlook is "too_short".
MONTHS_NEEDED = 8
_LIKELY = 0.9
# Newton's method needs about six steps; it does not converge on a separated series.
_STEPS = 25
_SMALLEST_STEP = 1e-12


@dataclass(frozen=True, slots=True)
class Forecast:
    """A quasi-binomial trend on the logit scale and the index it forecasts for the deadline.

    `phi` >= 1 is the overdispersion; `prob_reach` the probability that the trend's index at the
    deadline is at least the target; `outlook` the wording that the data support.
    """

    intercept: float
    slope: float
    phi: float
    forecast: float
    low: float
    high: float
    prob_reach: float
    outlook: Outlook


def needed_share(y: int, n: int, remaining: int, target: float) -> float | None:
    """Return the share of satisfied needed among the `remaining` ratings, at least 0.

    (T (n + remaining) - y)/remaining; above 1 the target is out of reach; None when nothing
    remains. Raises AnalysisError (``invalid_counts``, ``invalid_share``). Source:
    plain arithmetic on counts.

    Examples
    --------
    >>> round(needed_share(2244, 2660, 1300, 0.90), 4)
    1.0154
    """
    y, n = simple_counts(y, n)
    remaining = whole(remaining, "remaining")
    needed = share(target, "target") * (n + remaining) - y
    return max(0.0, needed / remaining) if remaining else None


def trend(
    y: ArrayLike, n: ArrayLike, deadline: float, target: float, confidence: float
) -> Forecast:
    """Fit a logit trend to months 0..T-1 (counts of shape (T,)) and forecast month `deadline`.

    Binomial regression, phi = max(1, Pearson X2/df), t interval on the logit scale; months
    without ratings are skipped. Raises AnalysisError (``invalid_counts``, ``invalid_share``,
    ``invalid_confidence``, ``invalid_number``, ``too_few_months`` below three with ratings,
    ``no_convergence`` when all or none are satisfied, or all before and none after some month).

    References
    ----------
    McCullagh, P. & Nelder, J. A. (1989). Generalized Linear Models, ch. 4. Equals R ``glm``.

    Examples
    --------
    >>> f = trend([77, 73, 86, 80, 76], [90, 85, 100, 95, 88], 7, 0.85, 0.90)
    >>> round(f.forecast, 2), f.outlook
    (0.86, 'too_short')
    """
    ys, ns = (np.atleast_1d(column) for column in count_arrays(y, n))
    target, deadline = share(target, "target"), finite(deadline, "deadline")
    tail = (1 - level(confidence)) / 2
    some = ns > 0
    months = np.flatnonzero(some).astype(np.float64)
    df = months.size - 2
    if df < 1:
        raise AnalysisError("too_few_months", "A trend needs three months with ratings.")
    if ys.sum() in {0.0, ns.sum()}:
        raise AnalysisError("no_convergence", "All or none are satisfied: there is no trend.")
    X = np.column_stack([np.ones_like(months), months])
    beta, covariance, phi = _logit_fit(X, ys[some], ns[some])
    x = np.array([1.0, deadline])
    centre, se = float(x @ beta), float(np.sqrt(phi * x @ covariance @ x))
    half = -float(stdtrit(df, tail)) * se
    forecast, low, high = expit([centre, centre - half, centre + half]).tolist()
    reach = float(stdtr(df, (centre - logit(target)) / se))
    outlook = _outlook(reach, months.size, deadline - (ns.size - 1))
    start, slope = beta.tolist()
    return Forecast(start, slope, phi, forecast, low, high, prob_reach=reach, outlook=outlook)


def _logit_fit(X: FloatArray, y: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return coefficients, their covariance at phi = 1, and phi of a binomial regression."""
    beta = np.array([logit((y.sum() + 0.5) / (n.sum() + 1)), 0.0])
    for _ in range(_STEPS):
        p = expit(X @ beta)
        weight = n * p * (1 - p)
        step = np.linalg.lstsq((X.T * weight) @ X, X.T @ (y - n * p), rcond=None)[0]
        beta = beta + step
        if np.abs(step).max() < _SMALLEST_STEP:
            break
    else:
        message = "All are satisfied on one side of a month, none on the other."
        raise AnalysisError("no_convergence", message)
    p = expit(X @ beta)
    weight = n * p * (1 - p)
    chi2 = float(((y - n * p) ** 2 / weight).sum())
    covariance = np.linalg.inv((X.T * weight) @ X)
    return beta, covariance, max(1.0, chi2 / (y.size - 2))


def _outlook(reach: float, months: int, ahead: float) -> Outlook:
    """Return the wording for a probability, given the months of history and the months ahead."""
    if months < MONTHS_NEEDED or ahead > months / 2:
        return "too_short"
    if reach >= _LIKELY:
        return "likely"
    return "unlikely" if reach <= 1 - _LIKELY else "open"
