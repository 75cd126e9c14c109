"""Double sampling for non-response (Hansen and Hurwitz): call a random sample of non-respondents.

Every finished dossier was invited, so only the second phase, the calls, has sampling error. Within
a stratum, called citizens who were not reached or refused are taken as missing at random: no
formula corrects for a hotline that reaches satisfied citizens more easily.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from analysis.counts import FloatArray, count_arrays, level
from analysis.design import stratified_se
from analysis.errors import AnalysisError
from analysis.intervals import beta_limits, hypergeometric
from analysis.poststratify import guarded_lines

Rule = Literal["hypergeometric", "beta_guarded", "census", "none_silent"]

# With fewer answered calls than this nothing is estimated.
FEWEST_CALLS = 30


@dataclass(frozen=True, slots=True)
class SilentStrata:
    """Results of the calls to non-respondents in each stratum, counts of one shape (H,).

    `n2` dossiers without an answer, `called` of them drawn by simple random sampling, `answered` of
    these rated, `y2` of these satisfied.
    """

    n2: ArrayLike
    called: ArrayLike
    answered: ArrayLike
    y2: ArrayLike


@dataclass(frozen=True, slots=True)
class SampledIndex:
    """An index with its standard error and limits, fractions 0..1; None where undefined.

    `se` follows the textbook; None where a stratum that is no census has one answer. The limits do
    not use it.
    """

    index: float | None
    se: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class DoubleSample:
    """The index of the non-respondents, that of all, and the rule used for the limits of both.

    Rules: hypergeometric where one stratum has non-respondents; beta_guarded where several have,
    Korn and Graubard's limits on the guarded n_eff of `analysis.poststratify.guarded_lines`,
    clipped to the possible range; census where all non-respondents answered the call, a point;
    none_silent.
    """

    silent: SampledIndex
    all: SampledIndex
    rule: Rule


_NOTHING = SampledIndex(None, None, None, None)


def double_sampling(
    n1: ArrayLike, y1: ArrayLike, strata: SilentStrata, confidence: float
) -> DoubleSample:
    """Estimate the index of non-respondents and of all from strata, counts of shape (H,).

    `n1` dossiers of each stratum whose citizen answered without a call, `y1` of them satisfied.
    Non-respondents: x = sum n2_h p_h / sum n2_h with p_h = y2/answered. All: the answers without a
    call are known, so the index and both limits are (Y1 + N2 x)/N; they never exceed the worst-case
    (Manski) bounds. The rules of the limits are described at `DoubleSample`.

    Raises AnalysisError: ``invalid_counts`` (also without a dossier), ``invalid_confidence``,
    ``too_few_calls`` (fewer than 30 answered in total), ``empty_stratum``, in this order.

    References
    ----------
    Hansen, M. H. & Hurwitz, W. N. (1946). The problem of non-response in sample surveys. JASA 41,
    517-529. Korn, E. L. & Graubard, B. I. (1998). Survey Methodology 24, 193-201. The beta limits
    on the guarded n_eff are ours.

    Examples
    --------
    >>> d = double_sampling(412, 371, SilentStrata(988, 60, 47, 33), 0.95)
    >>> round(d.silent.index, 4), round(d.all.index, 4), d.rule
    (0.7021, 0.7605, 'hypergeometric')
    """
    y2, answered, _, n2, y1, n1 = _checked(n1, y1, strata)
    level(confidence)
    finished, satisfied, silent = float((n1 + n2).sum()), float(y1.sum()), float(n2.sum())
    if silent == 0:
        known = satisfied / finished
        return DoubleSample(_NOTHING, SampledIndex(known, 0.0, known, known), "none_silent")
    y, n, N = (column[n2 > 0] for column in (y2, answered, n2))
    _check_calls(n)
    index, se = float((N * y / n).sum() / silent), stratified_se(y, n, N)
    low, high, rule = _limits(y, n, N, confidence)
    of_all = [(satisfied + silent * share) / finished for share in (index, low, high)]
    se_of_all = None if se is None else se * silent / finished
    everybody = SampledIndex(of_all[0], se_of_all, of_all[1], of_all[2])
    return DoubleSample(SampledIndex(index, se, low, high), everybody, rule)


def _check_calls(answered: FloatArray) -> None:
    """Refuse too few answered calls, then strata with non-respondents but no answered call."""
    if answered.sum() < FEWEST_CALLS:
        raise AnalysisError("too_few_calls", f"Fewer than {FEWEST_CALLS} of the silent answered.")
    if (answered == 0).any():
        raise AnalysisError("empty_stratum", "Nobody called in a stratum answered: merge first.")


def _checked(n1: ArrayLike, y1: ArrayLike, strata: SilentStrata) -> tuple[FloatArray, ...]:
    """Return y2, answered, called, n2, y1, n1 as arrays (H,), or refuse impossible counts."""
    silent = count_arrays(strata.y2, strata.answered, strata.called, strata.n2)
    spoken = count_arrays(y1, n1)
    columns = [np.atleast_1d(column) for column in (*silent, *spoken)]
    if len({column.shape for column in columns}) > 1 or columns[3].sum() + columns[5].sum() == 0:
        raise AnalysisError("invalid_counts", "Give strata of one shape that hold a dossier.")
    return tuple(columns)


def _limits(
    y: FloatArray, n: FloatArray, N: FloatArray, confidence: float
) -> tuple[float, float, Rule]:
    """Return the limits of the non-respondents' index, and the rule used."""
    rated, silent = float(n.sum()), float(N.sum())
    if rated == silent:
        share = float(y.sum() / silent)
        return share, share, "census"
    if N.size == 1:
        exact = hypergeometric(int(y[0]), int(n[0]), int(N[0]), confidence)
        return exact.low, exact.high, "hypergeometric"
    tail = (1 - confidence) / 2
    found = guarded_lines(y[np.newaxis], n[np.newaxis], N[np.newaxis], confidence)
    index = float(found.estimate[0])
    ratio = stdtrit(rated - 1, tail) / stdtrit(max(rated - N.size, 1.0), tail)
    size = float(found.n_eff[0] * ratio**2)
    # An index of 1 may come out a rounding error below it.
    rest = size * (1 - index) if y.sum() < rated else 0.0
    low, high = beta_limits(size * index, rest, tail)
    worst, best = float(y.sum()) / silent, float(y.sum() + silent - rated) / silent
    return max(float(low), worst), min(float(high), best), "beta_guarded"
