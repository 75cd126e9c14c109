"""Index and standard error under a survey design, from counts per stratum, as in R's ``survey``.

For comparison with R and for studies; reports use the guarded interval of `analysis.poststratify`.
"""

import math
from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri, stdtrit

from analysis.counts import FloatArray, count_arrays, level, whole
from analysis.errors import AnalysisError
from analysis.intervals import beta_limits, score_limits

Lonely = Literal["fail", "certainty", "remove", "adjust", "average"]
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True)
class DesignMean:
    """An estimated index (fraction), its standard error, degrees of freedom and ratings."""

    estimate: float
    se: float
    df: int
    n: int

    @property
    def n_eff(self) -> float | None:
        """Effective sample size p(1-p)/variance; None without variance."""
        spread = self.estimate * (1 - self.estimate)
        return spread / self.se**2 if self.se > 0 and spread > 0 else None


@dataclass(frozen=True, slots=True)
class CitizenSums:
    """Sums over citizens with m ratings each, y of them satisfied; additive over groups."""

    citizens: int
    m: int
    y: int
    yy: int
    ym: int
    mm: int


def strata_arrays(
    y: ArrayLike, n: ArrayLike, N: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return strata as arrays of shape (H,) without those that have no dossier.

    Raises
    ------
    AnalysisError
        ``invalid_counts``; ``no_data`` without dossiers; ``empty_stratum`` when a stratum has no
        ratings: R's stratified design would silently drop it, which causes bias.

    Examples
    --------
    >>> [column.tolist() for column in strata_arrays([8, 0], [9, 0], [40, 0])]
    [[8.0], [9.0], [40.0]]
    """
    ys, ns, Ns = (np.atleast_1d(column) for column in count_arrays(y, n, N))
    ys, ns, Ns = (column[Ns > 0] for column in (ys, ns, Ns))
    if Ns.size == 0:
        raise AnalysisError("no_data", "There is no stratum with a dossier.")
    if (ns == 0).any():
        message = "Nobody of a stratum answered: collapse strata first."
        raise AnalysisError("empty_stratum", message)
    return ys, ns, Ns


def stratified(
    y: ArrayLike, n: ArrayLike, N: ArrayLike, *, fpc: bool = True, lonely: Lonely = "fail"
) -> DesignMean:
    """Return sum W_h p_h with v = sum W_h^2 (1-f_h) s_h^2/n_h; arrays of shape (H,).

    Equals R ``svymean`` on ``svydesign(strata=~h, fpc=~N)``, without `fpc` on
    ``weights=~N/n``. `lonely` is R's ``survey.lonely.psu`` for strata with one rating of
    several dossiers. Raises AnalysisError (`strata_arrays`; ``single_respondent_stratum``;
    ``invalid_method`` for an unknown `lonely`).

    References
    ----------
    Holt, D. & Smith, T. M. F. (1979). Post stratification. JRSS A 142, 33-46.

    Examples
    --------
    >>> d = stratified([377, 12, 131, 8], [410, 22, 150, 18], [1200, 90, 800, 110])
    >>> round(d.estimate, 6), round(d.se, 6), d.df
    (0.863664, 0.012669, 596)
    """
    if lonely not in get_args(Lonely):
        raise AnalysisError("invalid_method", f"Unknown rule for lonely strata {lonely!r}.")
    ys, ns, Ns = strata_arrays(y, n, N)
    weight, p_h = Ns / Ns.sum(), ys / ns
    p = float(weight @ p_h)
    unanswered = 1 - ns / Ns if fpc else np.ones_like(Ns)
    alone = (ns == 1) & (unanswered > 0)
    parts = weight**2 * unanswered * p_h * (1 - p_h) / np.maximum(ns - 1, 1)
    if alone.any():
        if lonely == "fail":
            message = "A stratum has a single respondent: collapse strata first."
            raise AnalysisError("single_respondent_stratum", message)
        if lonely == "adjust":
            parts = np.where(alone, unanswered * (weight * (p_h - p)) ** 2, parts)
        elif lonely == "average":
            parts = parts * _average_factor(ns)
    return DesignMean(p, math.sqrt(parts.sum()), int(ns.sum()) - ns.size, int(ns.sum()))


def stratified_se(y: ArrayLike, n: ArrayLike, N: ArrayLike) -> float | None:
    """Return the standard error of `stratified` with fpc, or None where R gives no number.

    None without a rating, and where a stratum that is no census has a single one.

    Raises AnalysisError (``invalid_counts``; ``empty_stratum`` beside strata with ratings).
    Source: as `stratified`.

    Examples
    --------
    >>> stratified_se([1, 9], [1, 9], [5, 9]), stratified_se([1, 9], [1, 9], [1, 9])
    (None, 0.0)
    """
    ys, ns, Ns = (np.atleast_1d(column) for column in count_arrays(y, n, N))
    if ns.sum() == 0 or ((ns == 1) & (ns < Ns)).any():
        return None
    return stratified(ys, ns, Ns).se


def _average_factor(n: FloatArray) -> float:
    """Return number of strata / number with a variance: R's "average" for lonely strata."""
    if not (n > 1).any():
        message = "No stratum has two respondents to average over."
        raise AnalysisError("single_respondent_stratum", message)
    return float(n.size / (n > 1).sum())


def poststratified(y: ArrayLike, n: ArrayLike, N: ArrayLike) -> DesignMean:
    """Return the post-stratified index of a simple random sample.

    Equals R ``postStratify`` on ``svydesign(ids=~1, fpc=~sum(N))``. It assumes n_h about
    proportional to N_h; where citizens choose whether to answer, use `stratified`. Raises
    AnalysisError (`strata_arrays`; ``single_respondent_stratum`` for one rating in all).

    References
    ----------
    Lumley, T. (2004). Analysis of complex survey samples. Journal of Statistical Software 9(8).

    Examples
    --------
    >>> round(poststratified([377, 12, 131, 8], [410, 22, 150, 18], [1200, 90, 800, 110]).se, 6)
    0.012202
    """
    ys, ns, Ns = strata_arrays(y, n, N)
    rated, finished = int(ns.sum()), int(Ns.sum())
    weight, p_h = Ns / finished, ys / ns
    if rated == 1 < finished:
        raise AnalysisError("single_respondent_stratum", "One rating has no variance.")
    within = float((weight**2 * p_h * (1 - p_h) / ns).sum())
    variance = (1 - rated / finished) * rated / max(rated - 1, 1) * within
    return DesignMean(float(weight @ p_h), math.sqrt(variance), rated - 1, rated)


def weighted(y: ArrayLike, n: ArrayLike, N: ArrayLike) -> DesignMean:
    """Return the weighted index with weights N_h/n_h and no strata in the variance.

    Equals R ``svydesign(ids=~1, weights=~N/n)``. Raises AnalysisError as `poststratified`. Source:
    Lumley (2004), as `poststratified`.

    Examples
    --------
    >>> d = weighted([10, 9], [19, 11], [20, 500000])
    >>> round(d.estimate, 4), d.df
    (0.8182, 29)
    """
    ys, ns, Ns = strata_arrays(y, n, N)
    rated = int(ns.sum())
    if rated == 1:
        raise AnalysisError("single_respondent_stratum", "One rating has no variance.")
    weight = Ns / Ns.sum()
    p = float(weight @ (ys / ns))
    squares = float(((weight / ns) ** 2 * (ys * (1 - p) ** 2 + (ns - ys) * p**2)).sum())
    return DesignMean(p, math.sqrt(squares * rated / (rated - 1)), rated - 1, rated)


def citizen_sums(m: ArrayLike, y: ArrayLike, count: ArrayLike = 1) -> CitizenSums:
    """Return the sums over `count` citizens each with m ratings, y of them satisfied.

    Raises AnalysisError (``invalid_counts``). Source: the sums that `clustered` needs.

    Examples
    --------
    >>> citizen_sums([1, 2], [1, 0], [3, 1])
    CitizenSums(citizens=4, m=5, y=3, yy=3, ym=3, mm=7)
    """
    ys, ms = (np.atleast_1d(column) for column in count_arrays(y, m))
    times = np.broadcast_to(count_arrays(count)[0], ms.shape)
    products = (np.ones_like(ms), ms, ys, ys * ys, ys * ms, ms * ms)
    return CitizenSums(*(int((times * product).sum()) for product in products))


def clustered(sums: CitizenSums) -> DesignMean:
    """Return the index when ratings of one citizen are correlated (cluster sample), from sums.

    v = k/(k-1) (sum y^2 - 2p sum ym + p^2 sum m^2) / n^2 over k citizens with n ratings; equals R
    ``svydesign(ids=~citizen, weights=~1)``. Raises AnalysisError (``single_respondent_stratum``
    below two citizens, ``no_data`` without ratings, ``invalid_counts`` for impossible sums).
    Source: Lumley (2004), as `poststratified`; the closed form is ours, equal to 1e-16.

    Examples
    --------
    >>> d = clustered(citizen_sums([1, 1, 20, 20], [1, 0, 20, 6], [90, 12, 1, 1]))
    >>> round(d.estimate, 3), d.df
    (0.817, 103)
    """
    k, n, y = sums.citizens, sums.m, sums.y
    _check(sums)
    if n == 0:
        raise AnalysisError("no_data", "There is no rating.")
    if k < 2:  # noqa: PLR2004 - a variance needs two
        raise AnalysisError("single_respondent_stratum", "One citizen has no variance.")
    # Exact integers: at high satisfaction the three terms cancel almost completely.
    squares = sums.yy * n * n - 2 * y * sums.ym * n + y * y * sums.mm
    return DesignMean(y / n, math.sqrt(k / (k - 1) * (squares / n**4)), k - 1, n)


def _check(sums: CitizenSums) -> None:
    """Refuse sums that are impossible together."""
    k, m, y, yy, ym, mm = (whole(value, "a sum over citizens") for value in astuple(sums))
    ordered = y <= yy <= ym <= mm and y <= m <= mm
    # The Cauchy-Schwarz inequality, three times.
    if not ordered or m * m > k * mm or y * y > k * yy or ym * ym > yy * mm:
        raise AnalysisError("invalid_counts", f"No citizens have these sums: {sums}.")


def _mean(d: DesignMean, _n_eff: float, t: float, _tail: float) -> Limits:
    return d.estimate - t * d.se, d.estimate + t * d.se


def _logit(d: DesignMean, _n_eff: float, t: float, _tail: float) -> Limits:
    centre, half = logit(d.estimate), t * d.se / (d.estimate * (1 - d.estimate))
    return float(expit(centre - half)), float(expit(centre + half))


def _arcsine(d: DesignMean, _n_eff: float, t: float, _tail: float) -> Limits:
    centre = math.asin(math.sqrt(d.estimate))
    half = t * d.se / (2 * math.sqrt(d.estimate * (1 - d.estimate)))
    return math.sin(centre - half) ** 2, math.sin(centre + half) ** 2


def _beta(d: DesignMean, n_eff: float, t: float, tail: float) -> Limits:
    size = n_eff * _t_ratio(d, t, tail)
    y, rest = size * d.estimate, size * (1 - d.estimate)
    low, high = beta_limits(y, rest, tail)
    return float(low), float(high)


def _wilson(d: DesignMean, n_eff: float, t: float, tail: float) -> Limits:
    size = n_eff * _t_ratio(d, t, tail)
    low, high = score_limits(d.estimate, size, float(ndtri(tail)))
    return float(low), float(high)


def _likelihood(d: DesignMean, n_eff: float, t: float, _tail: float) -> Limits:
    p = d.estimate

    def inside(x: float) -> bool:
        distance = p * math.log(p / x) + (1 - p) * math.log((1 - p) / (1 - x))
        return 2 * n_eff * distance <= t * t

    return _boundary(inside, p, 0.0), _boundary(inside, p, 1.0)


def _boundary(inside: Callable[[float], bool], kept: float, dropped: float) -> float:
    """Return the boundary between a point inside and one outside, by bisection."""
    while (middle := (kept + dropped) / 2) not in {kept, dropped}:
        kept, dropped = (middle, dropped) if inside(middle) else (kept, middle)
    return kept


def _t_ratio(d: DesignMean, t: float, tail: float) -> float:
    """Return (t_{n-1}/t_df)^2, Korn and Graubard's correction for few degrees of freedom."""
    return float(stdtrit(whole(d.n - 1, "n - 1"), tail) / t) ** 2


_METHODS: dict[str, Callable[[DesignMean, float, float, float], Limits]] = {
    "mean": _mean,
    "logit": _logit,
    "xlogit": _logit,
    "asin": _arcsine,
    "beta": _beta,
    "likelihood": _likelihood,
    "wilson_neff": _wilson,
}


def design_interval(
    design: DesignMean, method: str, confidence: float, df: float | None = None
) -> tuple[float | None, float | None]:
    """Return R's ``svyciprop`` limits by name, or None twice where R has none (index 0 or 1).

    `method`: mean (may exceed [0, 1]), logit = xlogit, asin (folds back beyond the end points),
    beta (Korn-Graubard, n_eff not capped at n), likelihood (exact root; R's profile is 3e-5
    from it), wilson_neff. `df` replaces the design's own (inf: normal). A census is a point.
    Raises AnalysisError (``invalid_method``, ``invalid_confidence``, ``no_degrees_of_freedom``).

    References
    ----------
    Korn, E. L. & Graubard, B. I. (1998). Confidence intervals for proportions with small
    expected number of positive counts. Survey Methodology 24, 193-201.

    Examples
    --------
    >>> d = stratified([377, 12, 131, 8], [410, 22, 150, 18], [1200, 90, 800, 110])
    >>> [round(limit, 4) for limit in design_interval(d, "xlogit", 0.95)]
    [0.8368, 0.8867]
    """
    if method not in _METHODS:
        raise AnalysisError("invalid_method", f"Unknown method {method!r}.")
    tail = (1 - level(confidence)) / 2
    freedom = design.df if df is None else df
    extreme = design.estimate in {0.0, 1.0}
    if design.se == 0 and (method == "mean" or not extreme):
        return design.estimate, design.estimate
    if extreme:
        return None, None
    if freedom <= 0:
        raise AnalysisError("no_degrees_of_freedom", "As many strata as ratings.")
    t = -float(stdtrit(freedom, tail) if math.isfinite(freedom) else ndtri(tail))
    n_eff = design.estimate * (1 - design.estimate) / design.se**2
    return _METHODS[method](design, n_eff, t, tail)
