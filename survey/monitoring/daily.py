"""Nightly update of the control charts: first data quality, then satisfaction.

The order matters, because missing answers can look like a fall of satisfaction.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.pool import pool_of
from survey.models.control_chart import (
    AlertKey,
    ControlRule,
    Measure,
    RateChart,
    Signal,
    lock_control_charts,
)
from survey.monitoring import quality, signals
from survey.monitoring.cumulative_counts import ChartKey, CumulativeCounts, cumulative_counts
from survey.monitoring.data import Dip, dips
from survey.monitoring.quality import Stand
from survey.province import calendar_of
from survey.province.workdays import local_day

RULES = {Measure.DELIVERY: ControlRule.DELIVERY_DIP, Measure.RESPONSE: ControlRule.RESPONSE_DIP}


def update(session: Session, now: datetime) -> int:
    """Update the charts with all ballots until the end of yesterday, day by day; return the number
    of alerts raised.

    Runs before the counting job, so that the ballots of several days, as after a long outage, are
    not read as those of one night.
    """
    last = _yesterday(now)
    first = min((one.day for one in pool_of(session).ballots), default=last)
    days = [last - timedelta(days=back) for back in range((last - first).days, 0, -1)]
    return sum(
        update_charts(session, cumulative_counts(session, day), day, now) for day in (*days, last)
    )


def _yesterday(now: datetime) -> date:
    return local_day(now) - timedelta(days=1)


def update_charts(
    session: Session, found: Mapping[ChartKey, CumulativeCounts], day: date, now: datetime
) -> int:
    """Update charts and rates with the sums `found` at the end of `day`; raise or extend alerts.

    Idempotent: a second run for the same day changes nothing. Returns the number of new alerts.
    """
    lock_control_charts(session)
    calendar = calendar_of(session)
    is_open = signals.open_alert_keys(session)
    rates = session.scalars(
        select(RateChart).order_by(RateChart.agency_id.is_not(None), RateChart.id)
    ).all()
    fresh: dict[AlertKey, Signal] = {}
    # The number of delivered invitations is known for the newest day only, so response rates are
    # not checked for earlier days.
    complete = found if day >= _yesterday(now) else {}
    for dip in dips(session, rates, complete, day, calendar):
        rule = RULES[Measure(dip.rate.measure)]
        # With an alert for the whole province, agencies get no alert for the same rule.
        key, province = AlertKey(rule, dip.rate.agency_id), AlertKey(rule, None)
        if key == province or province not in is_open | set(fresh):
            fresh[key] = _signal_of_dip(dip)
    for stand in quality.read(session, found, day, is_tet=calendar.in_tet_weeks(day)):
        chart = stand.chart
        key = AlertKey(ControlRule.QUALITY_DROP, chart.agency_id, chart.sector_group)
        doubted = _is_doubted(chart.agency_id, is_open | set(fresh))
        if not doubted or quality.stands_without_the_silent(stand.limits, stand.state, day):
            fresh[key] = _signal_of_chart(stand, day)
    for key, signal in fresh.items():
        if key in is_open:
            signals.extend(session, key, signal)
        else:
            signals.raise_signal(session, key, signal, now)
    session.flush()
    return len(set(fresh) - is_open)


def _is_doubted(agency_id: int, keys: set[AlertKey]) -> bool:
    """Whether an alert on the data of the agency or the province is open."""
    return any(
        key.rule in signals.DATA_RULES and key.agency_id in {None, agency_id} for key in keys
    )


def _signal_of_dip(dip: Dip) -> Signal:
    return Signal(
        since=dip.since,
        until=dip.until,
        expected=dip.usual,
        seen=dip.seen,
        out_of=dip.out_of,
        chance=dip.chance,
    )


def _signal_of_chart(stand: Stand, day: date) -> Signal:
    state = stand.state
    return Signal(
        since=state.since or day,
        until=day,
        expected=stand.limits.usual,
        seen=state.since_not_satisfied,
        out_of=state.since_rated,
        chance=stand.limits.false_alarms,
    )
