"""Satisfaction: each chart's score moves with the ratings that came since the last reading.

A reading waits for a batch of ratings, so that no row tells of single answers; more than a batch
counts as one, since answers of one night hang together. Batches of Tết weeks are read but do not
move a score: that dip is known beforehand.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from sqlalchemy.orm import Session

from analysis.phase_one import batch_step
from survey.models.watch import Progress, WatchChart
from survey.monitoring.standings import Spot, Standing

# Fewer ratings than this are never read on their own.
LEAST_BATCH = 5


def read(
    session: Session,
    charts: Mapping[Spot, WatchChart],
    found: Mapping[Spot, Standing],
    day: date,
    *,
    is_tet: bool,
) -> list[tuple[WatchChart, Progress]]:
    """Move every chart on to what was found by the end of `day`; those at or above their limit."""
    over = []
    for spot, chart in charts.items():
        progress = chart.progress(session)
        if spot in found:
            before = replace(progress)
            move(chart, progress, found[spot], day, is_tet=is_tet)
            if progress != before:
                chart.keep(session, progress)
        if progress.score >= chart.alarm_at:
            over.append((chart, progress))
    return over


def move(chart: WatchChart, progress: Progress, now: Standing, day: date, *, is_tet: bool) -> None:
    """Move the progress of a chart on to what was found by the end of `day`, if that is a batch."""
    rated = now.rated - progress.read_rated
    dissatisfied = now.dissatisfied - progress.read_dissatisfied
    # Changed or withdrawn answers may take more out than came in: then it waits for more.
    if rated < max(LEAST_BATCH, chart.batch) or not 0 <= dissatisfied <= rated:
        return
    delivered = max(0, now.delivered - progress.read_delivered)
    progress.read_rated, progress.read_dissatisfied = now.rated, now.dissatisfied
    progress.read_delivered = now.delivered
    if is_tet:
        return
    before = progress.score
    step = batch_step((chart.den, chart.num), _counted(chart), rated, dissatisfied)
    progress.score = max(0, before + step)
    if before == 0 or progress.score == 0:
        forget(progress)
    if progress.score:
        progress.since = progress.since or day
        progress.since_delivered += delivered
        progress.since_rated += rated
        progress.since_dissatisfied += dissatisfied


def forget(progress: Progress) -> None:
    """Nothing has been rising: the sums begin anew with the next batch."""
    progress.since = None
    progress.since_delivered = progress.since_rated = progress.since_dissatisfied = 0


def stands_without_the_silent(chart: WatchChart, progress: Progress, day: date) -> bool:
    """Whether the fall, as read by `day`, would show even if every answer that is missing were a
    satisfied one, come on the same nights as the others.

    Missing are the answers usual for what was delivered since the score left zero, less those
    that came. In a chart of single ratings each takes `num` from the score. Where a night counts
    as one batch of n, m among its r answers thin it: its step s becomes (r s - num n m) / (r + m),
    by `analysis.phase_one.batch_step`; summed over nights with no more than n a night counted,
    this is the least that the score could be.
    """
    expected = round(progress.since_delivered * chart.answer_rate)
    missing, rated = max(0, expected - progress.since_rated), progress.since_rated
    if chart.batch == 1:
        return progress.score - chart.num * missing >= chart.alarm_at
    nights = (day - (progress.since or day)).days + 1
    counted = min(rated, nights * _counted(chart))
    left = rated * progress.score - chart.num * counted * missing
    return left >= chart.alarm_at * (rated + missing)


def _counted(chart: WatchChart) -> int:
    """As how many ratings a night's batch counts; 1 where each counts by itself."""
    return max(LEAST_BATCH, chart.batch) if chart.batch > 1 else 1
