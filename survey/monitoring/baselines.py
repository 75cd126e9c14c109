"""Phase I baseline: a person names ordinary months, and control limits are computed from them.

All satisfaction charts together may raise one false alarm a month for the province, and so may all
checks of the data (delivery and response rates). The baseline of a single agency may be set again,
within the false alarms that the other charts leave.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from analysis import AnalysisError
from analysis.phase_one import baseline_charts, pooled_correlation, usual_shares
from survey import audit
from survey.errors import Invalid
from survey.models.control_chart import (
    BaselineLimits,
    ChartState,
    ControlChart,
    Measure,
    RateChart,
    RateLimits,
    Sums,
    lock_control_charts,
)
from survey.models.organisation import Agency
from survey.models.snapshot import Snapshot
from survey.monitoring.cumulative_counts import (
    ChartKey,
    CumulativeCounts,
    by_agency,
    by_month,
    cumulative_counts,
)
from survey.period import Month
from survey.province import calendar_of
from survey.province.workdays import Calendar, local_day

FALSE_ALARMS_A_MONTH = 1.0
LEAST_MONTHS, MOST_MONTHS = 2, 36
# With fewer ratings a month, a chart would take years to signal a change.
LEAST_MONTHLY = 3
LEAST_DELIVERED = 30
# Answers and receipts of one day or week are a little correlated even where phase I shows nothing.
LEAST_RHO = 0.002
# Where nearly all messages lack a delivery receipt, the delivery rate cannot be monitored.
MOST_USUAL = 0.97
# Of a chart: agency, target group, limits. Of a rate: measure, agency (None: the province), limits.
Chart = tuple[int, str, BaselineLimits]
Rate = tuple[Measure, int | None, RateLimits]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Result of setting a baseline: months used, numbers of satisfaction charts and of rates."""

    months: tuple[Month, ...]
    charts: int
    rates: int


def set_baseline(
    session: Session, first: Month, last: Month, now: datetime, *, staff_id: int | None = None
) -> Baseline:
    """Set all control limits from the months `first` to `last` (YYYY-MM); scores restart at zero.

    Months that lie mostly in Tết weeks are left out. Invalid: `baseline_months` unless 2 to 36
    ordinary months remain, `baseline_open_month` if one is not closed, `baseline_no_ratings`
    without a unit with enough ratings, `baseline_unsettled` when ratings vary too much for any
    limit.
    """
    months = _ordinary(session, first, last)
    found = by_month(session, months)
    lock_control_charts(
        session
    )  # After the advisory lock of the ballots just read: the counting job uses the same order.
    groups = _groups(found, months)
    each = FALSE_ALARMS_A_MONTH / max(1, sum(map(len, groups.values())))
    try:
        found_charts = [
            _charts(name, chart_keys, chart_keys, each) for name, chart_keys in groups.items()
        ]
    except AnalysisError as unsettled:  # The ratings vary too much for any limit.
        raise Invalid("baseline_unsettled") from unsettled
    charts = [chart for some in found_charts for chart in some]
    if not charts:
        raise Invalid("baseline_no_ratings")
    rates = _rates(found, months)
    for table in (ControlChart, RateChart):
        session.execute(delete(table))
    _store(session, charts, rates, _baseline(months, now, staff_id))
    begin(session, cumulative_counts(session), local_day(now))
    detail = {"charts": len(charts), "rates": len(rates), "months": list(months)}
    audit.append(
        session, now, "baseline.set", f"months:{first}..{last}", staff_id=staff_id, detail=detail
    )
    return Baseline(months, len(charts), len(rates))


def set_agency_baseline(
    session: Session,
    code: str,
    first: Month,
    last: Month,
    now: datetime,
    *,
    staff_id: int | None = None,
) -> Baseline:
    """Set the limits of one agency; all other agencies keep their limits and scores.

    Its usual shares are still estimated together with similar agencies in the same months. Each of
    its charts gets an equal part of the allowed false alarms, or less where the other charts leave
    less: all together stay below one a month. Invalid: as `set_baseline`, `unknown_agency`,
    `baseline_missing` before the province has a baseline, `baseline_no_room` if nothing is left.
    """
    agency = session.scalars(select(Agency).where(Agency.code == code)).first()
    if agency is None:
        raise Invalid("unknown_agency", code[:40])
    months = _ordinary(session, first, last)
    found = by_month(session, months)
    lock_control_charts(session)
    charts = _charts_of(session, agency.id, _groups(found, months))
    rates = [one for one in _rates(found, months) if one[1] == agency.id]
    for table in (ControlChart, RateChart):
        session.execute(delete(table).where(table.agency_id == agency.id))
    _store(session, charts, rates, _baseline(months, now, staff_id))
    begin(session, cumulative_counts(session), local_day(now), agency.id)
    detail = {"charts": len(charts), "rates": len(rates), "months": list(months)}
    audit.append(session, now, "baseline.set", f"agency:{code}", staff_id=staff_id, detail=detail)
    return Baseline(months, len(charts), len(rates))


