"""What the library promises on average, checked on simulated provinces with a fixed seed."""

import numpy as np
import pytest

from analysis import compare, design, missing_bounds, wilson_fpc
from analysis.anytime import confidence_sequence
from analysis.double_sampling import SilentStrata, double_sampling
from analysis.headline import anytime_lines, headline_lines

DRAWS = 2000
# Cells (late, N, index, response); the first eight follow the research note's table.
POPULATIONS = {
    "small": [(0, 55, 0.93, 0.42), (0, 35, 0.91, 0.36), (1, 14, 0.57, 0.20), (1, 10, 0.60, 0.20)],
    "medium": [
        (0, 380, 0.93, 0.40),
        (0, 250, 0.91, 0.33),
        (1, 90, 0.60, 0.17),
        (1, 70, 0.60, 0.15),
    ],
    "medium, equal response": [
        (0, 380, 0.93, 0.30),
        (0, 250, 0.91, 0.30),
        (1, 90, 0.60, 0.30),
        (1, 70, 0.60, 0.30),
    ],
    "large": [
        (0, 3600, 0.93, 0.35),
        (0, 2400, 0.91, 0.28),
        (1, 700, 0.6, 0.12),
        (1, 500, 0.6, 0.1),
    ],
    "near census": [
        (0, 160, 0.92, 0.95),
        (0, 95, 0.90, 0.92),
        (1, 35, 0.6, 0.8),
        (1, 25, 0.6, 0.76),
    ],
    "high": [(0, 250, 0.98, 0.32), (0, 190, 0.98, 0.28), (1, 50, 0.92, 0.15), (1, 35, 0.91, 0.14)],
    "sixteen small cells": [
        *[(0, 10 + 6 * k, 0.95 - 0.01 * k, 0.45 - 0.01 * k) for k in range(10)],
        *[(1, 8 + k, 0.5 + 0.02 * k, 0.2) for k in range(6)],
    ],
    "tiny": [(0, 13, 0.92, 0.6), (0, 9, 0.89, 0.55), (1, 4, 0.75, 0.4), (1, 3, 0.67, 0.4)],
    "fewer than 30 answers": [
        (0, 40, 0.90, 0.35),
        (0, 25, 0.88, 0.28),
        (1, 12, 0.58, 0.2),
        (1, 8, 0.5, 0.2),
    ],
    "twenty-four dossiers": [
        (0, 11, 0.91, 0.6),
        (0, 7, 0.86, 0.5),
        (1, 4, 0.75, 0.4),
        (1, 2, 0.5, 0.5),
    ],
    "above 99 %": [
        (0, 500, 0.996, 0.35),
        (0, 300, 0.994, 0.3),
        (1, 60, 0.97, 0.2),
        (1, 40, 0.98, 0.2),
    ],
}


def _draw(cells, rng, tilt=1.0):
    """Return y, n, N (draws x cells), late, truth; the satisfied answer `tilt` times as often."""
    late, N, index, response = (np.array(column) for column in zip(*cells, strict=True))
    satisfied = np.round(N * index).astype(int)
    y = rng.binomial(satisfied, np.minimum(1, response * tilt), (DRAWS, N.size))
    n = y + rng.binomial(N - satisfied, response, (DRAWS, N.size))
    return y, n, np.broadcast_to(N, n.shape), late, satisfied.sum() / N.sum()


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_guarded_interval_covers(name):
    """A nominal 95 % holds the true index in at least 93 % of draws."""
    y, n, N, late, truth = _draw(POPULATIONS[name], np.random.default_rng(41))
    found = headline_lines(y, n, N, late, 0.95)
    covered = (found.low <= truth + 1e-12) & (truth - 1e-12 <= found.high)
    assert covered.mean() >= 0.93


def test_the_raw_share_misleads_where_late_citizens_answer_less():
    """For a large unit the raw interval nearly never holds the truth: why the headline differs."""
    y, n, N, _, truth = _draw(POPULATIONS["large"], np.random.default_rng(42))
    raw = headline_lines(*(column.sum(axis=1, keepdims=True) for column in (y, n, N)), [0], 0.95)
    assert set(raw.rule) == {"wilson_fpc"}
    assert ((raw.low <= truth) & (truth <= raw.high)).mean() < 0.05


def test_no_interval_repairs_answers_that_depend_on_the_rating():
    """Then the guarded interval fails, as documented, and the worst-case bounds never do."""
    drawn = _draw(POPULATIONS["large"], np.random.default_rng(43), tilt=1.5)
    y, n, N, late, truth = drawn
    found = headline_lines(y, n, N, late, 0.95)
    assert ((found.low <= truth) & (truth <= found.high)).mean() < 0.5
    for line in range(0, DRAWS, 40):
        low, high = missing_bounds(y[line].sum(), n[line].sum(), N[line].sum())
        assert low <= truth <= high


