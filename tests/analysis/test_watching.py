"""Charts, drivers, forecasts and public tables on examples with a known answer."""

from itertools import accumulate

import numpy as np
import pytest

from analysis import disclosure, drivers, forecast, monitor, ordinal, phase_one, runlength

PATTERNS = [[5, 5, 5, 80], [4, 4, 4, 60], [5, 3, 4, 30], [2, 4, 2, 25], [1, 3, 1, 10]]


def test_given_limits_of_a_province_keep_false_alarms_below_the_promise():
    """All charts together alarm falsely less often than allowed, and simulated ones do so too."""
    volumes = [40, 200, 200, 1500]
    charts = runlength.design_charts(volumes, 0.10, 0.15, 0.5)
    assert sum(chart.false_alarms for chart in charts) < 0.5
    assert charts[1] == charts[2]
    assert charts[0].H < charts[1].H < charts[3].H
    assert all(chart.arl1 < chart.arl0 for chart in charts)
    chart, rng, alarms, days = charts[1], np.random.default_rng(7), 0, 0
    for _ in range(120):
        n = rng.poisson(200 / 30, 2000)
        steps = chart.den * rng.binomial(n, 0.1) - chart.num * n
        path = accumulate(steps.tolist(), lambda score, step: max(0, score + step), initial=0)
        first = next((day for day, score in enumerate(path) if score >= chart.H), None)
        alarms += first is not None
        days += 2000 if first is None else first
    assert alarms / (days / 30) < 0.5 / 4


def test_correlated_ratings_get_higher_limits():
    """A chart for correlated days waits longer, because it would cry wolf otherwise."""
    [plain] = runlength.design_charts([300], 0.10, 0.20, 0.1)
    [wide] = runlength.design_charts([300], 0.10, 0.20, 0.1, rho=0.02)
    assert wide.n == 10
    assert wide.H > plain.H
    naive = runlength.batch_arl(10, 0.10, (wide.den, wide.num * 10), plain.H, 0.02)
    assert naive < wide.arl0


def test_laney_needs_two_periods_and_spread():
    """Without moving ranges there are no limits and no alarms."""
    found = monitor.control_limits([9, 0], [10, 0], "laney")
    assert found.sigma_z is None
    assert np.isnan(found.low).all()
    assert found.below == ()


def test_constant_and_repeated_factors_explain_nothing_of_their_own():
    """A factor that never varies gets nothing; two equal ones share alike."""
    rows = np.array(PATTERNS)
    constant = np.insert(rows, 2, 3, axis=1)
    found = drivers.lmg(drivers.moments(constant))
    assert found.lmg[2] == pytest.approx(0)
    assert np.isnan(found.zero_order[2])
    twice = drivers.lmg(drivers.moments(np.insert(rows, 1, rows[:, 0], axis=1)))
    assert twice.lmg[0] == pytest.approx(twice.lmg[1])
    assert twice.r2 == pytest.approx(drivers.lmg(drivers.moments(rows)).r2)


def test_unrelated_factors_have_no_shares():
    """When nothing is explained there is nothing to divide."""
    found = drivers.lmg(drivers.moments([[1, 1, 50], [1, 2, 50], [2, 1, 50], [2, 2, 50]]))
    assert found.r2 == pytest.approx(0)


def test_straight_lining_is_reported():
    """Same score everywhere: 150 of 205; without ratings there is no share."""
    assert drivers.straight_lining(PATTERNS) == pytest.approx(140 / 205)
    assert drivers.straight_lining([[5, 5, 5, 0]]) is None


def test_quadrants_name_what_to_do_first():
    """Important and weak comes first."""
    names = drivers.quadrants([0.4, 0.35, 0.15, 0.1], [0.6, 0.9, 0.5, 0.95])
    assert names == ("act_first", "keep_up", "watch", "leave")


def test_a_useless_step_is_halved_until_it_climbs():
    """Rare extreme scores make Newton overshoot; the fit still ends at the maximum."""
    found = ordinal.proportional_odds([[1, 3, 5], [5, 1, 10000], [5, 5, 50], [1, 5, 5]])
    assert found.coef[0] < 0
    assert np.isfinite(found.se).all()
    assert (np.diff(found.thresholds) > 0).all()


def test_forecast_wording_follows_chance_and_history():
    """Likely, unlikely, open or too short: never more than the months bear."""
    n = [200] * 12
    rising = [150 + 3 * k for k in range(12)]
    assert forecast.trend(rising, n, 15, 0.85, 0.95).outlook == "likely"
    assert forecast.trend(rising, n, 15, 0.99, 0.95).outlook == "unlikely"
    assert forecast.trend([160, 158] * 6, n, 13, 0.795, 0.95).outlook == "open"
    assert forecast.trend(rising, n, 30, 0.9, 0.95).outlook == "too_short"
    assert forecast.needed_share(90, 100, 0, 0.9) is None
    assert forecast.needed_share(100, 100, 10, 0.5) == 0.0


def test_bounds_of_large_tables_are_exact():
    """Counts of hundreds of thousands are bounded to the last dossier."""
    table = [[300_000, 41], [500, 200_017]]
    found = disclosure.audit(table, [[1, 1], [1, 1]], 5)
    assert [(cell.low, cell.high) for cell in found.cells] == [
        (99_983, 300_041),
        (459, 200_517),
        (0, 200_058),
        (0, 200_058),
    ]


