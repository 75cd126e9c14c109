"""Particular answers of the library that an analyst would check by hand."""

import math
import subprocess
import sys

import numpy as np
import pytest

from analysis import (
    AnalysisError,
    compare,
    design,
    exact_verdict,
    floor_verdict,
    headline,
    missing_bounds,
    nonresponse,
    plan,
    poststratify,
    rank,
    wilson_fpc,
)
from analysis.anytime import confidence_sequence
from analysis.exact import lower_tail, pmf, probabilities


def test_importing_the_package_stays_cheap():
    """Intervals and verdicts come without scipy.stats and scipy.optimize, which cost a second."""
    code = "import sys, analysis; print([m for m in sys.modules if m.startswith('scipy.')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scipy.special" in run.stdout
    assert "scipy.stats" not in run.stdout
    assert "scipy.optimize" not in run.stdout


def test_an_agency_without_dossiers_is_uncertain_and_fails_nothing():
    """No finished dossier: no index, no verdict, no failed floor, bounds 0 and 1."""
    line = headline.headline_verdicts([[0]], [[0]], [[0]], [[0]], (85, 100), 0.95)
    for found in (exact_verdict(0, 0, 0, (85, 100), 0.95), line):
        assert (found.verdict, found.low, found.high) == ("uncertain", 0.0, 1.0)
        assert not found.secured
        assert not found.lost
    floor = floor_verdict(0, 0, 0, 0, 0.95)
    assert (floor.late_share, floor.late_fail, floor.can_rank_good) == (None, False, "uncertain")
    assert missing_bounds(0, 0, 0) == (0.0, 1.0)


def test_a_target_of_exactly_the_index_is_met_at_a_census():
    """17 of 20 is exactly 85 %, whatever floating point thinks."""
    found = headline.headline_verdicts([[17], [16]], [[20]] * 2, [[20]] * 2, [0], (85, 100), 0.95)
    assert found.verdict.tolist() == ["met", "not_met"]
    assert exact_verdict(17, 20, 20, (85, 100), 0.95).verdict == "met"
    assert exact_verdict(16, 20, 20, (85, 100), 0.95).verdict == "not_met"


def test_a_plan_that_asks_everybody_is_always_right():
    """Where only a census separates truth and target its power is 1."""
    found = plan(20, 0.95, 0.90, 0.95, 0.99)
    assert (found.n, found.exact_power) == (20, pytest.approx(1))


def test_hypergeometric_probabilities_add_up():
    """All probabilities sum to 1, and impossible outcomes have none."""
    assert math.fsum(probabilities(30, 70, 90)) == pytest.approx(1, abs=1e-13)
    assert pmf(9, 30, 70, 90) == 0.0
    assert pmf(0, 0, 70, 90) == 1.0
    assert lower_tail(9, 30, 70, 90) == 0.0
    assert lower_tail(5, 5, 70, 90) == 1.0
    both = lower_tail(20, 2000, 10**6, 10**8), math.fsum(probabilities(2000, 10**6, 10**8)[:21])
    assert both[0] == pytest.approx(both[1], abs=1e-13)


def test_nonresponse_of_small_and_silent_frames():
    """One dossier has no spread of response, a silent or empty frame no index."""
    one = nonresponse(1, 1, 1)
    assert (one.response_rate, one.raw_index, one.r_indicator) == (1.0, 1.0, None)
    silent = nonresponse([0, 0], [0, 0], [5, 6])
    assert (silent.raw_index, silent.shift, silent.cv_response) == (None, None, None)
    empty = nonresponse([0], [0], [0])
    assert (empty.response_rate, empty.missing_low, empty.missing_high) == (None, 0.0, 1.0)


def test_cells_of_one_dossier_are_their_own_census():
    """A single rated dossier gives a point, not a division by zero."""
    found = headline.headline_lines([[1], [0]], [[1], [1]], [[1], [1]], [0], 0.95)
    assert found.low.tolist() == found.high.tolist() == [1.0, 0.0]
    alone = wilson_fpc(1, 1, 1, 0.95)
    assert (alone.low, alone.high) == (1.0, 1.0)


def test_lines_report_each_case_by_its_rule():
    """Several report lines at once: usual, single cell, complete, silent."""
    y, n = [[20, 9], [20, 0], [20, 9], [0, 0]], [[24, 12], [24, 0], [24, 12], [0, 0]]
    found = poststratify.guarded_lines(y, n, [[60, 30], [60, 0], [24, 12], [60, 30]], 0.95)
    assert found.rule.tolist() == ["guarded", "wilson_fpc", "census", "no_data"]
    assert np.isnan(found.estimate).tolist() == [False, False, False, True]
    assert found.low[2] == found.high[2] == pytest.approx(29 / 36)
    assert (found.low[3], found.high[3]) == (0.0, 1.0)


