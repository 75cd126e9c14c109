"""Driver analysis (LMG): each factor's share of the explained variance of the overall rating.

Association, not cause. Works on patterns: rows of factor scores, overall score, count of ratings.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.counts import FloatArray, level, whole
from analysis.errors import AnalysisError

# Below this many complete ratings the order of the drivers is mostly noise.
MINIMUM_RATINGS = 200
# A factor this close to a combination of others adds nothing to what they explain.
_COLLINEAR = 1e-9
_SATISFIED = 4

Quadrant = Literal["act_first", "keep_up", "watch", "leave"]


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over complete ratings of k factors and the overall score.

    `products` is (k+1, k+1), `sums` and `top` (k+1,): top counts scores 4-5; overall is last.
    """

    count: float
    sums: FloatArray
    products: FloatArray
    top: FloatArray


@dataclass(frozen=True, slots=True)
class Drivers:
    """Per factor, arrays of shape (k,): `lmg` sums to `r2`, `share` to 1 (NaN at r2 = 0).

    `performance` is the share of scores 4-5; `zero_order` the correlation with the overall
    score, NaN for a factor that never varies.
    """

    r2: float
    lmg: FloatArray
    share: FloatArray
    performance: FloatArray
    zero_order: FloatArray


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """Bootstrap limits of driver shares, arrays of shape (k,)."""

    low: FloatArray
    high: FloatArray


def pattern_table(patterns: ArrayLike) -> FloatArray:
    """Return patterns as an array (P, k+2), or refuse an invalid table of scores and counts.

    Raises
    ------
    AnalysisError
        ``invalid_patterns`` for less than one factor, negative counts or missing values.

    Examples
    --------
    >>> pattern_table([[5, 4, 3]]).shape
    (1, 3)
    """
    table = np.asarray(patterns, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] < 3 or not np.isfinite(table).all():  # noqa: PLR2004
        raise AnalysisError("invalid_patterns", "Rows are factor scores, overall score, count.")
    if (table[:, -1] < 0).any():
        raise AnalysisError("invalid_patterns", "Counts must not be negative.")
    return table


def moments(patterns: ArrayLike) -> Moments:
    """Return the sums of patterns of shape (P, k+2): k factor scores, overall score, count.

    Raises AnalysisError (``invalid_patterns``). Source: the sums that `lmg` needs.

    Examples
    --------
    >>> moments([[5, 4, 3], [2, 2, 1]]).sums.tolist()
    [17.0, 14.0]
    """
    table = pattern_table(patterns)
    scores, count = table[:, :-1], table[:, -1]
    weighted = scores * count[:, np.newaxis]
    top = (scores >= _SATISFIED) * count[:, np.newaxis]
    return Moments(float(count.sum()), weighted.sum(axis=0), weighted.T @ scores, top.sum(axis=0))


def lmg(sums: Moments, minimum: int = MINIMUM_RATINGS) -> Drivers:
    """Return each factor's part of R^2, averaged over all orders of entry (LMG, Shapley value).

    All 2^k subsets are fitted from the moment matrix, so use it for few factors. Halo effects and
    straight-lining spread importance evenly: print `straight_lining` beside it. Raises
    AnalysisError (``too_few_ratings`` below `minimum`,
    ``no_variation`` when the overall score never varies).

    References
    ----------
    Lindeman, R. H., Merenda, P. F. & Gold, R. Z. (1980). Introduction to Bivariate and
    Multivariate Analysis. Groemping, U. (2007). The American Statistician 61, 139-147.

    Examples
    --------
    >>> rows = [[5, 5, 5, 80], [4, 4, 4, 60], [5, 3, 4, 30], [2, 4, 2, 25], [1, 3, 1, 10]]
    >>> lmg(moments(rows)).share.round(2).tolist()
    [0.76, 0.24]
    """
    correlation, varies = _of_one(sums, minimum)
    (parts,) = _shapley(_explained(correlation))
    r2 = float(parts.sum())
    return Drivers(
        r2=r2,
        lmg=parts,
        share=_shares(parts[np.newaxis])[0],
        performance=sums.top[:-1] / sums.count,
        zero_order=np.where(varies[0], correlation[0, -1], np.nan)[:-1],
    )


