"""Validation of counts, shares and confidence levels, shared by all modules of the package.

Notation of the whole package: N finished dossiers, n of them rated, y of these rated 4 or 5.
"""

import math
import operator
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

FloatArray = NDArray[np.float64]


def whole(value: Any, name: str) -> int:  # noqa: ANN401 - judges any object
    """Return `value` as an int; refuse anything that is not a whole number >= 0.

    Raises
    ------
    AnalysisError
        ``invalid_counts`` when the value is negative, fractional or no number.

    Examples
    --------
    >>> whole(3.0, "n")
    3
    """
    try:
        number = operator.index(value)
    except TypeError:
        if not isinstance(value, (float, np.floating)) or not float(value).is_integer():
            message = f"{name} must be a whole number, not {value!r}."
            raise AnalysisError("invalid_counts", message) from None
        number = int(value)
    if number < 0:
        raise AnalysisError("invalid_counts", f"{name} must not be negative: {number}.")
    return number


def simple_counts(y: int, n: int) -> tuple[int, int]:
    """Return y and n as ints with 0 <= y <= n. Raises AnalysisError (``invalid_counts``).

    Examples
    --------
    >>> simple_counts(27, 30)
    (27, 30)
    """
    y, n = whole(y, "y"), whole(n, "n")
    if y > n:
        raise AnalysisError("invalid_counts", f"y={y} satisfied of n={n} rated is impossible.")
    return y, n


def finite_counts(y: int, n: int, N: int) -> tuple[int, int, int]:
    """Return y, n and N as ints, 0 <= y <= n <= N. Raises AnalysisError (``invalid_counts``).

    Examples
    --------
    >>> finite_counts(27, 30, 100)
    (27, 30, 100)
    """
    y, n = simple_counts(y, n)
    N = whole(N, "N")
    if n > N:
        raise AnalysisError("invalid_counts", f"n={n} rated of N={N} finished is impossible.")
    return y, n, N


def count_arrays(*columns: ArrayLike) -> tuple[FloatArray, ...]:
    """Return count columns y, n[, N] as float arrays of one shape, each at most the next.

    Raises
    ------
    AnalysisError
        ``invalid_counts`` when a value is negative, fractional, not finite, or larger than
        its neighbour to the right.

    Examples
    --------
    >>> [column.tolist() for column in count_arrays([1, 2], 3)]
    [[1.0, 2.0], [3.0, 3.0]]
    """
    try:
        arrays = np.broadcast_arrays(*[np.asarray(c, dtype=np.float64) for c in columns])
    except (TypeError, ValueError) as error:
        raise AnalysisError("invalid_counts", f"Counts do not fit together: {error}.") from None
    for small, large in zip(arrays, [*arrays[1:], None], strict=True):
        if not np.isfinite(small).all() or (small < 0).any() or (small != np.floor(small)).any():
            raise AnalysisError("invalid_counts", "Counts must be whole numbers >= 0.")
        if large is not None and (small > large).any():
            raise AnalysisError("invalid_counts", "Counts must satisfy y <= n <= N.")
    return tuple(arrays)


def finite(value: Any, name: str) -> float:  # noqa: ANN401 - judges any object
    """Return a finite number as a float. Raises AnalysisError (``invalid_number``).

    Examples
    --------
    >>> finite(12, "deadline")
    12.0
    """
    if not isinstance(value, Real) or not math.isfinite(value):
        raise AnalysisError("invalid_number", f"{name} must be a finite number, not {value!r}.")
    return float(value)


def _inside(value: Any) -> bool:  # noqa: ANN401 - judges any object
    """Return whether something is a number strictly between 0 and 1."""
    try:
        return bool(0.0 < value < 1.0)
    except (TypeError, ValueError):
        return False


def level(confidence: float) -> float:
    """Return the confidence level if it lies strictly between 0 and 1, else refuse.

    Raises
    ------
    AnalysisError
        ``invalid_confidence``.

    Examples
    --------
    >>> level(0.95)
    0.95
    """
    if not _inside(confidence):
        message = f"confidence must lie between 0 and 1, not {confidence!r}."
        raise AnalysisError("invalid_confidence", message)
    return float(confidence)


def one_sided_level(confidence: float) -> float:
    """Return a one-sided confidence level if it exceeds one half, else refuse.

    Raises
    ------
    AnalysisError
        ``invalid_confidence``: a bound at less than even chances decides nothing.

    Examples
    --------
    >>> one_sided_level(0.95)
    0.95
    """
    if level(confidence) <= 0.5:  # noqa: PLR2004 - even chances
        raise AnalysisError("invalid_confidence", "One-sided confidence must exceed one half.")
    return float(confidence)


def share(value: float, name: str) -> float:
    """Return `value` if it lies strictly between 0 and 1.

    Raises AnalysisError (``invalid_share``).

    Examples
    --------
    >>> share(0.85, "target")
    0.85
    """
    if not _inside(value):
        raise AnalysisError("invalid_share", f"{name} must lie between 0 and 1, not {value!r}.")
    return float(value)