def test_report_lines_are_judged_together():
    """Met, missed, open, complete and silent lines in one call; late cells keep their weight."""
    y = [[380, 30], [200, 10], [360, 22], [17, 0], [0, 0]]
    n = [[400, 40], [400, 40], [400, 40], [20, 0], [0, 0]]
    N = [[900, 200], [900, 200], [900, 200], [20, 0], [90, 20]]
    found = headline.headline_verdicts(y, n, N, [0, 1], (85, 100), 0.95)
    assert found.verdict.tolist() == ["met", "not_met", "uncertain", "met", "uncertain"]
    assert np.isnan(found.needed_n).tolist() == [True, True, False, True, True]
    assert 440 < found.needed_n[2] <= 1100
    assert found.secured.tolist() == [False, False, False, True, False]


def test_a_one_sided_level_below_a_half_is_refused():
    """A verdict at less than even chances is no verdict."""
    with pytest.raises(AnalysisError, match="one half"):
        headline.headline_verdicts([[1]], [[2]], [[3]], [[0]], (1, 2), 0.5)


def test_a_census_of_mixed_answers_is_a_point_for_every_method():
    """Without sampling error all of R's methods give the index itself."""
    census = design.stratified([31, 44], [35, 60], [35, 60])
    for method in ("mean", "xlogit", "beta", "asin", "likelihood", "wilson_neff"):
        assert design.design_interval(census, method, 0.95) == (census.estimate, census.estimate)


def test_an_extreme_index_has_no_logit_limits():
    """At 100 % R's methods have no limits; the mean pretends to be certain, as R does."""
    extreme = design.stratified([20, 30], [20, 30], [300, 150])
    assert design.design_interval(extreme, "xlogit", 0.95) == (None, None)
    assert design.design_interval(extreme, "mean", 0.95) == (1.0, 1.0)
    assert extreme.n_eff is None


def test_a_change_of_mix_is_not_a_change_of_quality():
    """Equal quality in each sector: the fixed mix sees no change, the raw shares a large one."""
    first, second = ([95, 350], [100, 500]), ([475, 70], [500, 100])
    mixed = compare.fixed_mix(first, second, [300, 300], 0.95)
    assert mixed.p_value == pytest.approx(1)
    assert mixed.mover_low < 0 < mixed.mover_high
    assert compare.two_sample(445, 600, 545, 600, 0.95).p_value_score < 1e-6


def test_two_perfect_units_do_not_differ():
    """Both 100 %: p is 1 everywhere, and fixed-mix limits still admit chance."""
    assert compare.two_sample(10, 10, 12, 12, 0.95).p_value_score == 1
    perfect = ([10], [10], [50]), ([12], [12], [60])
    assert compare.two_stratified(*perfect, 0.95).p_value == 1
    found = compare.fixed_mix(([10, 0], [10, 0]), ([12, 0], [12, 0]), [50, 0], 0.95)
    assert found.mover_low < 0 < found.mover_high
    unlike = compare.two_stratified(perfect[0], ([0], [12], [60]), 0.95)
    assert (unlike.p_value, unlike.estimate) == (0, 1)


def test_the_confidence_sequence_ends_in_the_truth():
    """It is [0, 1] before the first rating, a point at the census, and possible in between."""
    assert confidence_sequence(0, 0, 50, 0.95).status == "no_data"
    end = confidence_sequence(44, 50, 50, 0.95)
    assert (end.low, end.high, end.status) == (0.88, 0.88, "census")
    early = confidence_sequence(1, 1, 50, 0.95)
    assert (early.count_high, early.status) == (50, "ok")


def test_shrinkage_pulls_small_units_to_the_mean_most():
    """A unit with three perfect ratings falls behind one with 181 of 200 and a good record."""
    found = rank.shrink([3, 9, 60, 196, 120, 28, 60], [3, 12, 90, 200, 150, 50, 61], 0.95)
    assert found.shrunk[0] < found.shrunk[3]
    assert (found.low < found.shrunk).all()
    assert (found.shrunk < found.high).all()


def test_overdispersed_units_widen_the_funnel():
    """More scatter than chance gives a dispersion above 1; nobody rated gives 1."""
    assert rank.funnel_dispersion([60, 99, 80, 95, 70], [100] * 5, 0.8) > 5
    assert rank.funnel_dispersion([0], [0], 0.8) == 1.0
