"""What must hold for any counts: bounds, order, limits, symmetry."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis import (
    CountInterval,
    clopper_pearson,
    exact_verdict,
    floor_verdict,
    hypergeometric,
    intervals,
    jeffreys,
    missing_bounds,
    needed_ratings,
    wilson,
    wilson_fpc,
)
from analysis.anytime import confidence_sequence
from analysis.compare import adjust, two_sample
from analysis.design import design_interval, stratified
from analysis.headline import headline_lines, headline_verdicts
from analysis.poststratify import collapse_lines, guarded_lines

levels = st.sampled_from([0.8, 0.9, 0.95, 0.99])
FINITE = [wilson_fpc, hypergeometric, confidence_sequence]
ENDLESS = [wilson, clopper_pearson, jeffreys]


@st.composite
def counts(draw, largest=400):
    """Draw (y, n, N) with 0 <= y <= n <= N."""
    N = draw(st.integers(1, largest))
    n = draw(st.integers(0, N))
    return draw(st.integers(0, n)), n, N


@st.composite
def strata(draw, most=6):
    """Draw columns y, n, N of one to `most` strata, each with at least one rating."""
    rows = []
    for _ in range(draw(st.integers(1, most))):
        N = draw(st.integers(1, 300))
        n = draw(st.integers(1, N))
        rows.append((draw(st.integers(0, n)), n, N))
    return tuple(map(list, zip(*rows, strict=True)))


@given(counts(), levels)
@example((1, 20, 21), 0.8)
@settings(max_examples=80)
def test_bounds_hold_the_index_and_stay_inside_zero_and_one(drawn, confidence):
    """0 <= low <= index <= high <= 1 for every method, to the whole dossier where counts are exact;
    without ratings no index and [0, 1].
    """
    y, n, N = drawn
    found = [f(y, n, N, confidence) for f in FINITE] + [f(y, n, confidence) for f in ENDLESS]
    for interval in found:
        if n == 0:
            assert interval.estimate is None
            assert (interval.low, interval.high, interval.status) == (0.0, 1.0, "no_data")
        elif isinstance(interval, CountInterval):
            assert 0 <= interval.count_low <= -(-N * y // n)
            assert N * y // n <= interval.count_high <= N
        else:
            assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


@given(counts(), levels)
@settings(max_examples=60)
def test_more_satisfied_never_lowers_a_bound(drawn, confidence):
    """Bounds are monotone in y."""
    y, n, N = drawn
    if y < n:
        for function in FINITE[:2]:
            less, more = function(y, n, N, confidence), function(y + 1, n, N, confidence)
            assert less.low <= more.low
            assert less.high <= more.high


@given(counts(), levels)
@settings(max_examples=60)
def test_a_census_is_a_point_and_before_it_bounds_stay_possible(drawn, confidence):
    """At n = N the interval is the index itself; exact bounds never leave what is possible."""
    y, n, N = drawn
    if n:
        for function in FINITE:
            point = function(y, n, n, confidence)
            assert point.low == point.high == point.estimate == y / n
    low, high = missing_bounds(y, n, N)
    for function in FINITE[1:]:
        interval = function(y, n, N, confidence)
        assert low - 1e-12 <= interval.low or n == 0
        assert interval.high <= high + 1e-12 or n == 0


@given(st.integers(1, 50), st.integers(2, 40), levels)
@settings(max_examples=40)
def test_the_interval_shrinks_as_the_census_comes_near(satisfied, times, confidence):
    """With the same index, each further rating of the same N dossiers narrows Wilson's interval."""
    n = 60
    y, N = min(satisfied, n), n * times
    widths = []
    for k in range(1, times + 1):
        interval = wilson_fpc(y * k, n * k, N, confidence)
        widths.append(interval.high - interval.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == 0


@given(counts(largest=40), st.sampled_from([0.8, 0.9, 0.95]))
@settings(max_examples=60)
def test_exact_bounds_equal_full_enumeration(drawn, confidence):
    """Hypergeometric bounds are the first and last counts that rational arithmetic keeps."""
    y, n, N = drawn
    tail = Fraction(round((1 - confidence) / 2, 12)).limit_denominator(10**6)
    kept = []
    for M in range(y, y + N - n + 1):
        ways = [
            math.comb(M, x) * math.comb(N - M, n - x) if n - x <= N - M else 0 for x in range(n + 1)
        ]
        lower, upper = sum(ways[: y + 1]), sum(ways[y:])
        if min(lower, upper) >= tail * math.comb(N, n):
            kept.append(M)
    found = hypergeometric(y, n, N, confidence)
    assert n == 0 or (found.count_low, found.count_high) == (kept[0], kept[-1])


@given(st.lists(counts(), min_size=1, max_size=8), levels)
@settings(max_examples=40)
def test_arrays_give_what_scalars_give(cells, confidence):
    """Intervals of many cells or lines at once equal those of each alone."""
    y, n, N = (np.array(column) for column in zip(*cells, strict=True))
    lines = headline_lines(y[:, None], n[:, None], N[:, None], [0], confidence)
    exact = intervals.clopper_pearson_many(y, n, confidence)
    for many, one in [
        (lines, [wilson_fpc(*c, confidence) for c in cells]),
        (exact, [clopper_pearson(a, b, confidence) for a, b, _ in cells]),
    ]:
        assert many.low.tolist() == [i.low for i in one]
        assert many.high.tolist() == [i.high for i in one]
        estimates = [math.nan if i.estimate is None else i.estimate for i in one]
        assert np.array_equal(many.estimate, estimates, equal_nan=True)


@given(counts(), st.integers(0, 20), levels)
@settings(max_examples=100)
def test_a_verdict_never_contradicts_what_is_certain(drawn, twentieths, confidence):
    """Secured is never "not met", lost never "met"; the needed ratings lie between n and N."""
    y, n, N = drawn
    lines = headline_verdicts([[y]], [[n]], [[N]], [0], (twentieths, 20), confidence)
    needed = None if np.isnan(lines.needed_n[0]) else lines.needed_n[0]
    exact = exact_verdict(y, n, N, (twentieths, 20), confidence)
    for found, enough, more in (
        (lines, needed, lines.additional_n[0]),
        (exact, exact.needed_n, exact.additional_n),
    ):
        assert not (found.secured and found.lost)
        assert not (found.secured and found.verdict == "not_met")
        assert not (found.lost and found.verdict == "met")
        assert (enough is not None) == (n > 0 and found.verdict == "uncertain")
        if enough is not None:
            assert n <= enough <= N
            assert more == enough - n


@given(counts(), st.integers(0, 20), levels)
@settings(max_examples=60)
def test_a_line_of_one_cell_is_judged_as_a_single_index(drawn, twentieths, confidence):
    """The report's bounds on one cell are Wilson's one-sided ones, and its needed ratings those of
    their inversion.
    """
    y, n, N = drawn
    target = twentieths, 20
    lines = headline_verdicts([[y, 0]], [[n, 0]], [[N, 0]], [[0, 1]], target, confidence)
    plain = wilson_fpc(y, n, N, 2 * confidence - 1)
    assert lines.low[0] == pytest.approx(plain.low, abs=1e-12)
    assert lines.high[0] == pytest.approx(plain.high, abs=1e-12)
    if not np.isnan(lines.needed_n[0]):
        assert lines.needed_n[0] == needed_ratings(y, n, N, target, confidence)


@given(st.integers(2, 300), st.integers(0, 100), st.integers(51, 99), levels)
@settings(max_examples=60)
def test_needed_ratings_are_the_fewest_that_decide(n, percent, target, confidence):
    """At the needed number the one-sided bound clears the target, one rating before not."""
    N, y = 5000, round(n * percent / 100)
    needed = needed_ratings(y, n, N, (target, 100), confidence)
    if needed not in {n, N}:
        z = intervals.normal_quantile(confidence, one_sided=True)

        def clears(m):
            low, high = intervals.score_limits(y / n, intervals.fpc_size(m, N), z)
            return low >= target / 100 if y * 100 > target * n else high < target / 100

        assert clears(needed)
        assert not clears(needed - 1)


@given(counts(), st.integers(0, 400), levels)
@settings(max_examples=60)
def test_a_floor_verdict_follows_the_counts(drawn, late, confidence):
    """Late dossiers fail exactly from 5 % on, and a late agency is never ranked good."""
    y, n, N = drawn
    found = floor_verdict(y, n, N, min(late, N), confidence)
    assert found.late_fail == (min(late, N) * 20 >= N)
    assert found.can_rank_good == "no" or not found.late_fail


@given(strata(), levels, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_strata_does_not_matter(columns, confidence, random):
    """Shuffled strata give the same guarded index and interval."""
    order = list(range(len(columns[0])))
    random.shuffle(order)
    first = guarded_lines(*[[column] for column in columns], confidence)
    second = guarded_lines(*[[[column[k] for k in order]] for column in columns], confidence)
    assert first.rule == second.rule
    for name in ("estimate", "low", "high"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), abs=1e-12)


@given(strata(), levels)
@settings(max_examples=60)
def test_the_guarded_interval_holds_the_index(columns, confidence):
    """0 <= low <= index <= high <= 1, and a point exactly when every stratum is complete."""
    found = guarded_lines(*[[column] for column in columns], confidence)
    assert 0 <= found.low <= found.estimate + 1e-12
    assert found.estimate - 1e-12 <= found.high <= 1
    complete = columns[1] == columns[2]
    assert (found.high - found.low < 1e-12) == complete


@given(strata(), st.integers(2, 9))
@settings(max_examples=60)
def test_multiplying_all_weights_changes_nothing(columns, factor):
    """Without fpc only the shares of the strata count, not their sizes."""
    y, n, N = columns
    first = stratified(y, n, N, fpc=False, lonely="adjust")
    second = stratified(y, n, [factor * size for size in N], fpc=False, lonely="adjust")
    assert first.estimate == pytest.approx(second.estimate, abs=1e-12)
    assert first.se == pytest.approx(second.se, abs=1e-12)


@given(strata(), levels)
@settings(max_examples=60)
def test_logit_intervals_are_defined_or_refused(columns, confidence):
    """R's logit limits lie around the index inside [0, 1], or are None at 0 % and 100 %."""
    design = stratified(*columns, lonely="certainty")
    if design.df > 0:
        low, high = design_interval(design, "xlogit", confidence)
        if low is None:
            assert design.estimate in {0.0, 1.0}
        else:
            assert 0 <= low <= design.estimate + 1e-12
            assert design.estimate - 1e-12 <= high <= 1


@given(st.lists(st.tuples(counts(80), st.integers(0, 1)), min_size=1, max_size=7))
@settings(max_examples=80)
def test_collapsing_keeps_every_dossier_and_leaves_no_thin_cell(drawn):
    """Merged cells hold the same dossiers, and none is thin unless it is the only one."""
    columns = [[[row[0][place] for row in drawn]] for place in range(3)]
    columns.append([[late for _, late in drawn]])
    merged = collapse_lines(*columns)
    for before, after in zip(columns, (merged.y, merged.n, merged.N), strict=False):
        owned = np.bincount(merged.owner[0], weights=before[0], minlength=len(drawn))
        assert owned.tolist() == after[0].tolist()
    alive = merged.N[0] > 0
    n, N = merged.n[0][alive], merged.N[0][alive]
    assert len(n) == 1 or ((n == N) | (n >= 2)).all()
    assert 0 <= headline_lines(*columns, 0.95).low[0] <= 1


@given(st.lists(st.none() | st.floats(0, 1), max_size=12), st.sampled_from(["holm", "BH"]))
@settings(max_examples=60)
def test_adjusted_p_values_keep_order_and_never_shrink(p_values, method):
    """Adjusting keeps nulls, keeps the order and never makes a p-value smaller."""
    found = adjust(p_values, method, 0.05).adjusted
    pairs = [(p, q) for p, q in zip(p_values, found, strict=True) if p is not None]
    assert [p is None for p in p_values] == [q is None for q in found]
    assert all(p <= q + 1e-12 and q <= 1 for p, q in pairs)
    ordered = [q for _, q in sorted(pairs)]
    assert ordered == sorted(ordered)


@given(counts(60), counts(60), levels)
@settings(max_examples=60)
def test_swapping_two_samples_turns_the_difference_round(first, second, confidence):
    """The difference b - a is the mirror image of a - b with the same p-values."""
    forth = two_sample(*first[:2], *second[:2], confidence)
    back = two_sample(*second[:2], *first[:2], confidence)
    assert forth.low == pytest.approx(-back.high)
    assert forth.p_value_score == pytest.approx(back.p_value_score)
    assert forth.p_value_fisher == pytest.approx(back.p_value_fisher)
    assert forth.estimate is None or forth.low <= forth.estimate <= forth.high
