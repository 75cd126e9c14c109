"""Satisfaction: each chart's score moves with the ratings that came since the last reading.

A reading waits for a batch of ratings, so that no row reveals single answers; more than a batch
counts as one, since answers of one night hang together. Batches of Tết weeks are read but do not
move a score: that dip is known beforehand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from analysis.phase_one import batch_step
from survey.models.control_chart import BaselineLimits, ChartState, ControlChart, RateChart
from survey.monitoring.cumulative_counts import ChartKey, CumulativeCounts

# Fewer ratings than this are never read on their own.
LEAST_BATCH = 5


@dataclass(frozen=True, slots=True)
class Stand:
    """A chart, its limits and where it stands."""

    chart: ControlChart
    limits: BaselineLimits
    state: ChartState

    @property
    def share(self) -> float:
        """How far it is on its way to an alarm (1 and above: there)."""
        return self.state.score / self.limits.alarm_at


def stands(session: Session) -> list[Stand]:
    """Every chart as it stands, the nearest to its alarm first."""
    charts = session.scalars(select(ControlChart).options(joinedload(ControlChart.agency)))
    found = [Stand(one, one.limits, one.state) for one in charts]
    return sorted(found, key=lambda one: (-one.share, one.chart.agency.name, one.chart.id))


def read(
    session: Session, found: Mapping[ChartKey, CumulativeCounts], day: date, *, is_tet: bool
) -> list[Stand]:
    """Move every chart on to what was found by the end of `day`; those at or above their limit."""
    over = []
    for stand in stands(session):
        chart, state = stand.chart, stand.state
        now = found.get((chart.agency_id, chart.sector_group))
        before = replace(state)
        if now is not None:
            move(stand.limits, state, now, day, is_tet=is_tet)
        if state != before:
            chart.state = state
        if stand.share >= 1:
            over.append(stand)
    return over


def move(
    limits: BaselineLimits, state: ChartState, now: CumulativeCounts, day: date, *, is_tet: bool
) -> None:
    """Move the progress of a chart on to what was found by the end of `day`, if that is a batch."""
    rated = now.rated - state.read_rated
    dissatisfied = now.dissatisfied - state.read_dissatisfied
    # Changed or withdrawn answers may take more out than came in: then it waits for more.
    if rated < max(LEAST_BATCH, limits.batch) or not 0 <= dissatisfied <= rated:
        return
    delivered = max(0, now.delivered - state.read_delivered)
    state.read_rated, state.read_dissatisfied = now.rated, now.dissatisfied
    state.read_delivered = now.delivered
    if is_tet:
        return
    before = state.score
    step = batch_step((limits.den, limits.num), _counted(limits), rated, dissatisfied)
    state.score = max(0, before + step)
    if before == 0 or state.score == 0:
        forget(state)
    if state.score:
        state.since = state.since or day
        state.since_delivered += delivered
        state.since_rated += rated
        state.since_dissatisfied += dissatisfied


def forget(state: ChartState) -> None:
    """Nothing has been rising: the sums begin again with the next batch."""
    state.since = None
    state.since_delivered = state.since_rated = state.since_dissatisfied = 0


def stands_without_the_silent(limits: BaselineLimits, state: ChartState, day: date) -> bool:
    """Whether the fall, as read by `day`, would show even if every answer that is missing were a
    satisfied one, come on the same nights as the others.

    Missing are the answers usual for what was delivered since the score left zero, less those
    that came. In a chart of single ratings each takes `num` from the score. Where a night counts
    as one batch of n, m among its r answers thin it: its step s becomes (r s - num n m) / (r + m),
    by `analysis.phase_one.batch_step`; summed over nights with no more than n a night counted,
    this is the least that the score could be.
    """
    expected = round(state.since_delivered * limits.answer_rate)
    missing, rated = max(0, expected - state.since_rated), state.since_rated
    if limits.batch == 1:
        return state.score - limits.num * missing >= limits.alarm_at
    nights = (day - (state.since or day)).days + 1
    counted = min(rated, nights * _counted(limits))
    left = rated * state.score - limits.num * counted * missing
    return left >= limits.alarm_at * (rated + missing)


def _counted(limits: BaselineLimits) -> int:
    """As how many ratings a night's batch counts; 1 where each counts by itself."""
    return max(LEAST_BATCH, limits.batch) if limits.batch > 1 else 1


def province_rates(session: Session) -> list[RateChart]:
    """How often messages of the whole province are usually not delivered, or not answered."""
    query = select(RateChart).where(RateChart.agency_id.is_(None))
    return list(session.scalars(query.order_by(RateChart.measure)))
