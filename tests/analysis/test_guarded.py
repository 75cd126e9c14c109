"""What must hold for the guarded interval, the platform's default, of any line of cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.headline import headline_lines
from analysis.poststratify import collapse_lines, guarded_lines

LATE = [0, 0, 1, 1]
LINES = 20_000
levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@st.composite
def shares(draw, most=5):
    """Draw columns y, n of one to `most` cells, each with at least one rating."""
    n = draw(st.lists(st.integers(1, 80), min_size=1, max_size=most))
    return [draw(st.integers(0, rated)) for rated in n], n


def _row(column, times=1):
    return times * np.array([column])


def _bounds(found):
    return np.stack([found.low, found.high])


def _random_lines(seed):
    """Return y, n, N of random lines, a few cells of each thin, most citizens satisfied."""
    rng = np.random.default_rng(seed)
    N = rng.integers(1, 120, (LINES, len(LATE)))
    n = np.floor(N * rng.random(N.shape) ** 1.3).astype(int)
    return rng.binomial(n, rng.beta(6, 1, N.shape)), n, N, rng


@given(shares(), levels, st.integers(2, 30))
@settings(max_examples=80, derandomize=True)
def test_answers_of_equal_shares_shrink_the_interval_to_a_point(drawn, confidence, times):
    """Each further part of the dossiers that answers alike narrows it; at n = N it is the index."""
    y, n = drawn
    N = _row(n, times)
    found = [
        guarded_lines(_row(y, k), _row(n, k), N, confidence) for k in (1, times // 2 + 1, times)
    ]
    widths = [float(one.high[0] - one.low[0]) for one in found]
    assert widths[0] >= widths[1] - 1e-12
    assert widths[1] >= widths[2] - 1e-12
    assert widths[2] == pytest.approx(0, abs=1e-12)
    assert float(found[2].low[0]) == pytest.approx(sum(y) / sum(n))


@given(shares(), levels)
@settings(max_examples=60, derandomize=True)
def test_one_silent_dossier_a_cell_matters_ever_less(drawn, confidence):
    """With all but one of many dossiers answered in each cell, hardly any width is left."""
    y, n = drawn
    for times, width in ((100, 0.06), (10_000, 0.0006)):
        N = _row(n, times) + 1
        found = guarded_lines(_row(y, times), _row(n, times), N, confidence)
        assert float(found.high[0] - found.low[0]) <= width


@given(shares(), levels, st.randoms(use_true_random=False))
@settings(max_examples=60, derandomize=True)
def test_the_order_of_cells_changes_no_bound(drawn, confidence, random):
    """Lines with their cells shuffled have the same index and interval."""
    y, n = drawn
    order = list(range(len(n)))
    random.shuffle(order)
    columns = [_row(y), _row(n), _row(n, 3) + 7]
    straight = guarded_lines(*columns, confidence)
    shuffled = guarded_lines(*[column[:, order] for column in columns], confidence)
    np.testing.assert_allclose(_bounds(straight), _bounds(shuffled), atol=1e-12)


@given(shares(), levels)
@settings(max_examples=60, derandomize=True)
def test_doubled_weights_change_nothing_but_the_share_still_silent(drawn, confidence):
    """Cells count by their part of the dossiers: beyond so many that the correction vanishes, twice
    as many dossiers in each give the same interval.
    """
    y, n = drawn
    N = _row(n, 10**9)
    once, twice = (guarded_lines(_row(y), _row(n), k * N, confidence) for k in (1, 2))
    np.testing.assert_allclose(once.estimate, twice.estimate, atol=1e-12)
    np.testing.assert_allclose(_bounds(once), _bounds(twice), atol=1e-7)


def test_one_more_satisfied_answer_seldom_lowers_a_bound():
    """As the docstring of `guarded_lines` says: the index always rises; a bound falls in fewer than
    0.3 % of random lines, never by 0.05, and in none whose cells all have ten ratings.
    """
    y, n, N, rng = _random_lines(48)
    line, cell = np.arange(LINES), rng.integers(0, len(LATE), LINES)
    room = y[line, cell] < n[line, cell]
    more = y.copy()
    more[line, cell] += room
    before, after = (headline_lines(column, n, N, LATE, 0.95) for column in (y, more))
    assert (after.estimate[room] > before.estimate[room]).all()
    step = (_bounds(after) - _bounds(before)).min(axis=0)[room]
    fell, thick = step < -1e-12, (n >= 10).all(axis=1)[room]
    assert fell.mean() < 0.003
    assert step.min() > -0.05
    assert thick.sum() > 1000
    assert not fell[thick].any()


def test_twice_the_answers_widen_the_interval_only_where_fewer_cells_are_merged():
    """Of the same merged cells, twice the answers at the same shares never widen the interval; less
    merging does in fewer than 3 % of random lines.
    """
    y, n, N, _ = _random_lines(49)
    once, twice = (headline_lines(k * y, k * n, N + n, LATE, 0.95) for k in (1, 2))
    wider = np.diff(_bounds(twice), axis=0)[0] - np.diff(_bounds(once), axis=0)[0] > 1e-12
    alive = [collapse_lines(k * y, k * n, N + n, LATE).N > 0 for k in (1, 2)]
    same = (alive[0] == alive[1]).all(axis=1)
    assert same.mean() > 0.5
    assert not wider[same].any()
    assert wider.mean() < 0.03