def _charts_of(
    session: Session, agency_id: int, groups: Mapping[str, Mapping[int, Sequence[CumulativeCounts]]]
) -> list[Chart]:
    """The new charts of one agency, within the false alarms that those of the others leave."""
    kept = [
        (one.agency_id, one.limits.false_alarms) for one in session.scalars(select(ControlChart))
    ]
    if not kept:
        raise Invalid("baseline_missing")
    own = {name: chart_keys for name, chart_keys in groups.items() if agency_id in chart_keys}
    if not own:
        raise Invalid("baseline_no_ratings")
    each = _room([alarms for other, alarms in kept if other != agency_id], len(own))
    try:
        found = [_charts(name, chart_keys, [agency_id], each) for name, chart_keys in own.items()]
    except AnalysisError as full:  # No limit is high enough for so few false alarms.
        raise Invalid("baseline_no_room") from full
    return [chart for charts in found for chart in charts]


def _room(others: Sequence[float], number: int) -> float:
    """False alarms a month for each of `number` new charts: an equal part, or less where the
    other charts leave less.
    """
    left = FALSE_ALARMS_A_MONTH - sum(others)
    each = min(left / number, FALSE_ALARMS_A_MONTH / (len(others) + number))
    if each <= 0:
        raise Invalid("baseline_no_room")
    return each


def _baseline(months: Sequence[Month], now: datetime, staff_id: int | None) -> dict[str, Any]:
    """The unencrypted columns of a chart or rate that describe its baseline."""
    days = {"first_month": months[0], "last_month": months[-1], "baseline_on": local_day(now)}
    return {**days, "baseline_by": staff_id}


def _store(
    session: Session, charts: Sequence[Chart], rates: Sequence[Rate], baseline: Mapping[str, Any]
) -> None:
    for agency_id, group, limits in charts:
        chart = ControlChart(agency_id=agency_id, sector_group=group, **baseline)
        session.add(chart)
        chart.limits, chart.state = limits, ChartState()
    for measure, of_agency, shares in rates:
        place = {"measure": measure, "agency_id": of_agency, "batch_from": baseline["baseline_on"]}
        rate = RateChart(**place, **baseline)
        session.add(rate)
        rate.limits, rate.sums = shares, Sums()


def begin(
    session: Session,
    found: Mapping[ChartKey, CumulativeCounts],
    day: date,
    agency_id: int | None = None,
) -> None:
    """Mark the current sums as read by every chart and rate, or by those of one agency, so that
    only later data count.
    """
    session.flush()
    charts, rates = select(ControlChart), select(RateChart)
    if agency_id is not None:
        charts = charts.where(ControlChart.agency_id == agency_id)
        rates = rates.where(RateChart.agency_id == agency_id)
    for chart in session.scalars(charts):
        now = found.get((chart.agency_id, chart.sector_group), CumulativeCounts())
        state = chart.state
        state.read_delivered, state.read_rated = now.delivered, now.rated
        state.read_not_satisfied = now.not_satisfied
        chart.state = state
    added = by_agency(found)
    for rate in session.scalars(rates):
        now = added.get(rate.agency_id, CumulativeCounts())
        rate.batch_from = day
        rate.sums = Sums(now.delivered, now.rated)
    session.flush()


def _ordinary(session: Session, first: Month, last: Month) -> tuple[Month, ...]:
    calendar = calendar_of(session)
    months: list[Month] = []
    month = first
    while month <= last and len(months) <= MOST_MONTHS:
        if not is_tet_month(calendar, month):
            months.append(month)
        month = month.following
    if not LEAST_MONTHS <= len(months) <= MOST_MONTHS:
        raise Invalid("baseline_months")
    closed = select(func.count(func.distinct(Snapshot.month))).where(Snapshot.month.in_(months))
    if session.scalar(closed) != len(months):
        raise Invalid("baseline_open_month")
    return tuple(months)


def is_tet_month(calendar: Calendar, month: Month) -> bool:
    """Whether most days of a month (YYYY-MM) are in Tết weeks."""
    begin, end = month.first_day, month.day_after
    days = [begin + timedelta(days=number) for number in range((end - begin).days)]
    return sum(calendar.in_tet_weeks(day) for day in days) > len(days) / 2


