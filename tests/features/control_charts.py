"""Input of the control charts in their tests, and the alerts they raise."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from survey import monitoring
from survey.models.control_chart import ControlAlert, ControlChart, RateChart
from survey.models.count import Cell, count_finished, count_reached
from survey.period import Month
from survey.province.workdays import LOCAL
from tests import ballots

MONTHS = (Month("2025-09"), Month("2025-10"), Month("2025-11"), Month("2025-12"))
NOW = datetime(2026, 4, 1, 2, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=9)
LAND = "land_construction_investment"
# A month: satisfied, dissatisfied and silent among those reached.
USUAL = (36, 4, 60)


def say(session, agency, month, said=USUAL, day=None):
    """Add delivered invitations and their answers (satisfied, dissatisfied, silent), counted or
    waiting for a day.
    """
    satisfied, dissatisfied, _silent = said
    cell = Cell(agency.id, "land", month, "counter", "on_time")
    asked = sum(said)
    count_finished(session, {(cell, "1.012784"): asked}, {cell: asked})
    count_reached(session, {cell: asked})
    noon = datetime.combine(day or date(2026, 1, 1), time(12), LOCAL)
    ballots.put_many(session, cell, {4: satisfied, 2: dissatisfied}, noon)
    if day is None:
        ballots.count(session)


def night(session, day):
    """Run the job of the night after a day."""
    return monitoring.update(session, after(day))


def after(day):
    """The instant of the job in the night after a day."""
    return datetime.combine(day, time(4), LOCAL) + timedelta(days=1)


def findings(session):
    """The subject of every alert of the control charts."""
    return [alert.record for alert in session.scalars(select(ControlAlert))]


def change_limits(session, agency_ids, **values):
    """Give the charts of these agencies other control limits."""
    for chart in session.scalars(
        select(ControlChart).where(ControlChart.agency_id.in_(agency_ids))
    ):
        chart.limits = replace(chart.limits, **values)


def record(session, without):
    """Every column of the charts and rates of all agencies but one, and their decrypted content."""
    return [
        {
            **{column.name: getattr(row, column.name) for column in table.__table__.columns},
            "limits": row.limits,
            "opened": row.state if table is ControlChart else row.sums,
        }
        for table in (ControlChart, RateChart)
        for row in session.scalars(select(table).order_by(table.id))
        if row.agency_id != without
    ]