def _of_one(sums: Moments, minimum: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return `_correlations` of one set, or refuse too few ratings or a constant overall score."""
    if sums.count < max(minimum, 1):
        raise AnalysisError("too_few_ratings", f"Drivers need {minimum} complete ratings.")
    return _correlations(sums.count, sums.sums[np.newaxis], sums.products[np.newaxis])


def _correlations(
    count: float, sums: FloatArray, products: FloatArray
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return correlations (n, k+1, k+1) of n sets of `count` ratings, and what varies (n, k+1).

    The correlations of a score that is constant in a set are 0.
    """
    mean = sums / count
    covariance = products / count - mean[:, :, np.newaxis] * mean[:, np.newaxis, :]
    spread = np.sqrt(np.clip(np.diagonal(covariance, axis1=1, axis2=2), 0, None))
    varies = spread > _COLLINEAR
    if not varies[:, -1].all():
        raise AnalysisError("no_variation", "The overall score never varies.")
    scale = np.where(varies, spread, 1.0)
    both = varies[:, :, np.newaxis] & varies[:, np.newaxis, :]
    scaled = covariance / (scale[:, :, np.newaxis] * scale[:, np.newaxis, :])
    return np.where(both, scaled, 0.0), varies


def _explained(correlation: FloatArray) -> FloatArray:
    """Return R^2 of every subset of factors (n, 2^k); bit j of the position is factor j."""
    sets, factors = correlation.shape[0], correlation.shape[1] - 1
    explained = np.zeros((sets, 2**factors))
    for subset in range(1, 2**factors):
        chosen = [j for j in range(factors) if subset >> j & 1]
        inner, outer = correlation[:, chosen][:, :, chosen], correlation[:, chosen, -1]
        # The pseudo-inverse drops constant and collinear factors, as R's lm does.
        inverse = np.linalg.pinv(inner, rcond=_COLLINEAR, hermitian=True)
        explained[:, subset] = np.einsum("ni,nij,nj->n", outer, inverse, outer)
    return explained


def _shapley(values: FloatArray) -> FloatArray:
    """Return Shapley values (n, k) of n games from the value of every coalition (n, 2^k)."""
    players = (values.shape[1] - 1).bit_length()
    size = np.array([subset.bit_count() for subset in range(values.shape[1])])
    order = [math.factorial(m) * math.factorial(players - 1 - m) for m in range(players)]
    weight = np.array([*order, 0]) / math.factorial(players)
    result = np.zeros((values.shape[0], players))
    for j in range(players):
        without = np.flatnonzero(~np.arange(values.shape[1]) >> j & 1)
        gain = values[:, without | 1 << j] - values[:, without]
        result[:, j] = (weight[size[without]] * gain).sum(axis=1)
    return result


def _shares(parts: FloatArray) -> FloatArray:
    """Return parts of R^2 (n, k) as shares with sum 1; NaN where nothing is explained."""
    r2 = parts.sum(axis=1, keepdims=True)
    return np.where(r2 > 0, parts / np.where(r2 > 0, r2, 1.0), np.nan)


def share_limits(
    patterns: ArrayLike, confidence: float, seed: int, repeats: int = 200
) -> ShareLimits:
    """Return percentile-bootstrap limits of `lmg` shares, resampling whole ratings.

    The same seed gives the same limits. Raises AnalysisError as `lmg`, and ``invalid_counts`` for
    less than one repeat.

    References
    ----------
    Efron, B. & Tibshirani, R. (1993). An Introduction to the Bootstrap, ch. 13.

    Examples
    --------
    >>> rows = [[5, 5, 5, 80], [4, 4, 4, 60], [5, 3, 4, 30], [2, 4, 2, 25], [1, 3, 1, 10]]
    >>> limits = share_limits(rows, 0.95, seed=1)
    >>> bool(limits.low[0] < 0.76 < limits.high[0])
    True
    """
    table = pattern_table(patterns)
    tail = (1 - level(confidence)) / 2
    if whole(repeats, "repeats") == 0:
        raise AnalysisError("invalid_counts", "A bootstrap needs at least one repeat.")
    total = int(table[:, -1].sum())
    _of_one(moments(table), MINIMUM_RATINGS)
    draws = np.random.default_rng(seed).multinomial(total, table[:, -1] / total, size=repeats)
    scores = table[:, :-1]
    each = (scores[:, :, np.newaxis] * scores[:, np.newaxis, :]).reshape(len(scores), -1)
    products = (draws @ each).reshape(repeats, scores.shape[1], scores.shape[1])
    correlation, _ = _correlations(total, draws @ scores, products)
    shares = _shares(_shapley(_explained(correlation)))
    low, high = np.quantile(shares, [tail, 1 - tail], axis=0)
    return ShareLimits(low, high)


def straight_lining(patterns: ArrayLike) -> float | None:
    """Return the share of answers with the same score for every question; None without ratings.

    Raises AnalysisError (``invalid_patterns``).

    References
    ----------
    Krosnick, J. A. (1991). Response strategies for coping with the cognitive demands of attitude
    measures in surveys. Applied Cognitive Psychology 5, 213-236.

    Examples
    --------
    >>> straight_lining([[5, 5, 5, 3], [4, 5, 5, 1]])
    0.75
    """
    table = pattern_table(patterns)
    same = (table[:, :-2] == table[:, -2:-1]).all(axis=1)
    total = float(table[:, -1].sum())
    return float(table[same, -1].sum() / total) if total else None


def quadrants(importance: ArrayLike, performance: ArrayLike) -> tuple[Quadrant, ...]:
    """Return each factor's quadrant: importance and performance (k,) against their means.

    Raises AnalysisError (``invalid_patterns`` for lists of different length or empty ones).

    References
    ----------
    Martilla, J. A. & James, J. C. (1977). Importance-performance analysis. Journal of
    Marketing 41, 77-79.

    Examples
    --------
    >>> quadrants([0.5, 0.3, 0.2], [0.7, 0.95, 0.6])
    ('act_first', 'leave', 'watch')
    """
    parts, scores = (np.asarray(c, dtype=np.float64).tolist() for c in (importance, performance))
    if np.ndim(parts) != 1 or np.shape(parts) != np.shape(scores) or not parts:
        raise AnalysisError("invalid_patterns", "Give one performance an importance.")
    middle = math.fsum(parts) / len(parts), math.fsum(scores) / len(scores)
    names: dict[tuple[bool, bool], Quadrant] = {
        (True, False): "act_first",
        (True, True): "keep_up",
        (False, False): "watch",
        (False, True): "leave",
    }
    return tuple(
        names[part > middle[0], score >= middle[1]]
        for part, score in zip(parts, scores, strict=True)
    )