def test_careful_shares_are_passed_rarely():
    """The truth lies above a careful share in about one unit of ten, however small the unit."""
    rng, passed = np.random.default_rng(5), []
    for _ in range(40):
        truth, n = rng.beta(6, 54, 60), rng.integers(3, 200, 60)
        usual = phase_one.usual_shares(rng.binomial(n, truth), n)
        passed.append(np.mean(truth > usual.careful))
    assert 0.06 < np.mean(passed) < 0.14


def test_few_or_equal_units_still_have_a_usual_share():
    """Three units stand on their own ratings; units that scatter as chance share one value."""
    few = phase_one.usual_shares([1, 0, 9], [10, 5, 90])
    assert few.share.tolist() == pytest.approx([1.5 / 11, 0.5 / 6, 9.5 / 91])
    equal = phase_one.usual_shares([10] * 8, [100] * 8)
    assert len(set(equal.share)) == len(set(equal.careful)) == 1
    with pytest.raises(ValueError, match="phase I"):
        phase_one.usual_shares([0], [0])


def test_the_pooled_correlation_is_the_one_that_was_put_in():
    """Units of any share and size give back the correlation of their months."""
    rng, rho = np.random.default_rng(8), 0.02
    q = rng.uniform(0.05, 0.3, (400, 1))
    months = rng.beta(q * (1 / rho - 1), (1 - q) * (1 / rho - 1), (400, 12))
    n = rng.poisson(60, (400, 12))
    assert phase_one.pooled_correlation(rng.binomial(n, months), n) == pytest.approx(rho, rel=0.1)
    assert phase_one.pooled_correlation(rng.binomial(n, np.broadcast_to(q, n.shape)), n) < 0.001
    assert phase_one.pooled_correlation([[0, 0]], [[0, 0]]) == 0


def test_frozen_charts_share_one_promise():
    """All charts together stay under the promise; units alike in size and share share a design."""
    charts = phase_one.baseline_charts([10, 10, 400, 3], [0.1, 0.1, 0.02, 0.9], 1.0)
    assert sum(chart.false_alarms for chart in charts) < 1
    assert charts[0] == charts[1]
    assert phase_one.baseline_charts([200], [0.1], 1.0, 0.02)[0].n > 1
    with pytest.raises(ValueError, match="no unit"):
        phase_one.baseline_charts([], [], 1.0)


USUAL_SHARE, NIGHT_RHO, YEARS = 0.08, 0.01, 250


def nights(months, volume, q, seed, days=30):
    """Ratings and dissatisfied ones by month and night, correlated within each night."""
    rng = np.random.default_rng(seed)
    share = rng.beta(q * (1 / NIGHT_RHO - 1), (1 - q) * (1 / NIGHT_RHO - 1), (months, days))
    n = rng.poisson(volume / days, (months, days))
    return n, rng.binomial(n, share)


def alarms(chart, n, x):
    """Nights at which a chart alarms, read as the watch reads it, begun anew after each."""
    score, rated, bad, found = 0, 0, 0, []
    for night, (more, worse) in enumerate(zip(n.ravel().tolist(), x.ravel().tolist(), strict=True)):
        rated, bad = rated + more, bad + worse
        if rated < max(5, chart.n):
            continue
        step = phase_one.batch_step((chart.den, chart.num), chart.n, rated, bad)
        score, rated, bad = max(0, score + step), 0, 0
        if score >= chart.H:
            found.append(night)
            score = 0
    return found


@pytest.mark.parametrize(
    ("volume", "days"),
    [(6000, 30), (6000, 15), (1500, 30), (1500, 12), (200, 22)],
    ids=["busy", "busy-two-nights", "usual", "usual-double", "small"],
)
def test_units_with_correlated_nights_keep_the_stated_chance(volume, days, report):
    """Phase I sees months, the watch is fed with nights that hang together, even two at once: false
    alarms stay as rare as the chart states.
    """
    n, x = nights(24 * 40, volume, USUAL_SHARE, seed=11)
    by_month = [one.sum(axis=1).reshape(40, 24) for one in (x, n)]
    rho = phase_one.pooled_correlation(*by_month)
    [chart] = phase_one.baseline_charts([volume], [USUAL_SHARE], 0.02, rho)
    false = alarms(chart, *nights(12 * YEARS, volume, USUAL_SHARE, seed=12, days=days))
    later = nights(4, volume, phase_one.doubled_odds(USUAL_SHARE), seed=13)
    report(
        f"{volume} a month: {len(false) / 12 / YEARS:.4f} false alarms a month, stated "
        f"{chart.false_alarms:.4f}; odds doubled: alarm in night {alarms(chart, *later)[:1]}"
    )
    assert len(false) / 12 / YEARS <= chart.false_alarms < 0.02
    assert alarms(chart, *later)


def test_a_chart_of_batches_of_60_keeps_its_word_at_200_a_night():
    """Limits frozen for more batches than there are nights hold: a night counts as one batch."""
    q1 = phase_one.doubled_odds(USUAL_SHARE)
    [chart] = runlength.design_charts([6000], USUAL_SHARE, q1, 0.02, batches=100, rho=NIGHT_RHO)
    assert chart.n == 60
    n, x = nights(12 * YEARS, 6000, USUAL_SHARE, seed=14)
    assert len(alarms(chart, n, x)) / 12 / YEARS <= chart.false_alarms
