"""Proportional-odds regression of the overall score on factor scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from analysis.counts import FloatArray
from analysis.drivers import pattern_table
from analysis.errors import AnalysisError

# Newton's method needs about eight steps; it does not converge when scores are separated.
_STEPS = 30
_SMALLEST_STEP = 1e-10
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class OrdinalFit:
    """logit P(Y <= j) = threshold_j - x'coef; `coef` and `se` (k,), `thresholds` (J - 1,)."""

    coef: FloatArray
    se: FloatArray
    thresholds: FloatArray
    loglik: float


@dataclass(frozen=True, slots=True)
class _Design:
    """Rows of the linear predictors above and below each observed score, and their weights.

    `has_upper` and `has_lower` are False at the ends of the scale, where a predictor is infinite.
    """

    upper: FloatArray
    lower: FloatArray
    has_upper: FloatArray
    has_lower: FloatArray
    weight: FloatArray


def proportional_odds(patterns: ArrayLike) -> OrdinalFit:
    """Fit the overall score of patterns (P, k+2) by maximum likelihood (Newton's method).

    Standard errors from the observed information. Scores that nobody gave are no category.
    Raises AnalysisError (``invalid_patterns``, ``no_variation`` when the overall score never
    varies, ``collinear`` when a factor is constant or a combination of others,
    ``no_convergence`` when factors separate the scores completely).

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. JRSS B 42, 109-142. Equals R
    ``MASS::polr``.

    Examples
    --------
    >>> rows = [[1, 1, 9], [1, 2, 4], [2, 1, 5], [2, 2, 8], [3, 2, 6], [3, 1, 2]]
    >>> proportional_odds(rows).coef.round(3).tolist()
    [1.003]
    """
    table = pattern_table(patterns)
    table = table[table[:, -1] > 0]
    levels, code = np.unique(table[:, -2], return_inverse=True)
    if levels.size < 2:  # noqa: PLR2004 - one category has no order
        raise AnalysisError("no_variation", "The overall score never varies.")
    X, weight = table[:, :-2], table[:, -1]
    centre = (weight @ X) / weight.sum()
    if np.linalg.matrix_rank(X - centre) < X.shape[1]:
        raise AnalysisError("collinear", "A factor never varies or repeats others.")
    design = _design(X - centre, code, weight, levels.size - 1)
    at_most = np.cumsum(np.bincount(code, weights=weight))[:-1] / weight.sum()
    start = np.concatenate([logit(at_most), np.zeros(X.shape[1])])
    theta, information, value = _maximise(design, start)
    cut, coef = theta[: levels.size - 1], theta[levels.size - 1 :]
    se = np.sqrt(np.diag(np.linalg.inv(information)))[levels.size - 1 :]
    # Centred factors keep Newton's steps well scaled; the thresholds are shifted back.
    return OrdinalFit(coef, se, cut + float(centre @ coef), value)


def _design(X: FloatArray, code: NDArray[np.int64], weight: FloatArray, cuts: int) -> _Design:
    """Return the rows that map (thresholds, coefficients) to the two predictors of a score."""
    has_upper, has_lower = code < cuts, code > 0
    picks = np.eye(cuts)
    upper = np.where(has_upper[:, np.newaxis], picks[np.minimum(code, cuts - 1)], 0.0)
    lower = np.where(has_lower[:, np.newaxis], picks[np.maximum(code - 1, 0)], 0.0)
    return _Design(
        np.hstack([upper, -X]),
        np.hstack([lower, -X]),
        has_upper.astype(np.float64),
        has_lower.astype(np.float64),
        weight,
    )


def _maximise(design: _Design, theta: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Maximise by Newton steps, halved where they overshoot; the likelihood is concave."""
    value, slope, information = _likelihood(design, theta)
    for _ in range(_STEPS):
        step = np.linalg.solve(information, slope)
        trial = _likelihood(design, theta + step)
        while trial[0] < value - _ROUNDING * abs(value):
            step = step / 2
            trial = _likelihood(design, theta + step)
        theta, (value, slope, information) = theta + step, trial
        if np.abs(step).max() < _SMALLEST_STEP:
            return theta, information, value
    raise AnalysisError("no_convergence", "Factors separate the scores completely.")


def _likelihood(design: _Design, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return the log-likelihood, its gradient and the observed information.

    The log-likelihood is -inf when the thresholds are out of order.
    """
    f_upper = np.where(design.has_upper > 0, expit(design.upper @ theta), 1.0)
    f_lower = np.where(design.has_lower > 0, expit(design.lower @ theta), 0.0)
    chance = f_upper - f_lower
    if (chance <= 0).any():
        empty = np.zeros_like(theta)
        return -np.inf, empty, np.diag(empty)
    d_upper, d_lower = f_upper * (1 - f_upper), f_lower * (1 - f_lower)
    by_upper, by_lower = d_upper / chance, -d_lower / chance
    slope = design.upper.T @ (design.weight * by_upper) + design.lower.T @ (
        design.weight * by_lower
    )
    uu = by_upper**2 - d_upper * (1 - 2 * f_upper) / chance
    ll = by_lower**2 + d_lower * (1 - 2 * f_lower) / chance
    ul = by_upper * by_lower
    cross = (design.upper.T * (design.weight * ul)) @ design.lower
    information = (
        (design.upper.T * (design.weight * uu)) @ design.upper
        + (design.lower.T * (design.weight * ll)) @ design.lower
        + cross
        + cross.T
    )
    return float(design.weight @ np.log(chance)), slope, information
