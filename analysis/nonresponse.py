"""Non-response: response rates, worst-case (Manski) bounds and R-indicator beside each index.

No confidence interval covers non-response, because citizens choose whether to rate; so these bounds
are printed next to every figure.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.counts import FloatArray, count_arrays, finite_counts


@dataclass(frozen=True, slots=True)
class Nonresponse:
    """Measures of one report line; fractions, None where undefined.

    `shift` is adjusted minus raw index; `cv_response` the coefficient of variation of the
    response rates; `worst_weight_ratio` the largest (N_h/n_h)/(N/n), to warn above 3.
    """

    response_rate: float | None
    raw_index: float | None
    adjusted_index: float | None
    shift: float | None
    r_indicator: float | None
    cv_response: float | None
    missing_low: float
    missing_high: float
    worst_weight_ratio: float | None


def response_rate(n: int, N: int) -> float | None:
    """Return n/N, or None when no dossier was finished.

    Raises AnalysisError (``invalid_counts``). Source: AAPOR, Standard Definitions, response rate 1:
    all non-respondents count.

    Examples
    --------
    >>> response_rate(30, 120), response_rate(0, 0)
    (0.25, None)
    """
    _, n, N = finite_counts(0, n, N)
    return n / N if N else None


def missing_bounds(y: int, n: int, N: int) -> tuple[float, float]:
    """Return the worst-case (Manski) bounds of the share satisfied.

    y/N if all non-respondents were dissatisfied, (y+N-n)/N if all were satisfied; (0, 1) when no
    dossier was finished.

    Raises AnalysisError (``invalid_counts``).

    References
    ----------
    Manski, C. F. (2003). Partial Identification of Probability Distributions.

    Examples
    --------
    >>> missing_bounds(27, 30, 100)
    (0.27, 0.97)
    """
    y, n, N = finite_counts(y, n, N)
    return (y / N, (y + N - n) / N) if N else (0.0, 1.0)


def nonresponse(y: ArrayLike, n: ArrayLike, N: ArrayLike) -> Nonresponse:
    """Measure non-response over strata: arrays y, n, N of shape (H,), one entry per stratum.

    R = 1 - 2 sd(rho) over all dossiers with rho = n_h/N_h (divisor N - 1); 1 means that all
    strata have the same response rate. It is comparable only between reports on the same strata.
    The adjusted index needs an answer in every stratum. Raises AnalysisError (``invalid_counts``).

    References
    ----------
    Schouten, B., Cobben, F. & Bethlehem, J. (2009). Indicators for the representativeness
    of survey response. Survey Methodology 35, 101-113.

    Examples
    --------
    >>> m = nonresponse([510, 1], [540, 5], [900, 100])
    >>> round(m.adjusted_index, 2), round(m.r_indicator, 3), round(m.worst_weight_ratio, 1)
    (0.87, 0.67, 10.9)
    """
    ys, ns, Ns = (np.atleast_1d(column) for column in count_arrays(y, n, N))
    # A stratum without dossiers has no response rate and weight 0.
    ys, ns, Ns = (column[Ns > 0] for column in (ys, ns, Ns))
    satisfied, rated, finished = int(ys.sum()), int(ns.sum()), int(Ns.sum())
    low, high = missing_bounds(satisfied, rated, finished)
    raw = satisfied / rated if rated else None
    adjusted = ratio = None
    if rated and (ns > 0).all():
        adjusted = float((Ns * ys / ns).sum() / finished)
        ratio = float((Ns / ns).max() * rated / finished)
    indicator, variation = _response_spread(ns, Ns)
    return Nonresponse(
        response_rate=response_rate(rated, finished),
        raw_index=raw,
        adjusted_index=adjusted,
        shift=None if raw is None or adjusted is None else adjusted - raw,
        r_indicator=indicator,
        cv_response=variation,
        missing_low=low,
        missing_high=high,
        worst_weight_ratio=ratio,
    )


def _response_spread(n: FloatArray, N: FloatArray) -> tuple[float | None, float | None]:
    """Return the R-indicator and the coefficient of variation of response rates n/N."""
    finished, rated = float(N.sum()), float(n.sum())
    if finished <= 1:
        return None, None
    rate = rated / finished
    squares = float((N * (n / N - rate) ** 2).sum())
    indicator = 1 - 2 * math.sqrt(squares / (finished - 1))
    return indicator, math.sqrt(squares / finished) / rate if rated else None
