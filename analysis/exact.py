"""Exact hypergeometric probabilities and bounds for one cell, in floating point.

Loader's saddle-point form has full precision up to populations of billions, where differences of
log-gamma lose five digits, and needs no import of scipy.stats.
"""

import math

# A tail probability equal to the level, within this tolerance, is not rejected.
TIE = 1e-12
_STIRLING = tuple(
    math.lgamma(k + 1) - (k + 0.5) * math.log(k) + k - 0.5 * math.log(2 * math.pi) if k else 0.0
    for k in range(16)
)


def _stirling_error(k: int) -> float:
    """Return log(k!) minus its Stirling approximation."""
    if k < len(_STIRLING):
        return _STIRLING[k]
    s = 1.0 / (k * k)
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / k


def _deviance(x: float, mean: float) -> float:
    """Return x log(x/mean) + mean - x without cancellation near x = mean."""
    v = (x - mean) / (x + mean)
    if abs(v) >= 0.1:  # noqa: PLR2004 - beyond it the plain form is accurate
        return x * math.log(x / mean) + mean - x
    total, term, j = (x - mean) * v, 2 * x * v, 1
    while True:
        term *= v * v
        step = term / (2 * j + 1)
        if total + step == total:
            return total
        total, j = total + step, j + 1


def _log_binomial(x: int, size: int, p: float) -> float:
    """Return log P(X = x) for X ~ Binomial(size, p), 0 < p < 1."""
    if x == 0:
        return size * math.log1p(-p)
    if x == size:
        return size * math.log(p)
    rest = size - x
    correction = _stirling_error(size) - _stirling_error(x) - _stirling_error(rest)
    deviance = _deviance(x, size * p) + _deviance(rest, size * (1 - p))
    return correction - deviance + 0.5 * math.log(size / (2 * math.pi * x * rest))


def pmf(x: int, n: int, M: int, N: int) -> float:
    """Return P(X = x): x satisfied among n drawn from N dossiers of which M are satisfied.

    No AnalysisError: the counts are checked before, 0 <= M, n <= N.

    References
    ----------
    Loader, C. (2000). Fast and accurate computation of binomial probabilities.

    Examples
    --------
    >>> round(pmf(1, 2, 2, 4), 12)
    0.666666666667
    """
    if x < max(0, n - (N - M)) or x > min(n, M):
        return 0.0
    if n in (0, N) or M in (0, N):
        return 1.0
    p = n / N
    log_ratio = _log_binomial(x, M, p) + _log_binomial(n - x, N - M, p) - _log_binomial(n, N, p)
    return math.exp(log_ratio)


def lower_tail(x: int, n: int, M: int, N: int) -> float:
    """Return P(X <= x), summed on the side of the mode with fewer relevant terms.

    No AnalysisError: the counts are checked before. Source: as `pmf`.

    Examples
    --------
    >>> round(lower_tail(1, 2, 2, 4), 12)
    0.833333333333
    """
    if x < max(0, n - (N - M)):
        return 0.0
    if x >= min(n, M):
        return 1.0
    if x * N < n * M:
        return min(1.0, _sum_down(x, n, M, N))
    # Counting unsatisfied instead of satisfied turns the upper tail into a lower one.
    return max(0.0, 1.0 - _sum_down(n - x - 1, n, N - M, N))


def _sum_down(x: int, n: int, M: int, N: int) -> float:
    """Sum P(X = x), P(X = x - 1), ... until the terms are negligible."""
    term = total = pmf(x, n, M, N)
    while x > 0 and term > total * 1e-17:
        term *= x * (N - M - n + x) / ((n - x + 1) * (M - x + 1))
        total += term
        x -= 1
    return total


def probabilities(n: int, M: int, N: int) -> list[float]:
    """Return P(X = 0), ..., P(X = n).

    No AnalysisError: the counts are checked before. Source: as `pmf`.

    Examples
    --------
    >>> [round(p, 4) for p in probabilities(2, 2, 4)]
    [0.1667, 0.6667, 0.1667]
    """
    low, high = max(0, n - (N - M)), min(n, M)
    mode = min(max((n + 1) * (M + 1) // (N + 2), low), high)
    result = [0.0] * (n + 1)
    result[mode] = pmf(mode, n, M, N)
    for x in range(mode, low, -1):
        result[x - 1] = result[x] * x * (N - M - n + x) / ((n - x + 1) * (M - x + 1))
    for x in range(mode, high):
        result[x + 1] = result[x] * (n - x) * (M - x) / ((x + 1) * (N - M - n + x + 1))
    return result


def lowest_count(y: int, n: int, N: int, alpha: float) -> int:
    """Return the smallest population count M with P(X >= y | M) >= alpha.

    A tail equal to alpha (within 1e-12) is not rejected. Shapes: scalars, 0 <= y <= n <= N.

    No AnalysisError: the counts are checked before. Source: Buonaccorsi (1987), see
    `analysis.intervals.hypergeometric`.

    Examples
    --------
    >>> lowest_count(40, 40, 300, 0.025)
    276
    """
    if y == 0:
        return 0
    alpha = round(alpha, 12) - TIE

    def accepts(M: int) -> bool:
        return 1.0 - lower_tail(y - 1, n, M, N) >= alpha

    # Start from the normal approximation and widen: far fewer steps than bisecting 0..N.
    low, high = y, y + N - n
    p = y / n
    step = 1 + int(N * math.sqrt((p * (1 - p) + 1 / n) / n * (N - n) / N))
    guess = min(max(int(N * p) - 2 * step, low), high)
    if accepts(guess):
        while guess > low and accepts(max(guess - step, low)):
            guess = max(guess - step, low)
        low, high = max(guess - step, low), guess
    else:
        while not accepts(min(guess + step, high)):
            guess += step
        low, high = guess + 1, min(guess + step, high)
    while low < high:
        middle = (low + high) // 2
        if accepts(middle):
            high = middle
        else:
            low = middle + 1
    return low


def highest_count(y: int, n: int, N: int, alpha: float) -> int:
    """Return the largest population count M with P(X <= y | M) >= alpha.

    No AnalysisError: the counts are checked before. Source: as `lowest_count`.

    Examples
    --------
    >>> highest_count(0, 40, 300, 0.05)
    20
    """
    return N - lowest_count(n - y, n, N, alpha)
