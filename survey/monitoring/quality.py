"""Satisfaction control charts (CUSUM): ratings since the last reading change each chart's score.

A reading waits for a batch of several ratings, so that no stored row reveals a single answer. A
larger batch counts as one batch, because the answers of one night are correlated. Batches of Tết
weeks are read without changing the score, because a dip is expected then.
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
    """A chart with its limits and its current state."""

    chart: ControlChart
    limits: BaselineLimits
    state: ChartState

    @property
    def share(self) -> float:
        """The score as a share of the alarm limit; 1 or more is an alarm."""
        return self.state.score / self.limits.alarm_at


def stands(session: Session) -> list[Stand]:
    """Every chart with its current state, the nearest to an alarm first."""
    charts = session.scalars(select(ControlChart).options(joinedload(ControlChart.agency)))
    found = [Stand(one, one.limits, one.state) for one in charts]
    return sorted(found, key=lambda one: (-one.share, one.chart.agency.name, one.chart.id))


def read(
    session: Session, found: Mapping[ChartKey, CumulativeCounts], day: date, *, is_tet: bool
) -> list[Stand]:
    """Update every chart with the sums `found` at the end of `day`; return those in alarm."""
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
    """Update the state of a chart with the sums at the end of `day`, if they complete a batch."""
    rated = now.rated - state.read_rated
    not_satisfied = now.not_satisfied - state.read_not_satisfied
    # Changed or withdrawn answers may subtract more than was added: then wait for more ratings.
    if rated < max(LEAST_BATCH, limits.batch) or not 0 <= not_satisfied <= rated:
        return
    delivered = max(0, now.delivered - state.read_delivered)
    state.read_rated, state.read_not_satisfied = now.rated, now.not_satisfied
    state.read_delivered = now.delivered
    if is_tet:
        return
    before = state.score
    step = batch_step((limits.den, limits.num), _counted(limits), rated, not_satisfied)
    state.score = max(0, before + step)
    if before == 0 or state.score == 0:
        forget(state)
    if state.score:
        state.since = state.since or day
        state.since_delivered += delivered
        state.since_rated += rated
        state.since_not_satisfied += not_satisfied


def forget(state: ChartState) -> None:
    """Reset the sums since the score left zero; they restart with the next batch."""
    state.since = None
    state.since_delivered = state.since_rated = state.since_not_satisfied = 0


def stands_without_the_silent(limits: BaselineLimits, state: ChartState, day: date) -> bool:
    """Whether the chart would alarm even if every missing answer were a satisfied one.

    The worst case for a fall of satisfaction read by `day`. Missing answers are those usually given
    to the invitations delivered since the score left zero, less those given; they are assumed to
    come on the same nights as the others. In a chart of single ratings each lowers the score by
    `num`. Where a night counts as one batch of n, adding m answers to its r changes its step s to
    (r s - num n m) / (r + m), by `analysis.phase_one.batch_step`; summed over nights, with at most
    n ratings counted a night, this is the lowest possible score.
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
    """The number of ratings a night's batch counts as; 1 where each rating counts by itself."""
    return max(LEAST_BATCH, limits.batch) if limits.batch > 1 else 1


def province_rates(session: Session) -> list[RateChart]:
    """The baseline rates of the whole province: undelivered and unanswered invitations."""
    query = select(RateChart).where(RateChart.agency_id.is_(None))
    return list(session.scalars(query.order_by(RateChart.measure)))