def _groups(
    found: Mapping[Month, Mapping[ChartKey, CumulativeCounts]], months: Sequence[Month]
) -> dict[str, dict[int, list[CumulativeCounts]]]:
    """Sector group → agency → counts by month, for chart keys with enough ratings for a chart."""
    groups: dict[str, dict[int, list[CumulativeCounts]]] = defaultdict(dict)
    for agency_id, group in sorted({chart_key for month in found.values() for chart_key in month}):
        series = [
            found.get(month, {}).get((agency_id, group), CumulativeCounts()) for month in months
        ]
        if sum(one.rated for one in series) >= LEAST_MONTHLY * len(months):
            groups[group][agency_id] = series
    return groups


def _charts(
    group: str,
    chart_keys: Mapping[int, Sequence[CumulativeCounts]],
    wanted: Collection[int],
    each: float,
) -> list[Chart]:
    """The charts of the agencies `wanted`, with `each` false alarms a month.

    Usual shares are estimated from all agencies of the sector group together (shrinkage).
    """
    bad = [[one.not_satisfied for one in series] for series in chart_keys.values()]
    rated = [[one.rated for one in series] for series in chart_keys.values()]
    totals = [
        CumulativeCounts(*map(sum, zip(*series, strict=True))) for series in chart_keys.values()
    ]
    usual = usual_shares([one.not_satisfied for one in totals], [one.rated for one in totals])
    rows = zip(chart_keys, usual.share, usual.careful, totals, strict=True)
    chosen = [row for row in rows if row[0] in wanted]
    monthly = [round(total.rated / len(bad[0])) for *_, total in chosen]
    careful_shares = [careful for _, _, careful, _ in chosen]
    rho = pooled_correlation(bad, rated)
    designs = baseline_charts(monthly, careful_shares, each * len(chosen), rho)
    return [
        (
            agency_id,
            group,
            BaselineLimits(
                usual=float(share),
                careful=float(careful),
                answer_rate=min(1.0, total.rated / max(1, total.delivered)),
                den=int(design.den),
                num=int(design.num),
                alarm_at=int(design.H),
                batch=int(design.n),
                false_alarms=float(design.false_alarms),
                rated=int(total.rated),
            ),
        )
        for (agency_id, share, careful, total), design in zip(chosen, designs, strict=True)
    ]


def _rates(
    found: Mapping[Month, Mapping[ChartKey, CumulativeCounts]], months: Sequence[Month]
) -> list[Rate]:
    """Usual rates of undelivered and of unanswered invitations, by agency and for the province."""
    series: dict[int | None, list[CumulativeCounts]] = defaultdict(list)
    for month in months:
        added = by_agency(found.get(month, {}))
        for key in {*added, *series}:
            series[key] = [*series[key], added.get(key, CumulativeCounts())]
    rates: list[Rate] = []
    for measure in Measure:
        agencies: dict[int | None, list[tuple[int, int]]] = {
            key: _misses(measure, one) for key, one in series.items() if key is not None
        }
        rates += _rates_of(measure, agencies)
        rates += _rates_of(measure, {None: _misses(measure, series.get(None, []))})
    return rates


def _misses(measure: Measure, series: Sequence[CumulativeCounts]) -> list[tuple[int, int]]:
    """(number missing, total) by month."""
    if measure is Measure.DELIVERY:
        pairs = [(one.invited - one.delivered, one.invited) for one in series]
    else:
        pairs = [(one.delivered - one.rated, one.delivered) for one in series]
    return [(min(max(0, missed), out_of), out_of) for missed, out_of in pairs]


def _rates_of(
    measure: Measure, series: Mapping[int | None, Sequence[tuple[int, int]]]
) -> list[Rate]:
    kept = {
        key: pairs
        for key, pairs in series.items()
        if sum(out_of for _, out_of in pairs) >= LEAST_DELIVERED
    }
    if not kept:
        return []
    longest = max(map(len, kept.values()))
    padded = [[*pairs, *[(0, 0)] * (longest - len(pairs))] for pairs in kept.values()]
    missed = [[one for one, _ in pairs] for pairs in padded]
    out_of = [[two for _, two in pairs] for pairs in padded]
    usual = usual_shares([sum(row) for row in missed], [sum(row) for row in out_of])
    rho = max(LEAST_RHO, pooled_correlation(missed, out_of))
    return [
        (measure, key, RateLimits(float(share), float(careful), float(rho)))
        for key, share, careful in zip(kept, usual.share, usual.careful, strict=True)
        if share <= MOST_USUAL
    ]
