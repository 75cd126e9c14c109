"""Verdict on a target (met, not met, uncertain): exact tests of one cell, and sample size planning.

Reports use `analysis.headline.headline_verdicts` for post-stratified lines. A verdict is decided on
integers, once, at period close: repeated looks with the same bounds are wrong far more often than
the confidence level says; live pages use `analysis.anytime` instead.
"""

import math
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtri

from analysis import exact
from analysis.counts import finite_counts, one_sided_level, share, simple_counts, whole
from analysis.errors import AnalysisError
from analysis.intervals import normal_quantile

Outcome = Literal["met", "not_met", "uncertain"]
FloorOutcome = Literal["below_floor", "above_floor", "uncertain"]
RankGood = Literal["yes", "no", "uncertain"]

# Ratings are integers: a number that exceeds an integer by a rounding error is that integer.
_ROUNDING = 1e-9
# Shares (num, den): "not good" at this share of late dossiers or more, or this index or less.
_LATE_LIMIT, _INDEX_FLOOR = (5, 100), (80, 100)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict with its exact one-sided bounds (fractions 0..1).

    `secured`: certainly met by the worst-case (Manski) bounds, whatever non-respondents would
    answer; `lost`: certainly not met. `needed_n`: ratings (of N) that would decide at the same
    index; None when already decided or when nothing was rated.
    """

    verdict: Outcome
    estimate: float | None
    low: float
    high: float
    secured: bool
    lost: bool
    needed_n: int | None
    additional_n: int | None


@dataclass(frozen=True, slots=True)
class FloorVerdict:
    """Whether the agency may be rated "good"; bounds are exact, one-sided fractions 0..1."""

    late_share: float | None
    late_fail: bool
    low: float
    high: float
    index_floor: FloorOutcome
    can_rank_good: RankGood


@dataclass(frozen=True, slots=True)
class Plan:
    """Ratings to collect: `n0` for an infinite population, `n` of N, and the exact power."""

    n0: float
    n: int
    exact_power: float


def exact_verdict(y: int, n: int, N: int, target: tuple[int, int], confidence: float) -> Verdict:
    """Return the exact verdict on one cell of a closed period against the target (num, den).

    One-sided hypergeometric bounds at `confidence` (above one half), compared with the target in
    integers: met if low >= target, not met if high < target, else uncertain, as when nothing was
    rated. The ratings still needed are those of Wilson's bounds (`needed_ratings`). Raises
    AnalysisError (``invalid_counts``, ``invalid_confidence``, ``invalid_target``). Source: bounds
    as `analysis.intervals.hypergeometric`; three values are ours.

    Examples
    --------
    >>> v = exact_verdict(258, 300, 1000, (85, 100), 0.95)
    >>> v.verdict, v.needed_n
    ('uncertain', 776)
    """
    y, n, N = finite_counts(y, n, N)
    num, den = target_share(*target)
    low, high = _exact_counts(y, n, N, 1 - one_sided_level(confidence))
    outcome: Outcome = "uncertain"
    if n > 0 and low * den >= num * N:
        outcome = "met"
    elif n > 0 and high * den < num * N:
        outcome = "not_met"
    is_open = n > 0 and outcome == "uncertain"
    needed = needed_ratings(y, n, N, (num, den), confidence) if is_open else None
    bounds = (low / N, high / N) if n else (0.0, 1.0)
    return Verdict(
        outcome,
        y / n if n else None,
        *bounds,
        secured=N > 0 and y * den >= num * N,
        lost=(y + N - n) * den < num * N,
        needed_n=needed,
        additional_n=None if needed is None else needed - n,
    )


def target_share(num: int, den: int) -> tuple[int, int]:
    """Return the target as integers with 0 <= num <= den and den > 0.

    Raises AnalysisError (``invalid_counts``, ``invalid_target``).

    Examples
    --------
    >>> target_share(85, 100)
    (85, 100)
    """
    num, den = whole(num, "target_num"), whole(den, "target_den")
    if den == 0 or num > den:
        raise AnalysisError("invalid_target", f"{num}/{den} is no target share.")
    return num, den


def needed_ratings(y: int, n: int, N: int, target: tuple[int, int], confidence: float) -> int:
    """Return how many ratings (n..N) would decide at the index y/n, target as (num, den).

    n0 N/(N - 1 + n0) with n0 = z^2 T(1 - T)/(p - T)^2, the inversion of the one-sided Wilson
    bound with fpc; an index equal to the target, or no rating at all, is decided only by a
    census. Raises AnalysisError (``invalid_counts``, ``invalid_confidence``, ``invalid_target``).

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, ch. 4; fpc as `fpc_size`.

    Examples
    --------
    >>> needed_ratings(258, 300, 1000, (85, 100), 0.95)
    776
    """
    y, n, N = finite_counts(y, n, N)
    num, den = target_share(*target)
    z = normal_quantile(one_sided_level(confidence), one_sided=True)
    distance = y * den - num * n
    if distance == 0:
        return N
    # (p - T)^2 from integers: no rounding error, however close the index is to the target.
    endless = z * z * num * (den - num) * n * n / (distance * distance)
    return min(N, max(n, math.ceil(endless * N / (N - 1 + endless) - _ROUNDING)))


def is_late(late: int, N: int, limit: tuple[int, int]) -> bool:
    """Return whether `late` overdue dossiers of N are at least the share limit = (num, den).

    Lateness is a census and needs no interval; False without dossiers. Raises
    AnalysisError (``invalid_counts``, ``invalid_target``). Source: plain arithmetic on counts.

    Examples
    --------
    >>> is_late(5, 100, (5, 100)), is_late(0, 0, (5, 100))
    (True, False)
    """
    late, N = simple_counts(late, N)
    num, den = target_share(*limit)
    return N > 0 and late * den >= num * N


def floor_verdict(y: int, n: int, N: int, late: int, confidence: float) -> FloorVerdict:
    """Return whether an agency with N dossiers, `late` of them overdue, may be rated "good".

    Not with 5 % or more late dossiers, nor with an index of 80 % or less (Khanh Hoa 2022).
    Lateness as `is_late`; the index threshold uses exact one-sided bounds. An agency without
    dossiers violates neither. Raises AnalysisError (``invalid_counts``, ``invalid_confidence``).
    Source: bounds as `hypergeometric`.

    Examples
    --------
    >>> floor_verdict(150, 200, 1000, 20, 0.95).can_rank_good
    'no'
    >>> floor_verdict(75, 90, 500, 10, 0.95).can_rank_good
    'uncertain'
    """
    y, n, N = finite_counts(y, n, N)
    late_fail = is_late(late, N, _LATE_LIMIT)
    low, high = _exact_counts(y, n, N, 1 - one_sided_level(confidence))
    num, den = _INDEX_FLOOR
    floor: FloorOutcome = "uncertain"
    if n > 0 and high * den <= num * N:
        floor = "below_floor"
    elif n > 0 and low * den > num * N:
        floor = "above_floor"
    good: RankGood = "uncertain"
    if late_fail or floor == "below_floor":
        good = "no"
    elif floor == "above_floor":
        good = "yes"
    share_late = late / N if N else None
    bounds = (low / N, high / N) if n else (0.0, 1.0)
    return FloorVerdict(share_late, late_fail, *bounds, index_floor=floor, can_rank_good=good)


def plan(N: int, true_index: float, target: float, confidence: float, power: float) -> Plan:
    """Return the ratings needed of N dossiers to decide with `power` at the given true index.

    Normal approximation with fpc, then the exact power of the score test over the
    hypergeometric outcomes. Shares strictly inside (0, 1). Raises AnalysisError
    (``invalid_share``, ``invalid_confidence``, ``no_distance`` when truth equals target).

    References
    ----------
    Fleiss, J. L., Levin, B. & Paik, M. C. (2003). Statistical Methods for Rates and Proportions,
    ch. 2; with fpc Cochran, W. G. (1977). Sampling Techniques, ch. 4.

    Examples
    --------
    >>> p = plan(2000, 0.93, 0.90, 0.95, 0.80)
    >>> p.n, round(p.exact_power, 2)
    (436, 0.8)
    """
    N = whole(N, "N")
    p, t = share(true_index, "true_index"), share(target, "target")
    if p == t or N == 0:
        raise AnalysisError("no_distance", "No sample separates the true index from the target.")
    za, zb = (
        normal_quantile(one_sided_level(confidence), one_sided=True),
        float(ndtri(share(power, "power"))),
    )
    endless = ((za * math.sqrt(t * (1 - t)) + zb * math.sqrt(p * (1 - p))) / (p - t)) ** 2
    n = min(math.ceil(endless / (1 + (endless - 1) / N) - _ROUNDING), N)
    return Plan(endless, n, _exact_power(n, N, p, t, za))


def _exact_power(n: int, N: int, p: float, t: float, z: float) -> float:
    """Return the probability that n ratings of N decide correctly; round(pN) are satisfied."""
    chances = exact.probabilities(n, round(p * N), N)
    if n == N:
        return math.fsum(c for y, c in enumerate(chances) if (y / n >= t) == (p >= t))
    spread = math.sqrt(t * (1 - t) / n * (N - n) / (N - 1))
    scores = ((y / n - t) / spread for y in range(n + 1))
    hits = (score >= z if p > t else score < -z for score in scores)
    return math.fsum(c for c, hit in zip(chances, hits, strict=True) if hit)


def _exact_counts(y: int, n: int, N: int, tail: float) -> tuple[int, int]:
    """Return one-sided exact bounds as counts; 0 and N when nothing was rated."""
    if n == 0:
        return 0, N
    return exact.lowest_count(y, n, N, tail), exact.highest_count(y, n, N, tail)
