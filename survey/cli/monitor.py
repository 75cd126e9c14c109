"""`flask monitor`: set baselines (phase I), and show how far each control chart is from alarm."""

from datetime import datetime

import click

from survey import monitoring
from survey.catalogues import gettext
from survey.cli.options import MonthOption, common_options, emit
from survey.db import db, transaction
from survey.monitoring.labels import GROUPS
from survey.period import Month
from survey.reports.phrases import percentage


@click.group(help=gettext("Theo dõi diễn biến: chốt mức nền, xem biểu đồ."))
def command() -> None:
    """Group the commands on control charts."""


@command.command(
    "set-baseline", help=gettext("Chốt mức nền từ các kỳ bình thường đã chốt số liệu.")
)
@click.option("--from", "first", type=MonthOption(), required=True)
@click.option("--to", "last", type=MonthOption(), required=True)
@click.option(
    "--agency", default="", help=gettext("Chỉ chốt lại cơ quan mang mã này, các nơi khác giữ.")
)
@common_options
def set_baseline(*, first: Month, last: Month, agency: str, now: datetime, as_json: bool) -> None:
    """Set baseline and limits anew, for all or for one agency; recorded in the audit log."""
    with transaction() as session:
        if agency:
            baseline = monitoring.set_agency_baseline(session, agency, first, last, now)
        else:
            baseline = monitoring.set_baseline(session, first, last, now)
    document = {"months": baseline.months, "charts": baseline.charts, "rates": baseline.rates}
    text = gettext(
        "Đã chốt mức nền từ %(months)s kỳ: %(charts)s biểu đồ.",
        months=len(baseline.months),
        charts=baseline.charts,
    )
    emit(document, as_json=as_json, text=text)


@command.command(
    "show", help=gettext("Từng biểu đồ: mức thường ngày, điểm tích lũy, mức báo động.")
)
@common_options
def show(*, now: datetime, as_json: bool) -> None:  # noqa: ARG001 - charts stand as the night left them
    """Print every chart, nearest to its alarm limit first."""
    found = monitoring.stands(db.session())
    emit(
        [_document(one) for one in found],
        as_json=as_json,
        text="\n".join(map(_line, found))
        or gettext("Chưa chốt mức nền. Hãy chạy: flask --app survey monitor set-baseline."),
    )


def _line(stand: monitoring.Stand) -> str:
    chart, limits = stand.chart, stand.limits
    return gettext(
        "%(name)s · %(group)s: %(score)s/%(alarm_at)s, thường ngày %(usual)s chưa hài lòng",
        name=chart.agency.name,
        group=gettext(GROUPS[chart.sector_group]),
        score=stand.state.score,
        alarm_at=limits.alarm_at,
        usual=percentage(limits.usual),
    )


def _document(stand: monitoring.Stand) -> dict[str, object]:
    chart, limits, state = stand.chart, stand.limits, stand.state
    return {
        "agency": chart.agency.code,
        "sector_group": chart.sector_group,
        "usual": limits.usual,
        "score": state.score,
        "alarm_at": limits.alarm_at,
        "since": state.since.isoformat() if state.since else None,
        "rated": state.since_rated,
        "not_satisfied": state.since_not_satisfied,
        "false_alarms": limits.false_alarms,
        "phase_one": [chart.first_month, chart.last_month],
        "baseline_on": chart.baseline_on.isoformat(),
    }
