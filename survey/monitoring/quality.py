"""Satisfaction: each chart's score moves with the ratings that came since the last reading.

A reading waits for a batch of ratings, so that no row tells of single answers; more than a batch
counts as one, since answers of one night hang together. Batches of Tết weeks are read but do not
move a score: that dip is known beforehand.
"""

from collections.abc import Mapping
from datetime import date

from analysis.phase_one import batch_step
from survey.models.watch import WatchChart
from survey.monitoring.standings import Spot, Standing

# Fewer ratings than this are never read on their own.
LEAST_BATCH = 5


def read(
    charts: Mapping[Spot, WatchChart], found: Mapping[Spot, Standing], day: date, *, is_tet: bool
) -> list[WatchChart]:
    """Move every chart on to what was found by the end of `day`; those at or above their limit."""
    over = []
    for spot, chart in charts.items():
        if spot in found:
            _move(chart, found[spot], day, is_tet=is_tet)
        if chart.score >= chart.alarm_at:
            over.append(chart)
    return over


def _move(chart: WatchChart, now: Standing, day: date, *, is_tet: bool) -> None:
    rated = now.rated - chart.read_rated
    dissatisfied = now.dissatisfied - chart.read_dissatisfied
    # Changed or withdrawn answers may take more out than came in: then it waits for more.
    if rated < max(LEAST_BATCH, chart.batch) or not 0 <= dissatisfied <= rated:
        return
    delivered = max(0, now.delivered - chart.read_delivered)
    chart.read_rated, chart.read_dissatisfied = now.rated, now.dissatisfied
    chart.read_delivered = now.delivered
    if is_tet:
        return
    before = chart.score
    step = batch_step((chart.den, chart.num), _counted(chart), rated, dissatisfied)
    chart.score = max(0, before + step)
    if before == 0 or chart.score == 0:
        forget(chart)
    if chart.score:
        chart.since = chart.since or day
        chart.since_delivered += delivered
        chart.since_rated += rated
        chart.since_dissatisfied += dissatisfied


def forget(chart: WatchChart) -> None:
    """Nothing has been rising: the sums begin anew with the next batch."""
    chart.since = None
    chart.since_delivered = chart.since_rated = chart.since_dissatisfied = 0


def stands_without_the_silent(chart: WatchChart, day: date) -> bool:
    """Whether the fall, as read by `day`, would show even if every answer that is missing were a
    satisfied one, come on the same nights as the others.

    Missing are the answers usual for what was delivered since the score left zero, less those
    that came. In a chart of single ratings each takes `num` from the score. Where a night counts
    as one batch of n, m among its r answers thin it: its step s becomes (r s - num n m) / (r + m),
    by `analysis.phase_one.batch_step`; summed over nights with no more than n a night counted,
    this is the least that the score could be.
    """
    expected = round(chart.since_delivered * chart.answer_rate)
    missing, rated = max(0, expected - chart.since_rated), chart.since_rated
    if chart.batch == 1:
        return chart.score - chart.num * missing >= chart.alarm_at
    nights = (day - (chart.since or day)).days + 1
    counted = min(rated, nights * _counted(chart))
    left = rated * chart.score - chart.num * counted * missing
    return left >= chart.alarm_at * (rated + missing)


def _counted(chart: WatchChart) -> int:
    """As how many ratings a night's batch counts; 1 where each counts by itself."""
    return max(LEAST_BATCH, chart.batch) if chart.batch > 1 else 1
