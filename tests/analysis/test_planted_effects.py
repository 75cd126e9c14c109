"""A thousand seeds of the demo's planted truths, drawn by the demo's own shares, judged as shipped.

Each seed is one province: units with moods of their own, seven months of phase I, five watched.
"""

import numpy as np
import pytest

from analysis.headline import headline_lines, headline_verdicts
from analysis.phase_one import baseline_charts, usual_shares
from survey.demo.answers import (
    ANSWERS_LESS,
    FALL_LOSS,
    JUDGES_WORSE,
    SATISFIED,
    SMALL_UNIT_ANSWERS,
    SMALL_UNIT_RATINGS,
    UNIT_SPREAD,
    target_share,
)
from survey.demo.dossiers import LATE, LATE_AFTER_FALL, SMALL_UNIT_DOSSIERS
from survey.demo.units import SPREAD
from survey.models.dossier import Lateness

SEEDS, UNITS = 1000, 40
USUAL_MONTHS, WATCHED_MONTHS = 7, 5
# As the nightly reading: batches of at least five ratings.
BATCH = 5
LAND_Q = 1 - SATISFIED["land"] - LATE["land"] * JUDGES_WORSE[Lateness.LATE]
# Answers a month of the middle unit and of the one that falls, in the demo of default size.
MIDDLE, FALLING = 8, 37


@pytest.fixture(scope="module")
def provinces():
    """Per seed: true shares, monthly ratings and the charts frozen from phase I, shape (S, K)."""
    rng = np.random.default_rng(20260720)
    volumes = np.maximum(3, MIDDLE * rng.lognormal(0, SPREAD, (SEEDS, UNITS)))
    volumes[:, 0] = FALLING
    q = np.clip(LAND_Q - rng.normal(0, UNIT_SPREAD, (SEEDS, UNITS)), 0.005, 0.97)
    n = np.maximum(1, rng.poisson(volumes * USUAL_MONTHS))
    x = rng.binomial(n, q)
    charts = [
        baseline_charts(np.round(rated / USUAL_MONTHS), usual_shares(bad, rated).careful, 1.0)
        for bad, rated in zip(x, n, strict=True)
    ]
    return volumes, q, charts


def run(rng, q, charts, batches):
    """Feed every chart with its batches of five; the batch at which each alarms first, or none."""
    den, num, limit = (
        np.array([[getattr(chart, name) for chart in row] for row in charts])
        for name in ("den", "num", "H")
    )
    score, first = np.zeros(q.shape), np.full(q.shape, np.inf)
    for step in range(int(batches.max())):
        active = step < batches
        bad = rng.binomial(BATCH, q)
        moved = np.maximum(0, score + den * bad - num * BATCH)
        score = np.where(active, moved, score)
        first = np.where((score >= limit) & np.isinf(first), step + 1, first)
    return first


def test_quiet_units_stay_quiet(provinces, report):
    """A province of quiet units raises fewer false alarms a month than the one it promises."""
    volumes, q, charts = provinces
    promised = [sum(chart.false_alarms for chart in row) for row in charts]
    assert max(promised) < 1
    first = run(np.random.default_rng(1), q, charts, np.round(volumes * WATCHED_MONTHS / BATCH))
    a_month = np.isfinite(first).sum() / SEEDS / WATCHED_MONTHS
    report(f"{SEEDS} seeds: {a_month:.3f} false alarms a month for the province, promised < 1")
    assert a_month < np.mean(promised)
    assert a_month > 0  # charts that never speak would be quiet too


def test_the_fall_is_told_within_a_month(provinces, report):
    """Truth 1: the unit whose late returns make citizens angry alarms in nearly every seed."""
    _volumes, q, charts = provinces
    later = (LATE_AFTER_FALL - LATE["land"]) * JUDGES_WORSE[Lateness.LATE]
    fallen = np.clip(q[:, :1] - FALL_LOSS - later, 0, 0.97)
    own = [row[:1] for row in charts]
    first = run(np.random.default_rng(2), fallen, own, np.full(fallen.shape, FALLING // BATCH))
    report(f"alarm after {np.median(first) * BATCH:.0f} ratings (median of {SEEDS} seeds)")
    assert np.isfinite(first).mean() > 0.98


def test_eight_answers_prove_nothing():
    """Truth 2: the small unit's eight answers never decide, at any target of the ladder."""
    good = sum(rating >= 4 for rating in SMALL_UNIT_RATINGS)
    for target in ((85, 100), (90, 100), (95, 100)):
        lines = headline_verdicts(
            [[good]], [[SMALL_UNIT_ANSWERS]], [[SMALL_UNIT_DOSSIERS]], [[0]], target, 0.975
        )
        assert lines.verdict.tolist() == ["uncertain"]


@pytest.mark.parametrize("month", ["2025-12", "2026-06"])
def test_a_share_on_its_target_is_never_judged(month):
    """Truth 7: where the share stands on its target, the interval crosses it at every size."""
    target = target_share(month)
    n = np.arange(10, 400)
    y = np.round(n * target)
    whole = (round(target * 100), 100)
    N = 5 * n
    columns = [column[:, np.newaxis] for column in (y, n, N)]
    found = headline_verdicts(*columns, np.zeros_like(columns[0]), whole, 0.975)
    assert set(found.verdict) == {"uncertain"}


def test_weighting_repairs_what_the_silent_late_bias():
    """Planted effects 3 and 8: late citizens answer less and judge worse; weighting shows it.

    The same holds in the weeks of Tết, when more is late: both indices dip, the weighted deeper.
    """
    rng = np.random.default_rng(8)
    dips = {}
    for name, late in (("usual", LATE["land"]), ("tet", 2.2 * LATE["land"])):
        N = np.column_stack([rng.binomial(2000, late, SEEDS)] * 2)
        N[:, 0] = 2000 - N[:, 1]
        rate = 0.25 * np.array([1, ANSWERS_LESS[Lateness.LATE]])
        p = SATISFIED["land"] + np.array([0, JUDGES_WORSE[Lateness.LATE]])
        n = rng.binomial(N, rate)
        good = rng.binomial(N, p)
        y = rng.hypergeometric(good, N - good, n)
        truth = good.sum(axis=1) / 2000
        raw = y.sum(axis=1) / n.sum(axis=1)
        weighted = headline_lines(y, n, N, [[0, 1]] * SEEDS, 0.95)
        assert np.mean(raw - truth) > 0.004
        assert abs(np.mean(weighted.estimate - truth)) < 0.002
        covered = (weighted.low <= truth) & (truth <= weighted.high)
        assert covered.mean() > 0.93
        dips[name] = np.mean(weighted.estimate)
    assert dips["tet"] < dips["usual"]
