"""Satisfaction: each chart's score moves with the ratings that came since the last reading.

A reading waits for a batch of ratings, so that no row tells of single answers; more than a batch
counts as one, since answers of one night hang together. Batches of Tết weeks are read but do not
move a score: that dip is known beforehand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from analysis.phase_one import batch_step
from survey.models.watch import Limits, Progress, WatchChart, WatchRate
from survey.monitoring.standings import Spot, Standing

# Fewer ratings than this are never read on their own.
LEAST_BATCH = 5


@dataclass(frozen=True, slots=True)
class Stand:
    """A chart, its limits and where it stands."""

    chart: WatchChart
    limits: Limits
    progress: Progress

    @property
    def share(self) -> float:
        """How far it is on its way to an alarm (1 and above: there)."""
        return self.progress.score / self.limits.alarm_at


def stands(session: Session) -> list[Stand]:
    """Every chart as it stands, the nearest to its alarm first."""
    charts = session.scalars(select(WatchChart).options(joinedload(WatchChart.agency)))
    found = [Stand(one, one.limits, one.progress) for one in charts]
    return sorted(found, key=lambda one: (-one.share, one.chart.agency.name, one.chart.id))


def read(
    session: Session, found: Mapping[Spot, Standing], day: date, *, is_tet: bool
) -> list[Stand]:
    """Move every chart on to what was found by the end of `day`; those at or above their limit."""
    over = []
    for stand in stands(session):
        chart, progress = stand.chart, stand.progress
        now = found.get((chart.agency_id, chart.sector_group))
        before = replace(progress)
        if now is not None:
            move(stand.limits, progress, now, day, is_tet=is_tet)
        if progress != before:
            chart.progress = progress
        if stand.share >= 1:
            over.append(stand)
    return over


def move(limits: Limits, progress: Progress, now: Standing, day: date, *, is_tet: bool) -> None:
    """Move the progress of a chart on to what was found by the end of `day`, if that is a batch."""
    rated = now.rated - progress.read_rated
    dissatisfied = now.dissatisfied - progress.read_dissatisfied
    # Changed or withdrawn answers may take more out than came in: then it waits for more.
    if rated < max(LEAST_BATCH, limits.batch) or not 0 <= dissatisfied <= rated:
        return
    delivered = max(0, now.delivered - progress.read_delivered)
    progress.read_rated, progress.read_dissatisfied = now.rated, now.dissatisfied
    progress.read_delivered = now.delivered
    if is_tet:
        return
    before = progress.score
    step = batch_step((limits.den, limits.num), _counted(limits), rated, dissatisfied)
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


def stands_without_the_silent(limits: Limits, progress: Progress, day: date) -> bool:
    """Whether the fall, as read by `day`, would show even if every answer that is missing were a
    satisfied one, come on the same nights as the others.

    Missing are the answers usual for what was delivered since the score left zero, less those
    that came. In a chart of single ratings each takes `num` from the score. Where a night counts
    as one batch of n, m among its r answers thin it: its step s becomes (r s - num n m) / (r + m),
    by `analysis.phase_one.batch_step`; summed over nights with no more than n a night counted,
    this is the least that the score could be.
    """
    expected = round(progress.since_delivered * limits.answer_rate)
    missing, rated = max(0, expected - progress.since_rated), progress.since_rated
    if limits.batch == 1:
        return progress.score - limits.num * missing >= limits.alarm_at
    nights = (day - (progress.since or day)).days + 1
    counted = min(rated, nights * _counted(limits))
    left = rated * progress.score - limits.num * counted * missing
    return left >= limits.alarm_at * (rated + missing)


def _counted(limits: Limits) -> int:
    """As how many ratings a night's batch counts; 1 where each counts by itself."""
    return max(LEAST_BATCH, limits.batch) if limits.batch > 1 else 1


def province_rates(session: Session) -> list[WatchRate]:
    """How often messages of the whole province are usually not delivered, or not answered."""
    query = select(WatchRate).where(WatchRate.agency_id.is_(None))
    return list(session.scalars(query.order_by(WatchRate.measure)))
