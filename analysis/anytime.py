"""A confidence sequence (any-time interval): bounds that hold at every sample size at once.

Live pages use it before a period closes. The intervals of `analysis.intervals` are valid at a
single look only: read after every rating, they are wrong in 60 % of the cases instead of 10 %.
"""

from analysis import exact
from analysis.counts import finite_counts, level
from analysis.intervals import CountInterval, Status, finite_se


def confidence_sequence(y: int, n: int, N: int, confidence: float) -> CountInterval:
    """Return bounds for the share satisfied among all N that hold at every n at once.

    The set of all counts M with prior(M)/posterior(M) < 1/alpha under a uniform prior, that is
    (n + 1) P(y | n, M, N) > alpha. It is wider than an interval for a single look.
    Assumes that ratings arrive as if drawn at random without replacement. Raises
    AnalysisError (``invalid_counts``, ``invalid_confidence``).

    References
    ----------
    Waudby-Smith, I. & Ramdas, A. (2020). Confidence sequences for sampling without
    replacement. NeurIPS 33.

    Examples
    --------
    >>> c = confidence_sequence(90, 100, 2000, 0.95)
    >>> round(c.low, 3), round(c.high, 3)
    (0.775, 0.97)
    """
    y, n, N = finite_counts(y, n, N)
    limit = (1 - level(confidence)) / (n + 1)
    if n == 0:
        return CountInterval(None, 0.0, 1.0, None, "no_data", 0, N)
    likeliest = min(max(y * (N + 1) // n, y), y + N - n)
    low = _edge(y, n, N, likeliest, y, limit)
    high = _edge(y, n, N, likeliest, y + N - n, limit)
    status: Status = "census" if n == N else "ok"
    return CountInterval(y / n, low / N, high / N, finite_se(y, n, N), status, low, high)


def _edge(y: int, n: int, N: int, kept: int, far: int, limit: float) -> int:
    """Return the last count inside the set, by bisection between `kept` (inside) and `far`."""
    if exact.pmf(y, n, far, N) > limit:
        return far
    while abs(far - kept) > 1:
        middle = (kept + far) // 2
        if exact.pmf(y, n, middle, N) > limit:
            kept = middle
        else:
            far = middle
    return kept