def test_clustered_agents_need_the_clustered_variance():
    """Agents who hand in many dossiers and judge them alike break the guarded interval, as its
    docstring says, and not the one from citizens' sums.
    """
    rng = np.random.default_rng(44)
    sizes = np.array([1] * 600 + [8] * 50)
    satisfied = np.where(rng.random(sizes.size) < 0.85, sizes, 0)
    truth, late = satisfied.sum() / sizes.sum(), rng.random(sizes.size) < 0.2
    answers = rng.random((400, sizes.size)) < 0.3
    groups = np.stack([~late, late])
    y, n = (np.einsum("dc,gc,c->dg", answers, groups, column) for column in (satisfied, sizes))
    N = np.broadcast_to(groups @ sizes, n.shape)
    guarded = headline_lines(y, n, N, [0, 1], 0.95)
    assert set(guarded.rule) == {"guarded"}
    assert ((guarded.low <= truth) & (truth <= guarded.high)).mean() < 0.85
    clustered = 0
    for answered in answers:
        sums = design.citizen_sums(sizes[answered], satisfied[answered])
        low, high = design.design_interval(design.clustered(sums), "xlogit", 0.95)
        clustered += low <= truth <= high
    assert clustered / len(answers) >= 0.93


def test_looking_often_is_safe_only_with_the_sequence():
    """Looking after every tenth rating, the sequence keeps its level and one-look bounds do not."""
    rng = np.random.default_rng(45)
    N, M, alpha, runs = 400, 340, 0.10, 120
    wrong = np.zeros(2)
    for _ in range(runs):
        y = np.cumsum(rng.permutation(N) < M)
        looks = [(int(y[n - 1]), n) for n in range(10, N, 10)]
        for kind, function in enumerate((confidence_sequence, wilson_fpc)):
            found = (function(a, n, N, 1 - alpha) for a, n in looks)
            wrong[kind] += any(not i.low <= M / N <= i.high for i in found)
    assert wrong[0] / runs <= alpha
    assert wrong[1] / runs > 2 * alpha


def test_p_values_are_uniform_when_nothing_differs():
    """Under equal quality the score and the stratified p-values fall below p in a share p."""
    rng = np.random.default_rng(46)
    score, wald = [], []
    for _ in range(600):
        y = rng.binomial(150, 0.85, 4)
        score.append(compare.two_sample(y[0], 150, y[1], 150, 0.95).p_value_score)
        sides = (y[:2], [150, 150], [900, 400]), (y[2:], [150, 150], [500, 700])
        wald.append(compare.two_stratified(*sides, 0.95).p_value)
    for p_values in (score, wald):
        for p in (0.05, 0.2, 0.5):
            spread = 3.5 * np.sqrt(p * (1 - p) / len(p_values))
            assert abs(np.mean(np.array(p_values) <= p) - p) <= spread + 0.015


def test_benjamini_hochberg_keeps_false_discoveries_rare():
    """With 20 real drops among 200 units at most about 5 % of what is reported is false."""
    rng = np.random.default_rng(47)
    shares = []
    for _ in range(60):
        p = rng.random(200)
        p[:20] = rng.random(20) ** 6 / 50
        rejected = np.array(compare.adjust(p.tolist(), "BH", 0.05).rejected)
        shares.append((rejected >= 20).mean() if rejected.size else 0.0)
    assert np.mean(shares) <= 0.06


def test_the_anytime_interval_may_be_looked_at_after_every_few_ratings():
    """Read after every tenth rating, a 95 % interval ever misses the truth in at most 5 % of
    runs, though late citizens answer less.
    """
    rng = np.random.default_rng(46)
    late, N, index, response = (np.array(c) for c in zip(*POPULATIONS["medium"], strict=True))
    satisfied = np.round(N * index).astype(int)
    truth, runs, missed = satisfied.sum() / N.sum(), 120, 0
    cell = np.repeat(np.arange(N.size), N)
    good = np.concatenate([np.arange(size) < s for size, s in zip(N, satisfied, strict=True)])
    for _ in range(runs):
        order = np.argsort(rng.exponential(1 / response[cell]))[:260]
        looks = np.arange(20, 260, 10)
        one = np.eye(N.size, dtype=int)[cell[order]]
        n, y = one.cumsum(axis=0)[looks], (one * good[order][:, None]).cumsum(axis=0)[looks]
        found = anytime_lines(y, n, np.broadcast_to(N, n.shape), late, 0.95)
        missed += bool(((truth < found.low) | (truth > found.high)).any())
    assert missed / runs <= 0.05


@pytest.mark.parametrize("strata", [1, 2])
def test_thirty_calls_of_the_silent_cover_and_stay_possible(strata):
    """At thirty answered calls a nominal 95 % of the silent and of all holds the truth in at least
    93 % of draws, and that of all never leaves the worst-case bounds.
    """
    rng = np.random.default_rng(50)
    n1, y1 = np.array([205, 22])[:strata], np.array([190, 13])[:strata]
    n2, good = np.array([425, 138])[:strata], np.array([389, 81])[:strata]
    called = np.array([24, 6]) if strata > 1 else np.array([30])
    finished, held = n1.sum() + n2.sum(), 0
    truth = good.sum() / n2.sum(), (y1.sum() + good.sum()) / finished
    low, high = missing_bounds(y1.sum(), n1.sum(), finished)
    for _ in range(600):
        y2 = rng.hypergeometric(good, n2 - good, called)
        found = double_sampling(n1, y1, SilentStrata(n2, called, called, y2), 0.95)
        of_silent, of_all = found.silent, found.all
        held += of_silent.low <= truth[0] <= of_silent.high
        assert (of_all.low <= truth[1] <= of_all.high) == (
            of_silent.low <= truth[0] <= of_silent.high
        )
        assert low <= of_all.low <= of_all.high <= high
    assert held / 600 >= 0.93
