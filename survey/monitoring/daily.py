"""The night's reading: first the data, then satisfaction: missing answers can feign a fall."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from survey.ballots.pool import pool_of
from survey.models.watch import Measure, Place, Signal, WatchRate, WatchRule, lock_watch
from survey.monitoring import quality, signals
from survey.monitoring.data import Dip, dips
from survey.monitoring.quality import Stand
from survey.monitoring.standings import Spot, Standing, standings
from survey.province import calendar_of
from survey.province.workdays import local_day

RULES = {Measure.DELIVERY: WatchRule.DELIVERY_DIP, Measure.RESPONSE: WatchRule.RESPONSE_DIP}


def update(session: Session, now: datetime) -> int:
    """Read everything that came until the end of yesterday, day by day, before it is counted: a
    long outage does not arrive as one night. How many alerts were raised.
    """
    last = _yesterday(now)
    first = min((one.day for one in pool_of(session).ballots), default=last)
    days = [last - timedelta(days=back) for back in range((last - first).days, 0, -1)]
    return sum(watch(session, standings(session, day), day, now) for day in (*days, last))


def _yesterday(now: datetime) -> date:
    return local_day(now) - timedelta(days=1)


def watch(session: Session, found: Mapping[Spot, Standing], day: date, now: datetime) -> int:
    """Move charts and rates on to what was found by the end of `day`, and raise what calls for it.

    Running it again for the same day changes nothing.
    """
    lock_watch(session)
    calendar = calendar_of(session)
    is_open = signals.open_places(session)
    rates = session.scalars(
        select(WatchRate).order_by(WatchRate.agency_id.is_not(None), WatchRate.id)
    ).all()
    fresh: dict[Place, Signal] = {}
    # How many invitations had arrived is known of the newest day only, so answers that are missing
    # are not looked for by the end of an earlier one.
    complete = found if day >= _yesterday(now) else {}
    for dip in dips(session, rates, complete, day, calendar):
        rule = RULES[Measure(dip.rate.measure)]
        # What befalls the whole province needs no alert for each agency besides.
        place, province = Place(rule, dip.rate.agency_id), Place(rule, None)
        if place == province or province not in is_open | set(fresh):
            fresh[place] = _signal_of_dip(dip)
    for stand in quality.read(session, found, day, is_tet=calendar.in_tet_weeks(day)):
        chart = stand.chart
        place = Place(WatchRule.QUALITY_DROP, chart.agency_id, chart.sector_group)
        doubted = _is_doubted(chart.agency_id, is_open | set(fresh))
        if not doubted or quality.stands_without_the_silent(stand.limits, stand.progress, day):
            fresh[place] = _signal_of_chart(stand, day)
    for place, signal in fresh.items():
        if place in is_open:
            signals.extend(session, place, signal)
        else:
            signals.raise_signal(session, place, signal, now)
    session.flush()
    return len(set(fresh) - is_open)


def _is_doubted(agency_id: int, places: set[Place]) -> bool:
    """Whether an alert on the data of the agency or the province is open."""
    return any(
        place.rule in signals.DATA_RULES and place.agency_id in {None, agency_id}
        for place in places
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
    progress = stand.progress
    return Signal(
        since=progress.since or day,
        until=day,
        expected=stand.limits.usual,
        seen=progress.since_dissatisfied,
        out_of=progress.since_rated,
        chance=stand.limits.false_alarms,
    )
