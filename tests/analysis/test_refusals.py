"""Input that would give a misleading number is refused with a code, never computed."""

from functools import partial

import numpy as np
import pytest

from analysis import (
    AnalysisError,
    compare,
    counts,
    design,
    disclosure,
    double_sampling,
    drivers,
    exact_verdict,
    floor_verdict,
    forecast,
    headline,
    hypergeometric,
    intervals,
    monitor,
    needed_ratings,
    ordinal,
    phase_one,
    plan,
    poststratify,
    rank,
    runlength,
    wilson,
    wilson_fpc,
)
from analysis.double_sampling import SilentStrata

REFUSED = {
    "more satisfied than rated": (wilson, (5, 4, 0.95), "invalid_counts"),
    "more rated than finished": (wilson_fpc, (4, 5, 4, 0.95), "invalid_counts"),
    "negative": (wilson, (-1, 4, 0.95), "invalid_counts"),
    "half a rating": (wilson, (0.5, 4, 0.95), "invalid_counts"),
    "text": (wilson, ("1", 4, 0.95), "invalid_counts"),
    "no level": (hypergeometric, (1, 4, 9, 1.0), "invalid_confidence"),
    "array with a fraction": (intervals.clopper_pearson_many, ([0.5], [4], 0.95), "invalid_counts"),
    "array with more satisfied": (
        intervals.clopper_pearson_many,
        ([5], [4], 0.95),
        "invalid_counts",
    ),
    "arrays that do not fit": (
        intervals.clopper_pearson_many,
        ([1, 2], [4, 4, 4], 0.95),
        "invalid_counts",
    ),
    "array of text": (intervals.clopper_pearson_many, (["x"], [4], 0.95), "invalid_counts"),
    "no level at all": (wilson, (1, 4, None), "invalid_confidence"),
    "level as text": (
        poststratify.guarded_lines,
        ([[1]], [[4]], [[9]], "0.95"),
        "invalid_confidence",
    ),
    "levels": (intervals.clopper_pearson_many, ([1], [4], [0.9, 0.95]), "invalid_confidence"),
    "lateness of no number": (
        headline.headline_lines,
        ([[1, 2]], [[3, 3]], [[9, 9]], [0, np.nan], 0.95),
        "invalid_counts",
    ),
    "lateness of other cells": (
        headline.headline_lines,
        ([[1, 2]], [[3, 3]], [[9, 9]], [0, 1, 1], 0.95),
        "invalid_counts",
    ),
    "deciding the impossible": (
        headline.decide,
        (([5], [4], [9]), ([0.1], [0.9]), (85, 100)),
        "invalid_counts",
    ),
    "deciding without a target": (
        headline.decide,
        (([3], [4], [9]), ([0.1], [0.9]), (85, 0)),
        "invalid_target",
    ),
    "mix of fewer strata": (
        compare.fixed_mix,
        (([1], [2]), ([1, 1], [2, 2]), [5, 5], 0.95),
        "invalid_counts",
    ),
    "alpha of seven": (compare.adjust, ([0.2], "holm", 7), "invalid_share"),
    "sums of no citizens": (
        design.clustered,
        (design.CitizenSums(3, 5, 9, 27, 15, 9),),
        "invalid_counts",
    ),
    "sums that break Cauchy's rule": (
        design.clustered,
        (design.CitizenSums(3, 9, 9, 9, 9, 9),),
        "invalid_counts",
    ),
    "bootstrap without a draw": (
        drivers.share_limits,
        ([[5, 5, 200], [4, 4, 90]], 0.95, 1, 0),
        "invalid_counts",
    ),
    "deadline of no number": (
        forecast.trend,
        ([8, 7, 9], [9, 9, 10], np.nan, 0.9, 0.95),
        "invalid_number",
    ),
    "no deadline": (forecast.trend, ([8, 7, 9], [9, 9, 10], None, 0.9, 0.95), "invalid_number"),
    "month without a batch": (
        partial(runlength.design_charts, batches=0, rho=0.1),
        ([9], 0.1, 0.2, 1),
        "invalid_counts",
    ),
    "no allowance": (runlength.design_charts, ([9], 0.1, 0.2, np.nan), "no_distance"),
    "half a step": (
        runlength.chain_arl,
        (np.array([0.5, 0.5]), np.array([-0.5, 1.0]), 3),
        "invalid_counts",
    ),
    "chances beyond one": (
        runlength.chain_arl,
        (np.array([0.5, 0.9]), np.array([-1.0, 1.0]), 3),
        "invalid_share",
    ),
    "limits turned round": (monitor.control_limits, ([1], [2], "p", -3), "invalid_number"),
    "a chart without a limit": (monitor.cusum_path, ([1], [2], 0.9, 0.8, np.nan), "invalid_number"),
    "a limit of nothing": (monitor.cusum_path, ([1], [2], 0.9, 0.8, 0), "invalid_number"),
    "average without width": (monitor.ewma_path, ([1], [2], 0.9, 0.3, None), "invalid_number"),
    "rarity of half a rating": (phase_one.rarity, (1.5, 3.0, 0.1), "invalid_counts"),
    "careful share of no number": (
        phase_one.baseline_charts,
        ([40, 40], [0.1, np.nan], 1.0),
        "invalid_share",
    ),
    "careful shares of other units": (
        phase_one.baseline_charts,
        ([40, 40], [0.1, 0.1, 0.1], 1.0),
        "invalid_counts",
    ),
    "a verdict at less than even chances": (
        exact_verdict,
        (8, 9, 99, (1, 2), 0.3),
        "invalid_confidence",
    ),
    "a floor at even chances": (floor_verdict, (8, 9, 99, 0, 0.5), "invalid_confidence"),
    "a plan below even chances": (plan, (100, 0.8, 0.9, 0.4, 0.8), "invalid_confidence"),
    "needed of the impossible": (needed_ratings, (9, 8, 99, (1, 2), 0.9), "invalid_counts"),
    "needed for no target": (needed_ratings, (7, 8, 99, (1, 0), 0.9), "invalid_target"),
    "unknown lonely rule": (
        partial(design.stratified, lonely="guess"),
        (1, 2, 3),
        "invalid_method",
    ),
    "cells without lines": (poststratify.collapse_lines, ([1], [2], [3], [0]), "invalid_counts"),
    "width of no number": (disclosure.audit, ([[1, 2]], [[1, 0]], float("nan")), "invalid_counts"),
    "rank of no number": (rank.rank_intervals, ([np.nan], [0.1], 0.95), "invalid_share"),
    "rank with a negative error": (rank.rank_intervals, ([0.9], [-0.1], 0.95), "invalid_share"),
    "funnel without width": (rank.funnel_limits, ([9], 0.9, 0.95, 0.0), "invalid_share"),
    "funnel of nobody": (rank.funnel_dispersion, ([9], [10], 0.9, 0.5), "invalid_share"),
    "share of one": (counts.share, (1.0, "target"), "invalid_share"),
    "target above one": (exact_verdict, (1, 2, 3, (5, 4), 0.9), "invalid_target"),
    "target without whole": (exact_verdict, (1, 2, 3, (0, 0), 0.9), "invalid_target"),
    "more late than finished": (floor_verdict, (1, 2, 3, 4, 0.9), "invalid_counts"),
    "truth on the target": (plan, (100, 0.9, 0.9, 0.95, 0.8), "no_distance"),
    "plan for nobody": (plan, (0, 0.8, 0.9, 0.95, 0.8), "no_distance"),
    "no stratum": (design.stratified, ([], [], []), "no_data"),
    "silent stratum": (design.weighted, ([0, 4], [0, 9], [5, 20]), "empty_stratum"),
    "lonely stratum": (design.stratified, ([1, 4], [1, 9], [5, 20]), "single_respondent_stratum"),
    "one rating, post-stratified": (design.poststratified, (1, 1, 5), "single_respondent_stratum"),
    "one rating, weighted": (design.weighted, (1, 1, 5), "single_respondent_stratum"),
    "no citizen": (design.clustered, (design.citizen_sums([], []),), "no_data"),
    "one citizen": (design.clustered, (design.citizen_sums(3, 2),), "single_respondent_stratum"),
    "unknown interval": (
        design.design_interval,
        (design.DesignMean(0.5, 0.1, 9, 10), "guess", 0.95),
        "invalid_method",
    ),
    "no degrees of freedom": (
        design.design_interval,
        (design.DesignMean(0.5, 0.1, 0, 10), "xlogit", 0.95),
        "no_degrees_of_freedom",
    ),
    "silent cell beside others": (
        poststratify.guarded_lines,
        ([[0, 4]], [[0, 9]], [[5, 20]], 0.95),
        "empty_stratum",
    ),
    "not degenerate": (poststratify.degenerate, ([3], [4], [9], 0.95), "not_degenerate"),
    "base mix of nothing": (compare.fixed_mix, (([1], [2]), ([1], [2]), [0], 0.95), "no_data"),
    "mix without answers": (
        compare.fixed_mix,
        (([1, 0], [2, 0]), ([1, 1], [2, 2]), [5, 5], 0.95),
        "empty_stratum",
    ),
    "p-value of two": (compare.adjust, ([2.0], "holm", 0.05), "invalid_p_value"),
    "unknown adjustment": (compare.adjust, ([0.2], "none", 0.05), "invalid_method"),
    "ranks without errors": (rank.rank_intervals, ([0.9, 0.8], [0.1], 0.95), "invalid_counts"),
    "ranks of nobody": (rank.rank_intervals, ([], [], 0.95), "no_data"),
    "unknown rank rule": (rank.rank_intervals, ([0.9], [0.1], 0.95, "guess"), "invalid_method"),
    "shrinking nothing": (rank.shrink, ([0], [0], 0.95), "no_data"),
    "units all alike": (
        rank.shrink,
        ([90, 90, 90, 90], [100, 100, 100, 100], 0.95),
        "no_overdispersion",
    ),
    "unknown chart": (monitor.control_limits, ([1], [2], "x"), "invalid_method"),
    "empty chart": (monitor.control_limits, ([0], [0], "p"), "no_data"),
    "nothing to detect": (monitor.cusum_path, ([1], [2], 0.9, 0.9, 3), "no_distance"),
    "weightless average": (monitor.ewma_path, ([1], [2], 0.9, 0.0), "invalid_share"),
    "silent strata beside no others": (
        double_sampling.double_sampling,
        ([5, 6], [4, 4], SilentStrata([90], [40], [35], [30]), 0.95),
        "invalid_counts",
    ),
    "a double sample of nobody": (
        double_sampling.double_sampling,
        (0, 0, SilentStrata(0, 0, 0, 0), 0.95),
        "invalid_counts",
    ),
    "a double sample without a level": (
        double_sampling.double_sampling,
        (9, 8, SilentStrata(90, 5, 4, 3), 1.0),
        "invalid_confidence",
    ),
    "full correlation": (runlength.batch_probabilities, (5, 0.1, 1.0), "invalid_share"),
    "limit of zero": (runlength.bernoulli_arl, (0.1, 8, 0), "invalid_counts"),
    "chart that never rises": (runlength.batch_arl, (5, 0.1, (1, 9), 3), "never_alarms"),
    "limit out of reach": (runlength.limit_arl, (5, 0.1, 6), "never_alarms"),
    "better is no alarm": (runlength.design_charts, ([9], 0.2, 0.1, 1), "no_distance"),
    "step without distance": (runlength.reference_step, (0.2, 0.2), "no_distance"),
    "unit without ratings": (runlength.design_charts, ([9, 0], 0.1, 0.2, 1), "no_data"),
    "sleeping chart": (runlength.design_charts, ([9], 0.1, 0.1001, 1e-9), "never_alarms"),
    "a list of patterns": (drivers.pattern_table, ([1, 2, 3],), "invalid_patterns"),
    "negative pattern": (drivers.moments, ([[5, 5, -1]],), "invalid_patterns"),
    "few ratings": (drivers.lmg, (drivers.moments([[5, 5, 9]]),), "too_few_ratings"),
    "constant overall": (
        drivers.lmg,
        (drivers.moments([[5, 5, 300], [4, 5, 9]]),),
        "no_variation",
    ),
    "quadrants of unlike lists": (drivers.quadrants, ([0.5], []), "invalid_patterns"),
    "one category": (ordinal.proportional_odds, ([[5, 5, 3], [4, 5, 2]],), "no_variation"),
    "constant factor": (ordinal.proportional_odds, ([[5, 5, 3], [5, 4, 2]],), "collinear"),
    "separated": (ordinal.proportional_odds, ([[1, 1, 9], [2, 2, 9]],), "no_convergence"),
    "marks of another shape": (disclosure.audit, ([[1, 2]], [[1]], 5), "invalid_counts"),
    "a number for a table": (disclosure.audit, (3, 1, 5), "invalid_counts"),
    "two months": (forecast.trend, ([1, 1, 0], [2, 2, 0], 5, 0.9, 0.95), "too_few_months"),
    "separated months": (
        forecast.trend,
        ([9, 9, 0, 0], [9, 9, 9, 9], 5, 0.9, 0.95),
        "no_convergence",
    ),
    "all satisfied": (forecast.trend, ([2] * 4, [2] * 4, 5, 0.9, 0.95), "no_convergence"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_code(name):
    """Each impossible or misleading input raises AnalysisError with its own code."""
    function, arguments, kind = REFUSED[name]
    with pytest.raises(AnalysisError) as refusal:
        function(*arguments)
    assert refusal.value.kind == kind
    assert str(refusal.value).endswith(".")


def test_strata_without_a_pair_cannot_lend_a_variance():
    """R's "average" for lonely strata needs at least one stratum with two ratings."""
    with pytest.raises(AnalysisError, match="average over"):
        design.stratified([1, 0], [1, 1], [5, 9], lonely="average")


def test_whole_floats_and_numpy_counts_are_counts():
    """Counts that come from arrays or tables as 30.0 or numpy numbers are accepted."""
    assert wilson(np.int64(27), 30.0, 0.95) == wilson(27, 30, 0.95)
    assert wilson(np.float64(27), np.int32(30), 0.95) == wilson(27, 30, 0.95)


def test_whole_floats_have_a_rarity():
    """Counts as tables give them, 2.0 of 3.0, are judged as 2 of 3."""
    assert phase_one.rarity(2.0, 3.0, 0.1) == phase_one.rarity(2, 3, 0.1)


def test_quadrants_take_arrays():
    """The shares and performances that `lmg` gives can be placed as they are."""
    placed = drivers.quadrants(np.array([0.5, 0.3, 0.2]), np.array([0.7, 0.95, 0.6]))
    assert placed == ("act_first", "leave", "watch")
