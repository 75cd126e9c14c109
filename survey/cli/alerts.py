"""`flask alerts`: open alerts of control charts, of sending, and of cases."""

from datetime import datetime

import click

from survey import monitoring
from survey.cases.labels import REASONS
from survey.cases.queue import CaseGroup, case_groups, open_cases
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import db
from survey.delivery.operator_alerts import open_operator_alerts, operator_alert_words
from survey.formats import number
from survey.models.operator_alert import Alert
from survey.models.staff import Scope
from survey.monitoring.labels import RULES, WHOLE_PROVINCE
from survey.reports.phrases import percentage


@click.group(help=gettext("Cảnh báo đang mở."))
def command() -> None:
    """Group the commands on alerts."""


@command.command(
    "list", help=gettext("Các cảnh báo đang mở, mỗi quy tắc và cơ quan nhiều nhất một.")
)
@common_options
def show(*, now: datetime, as_json: bool) -> None:  # noqa: ARG001 - what is open does not depend on it
    """Print open alerts."""
    session = db.session()
    groups, signals = case_groups(open_cases(session)), monitoring.open_alerts(session, Scope())
    lines = [
        f"{gettext(REASONS[alert.rule])} · {alert.agency.name} · "
        + gettext("%(count)s phản ánh", count=len(alert.cases))
        + ": "
        + ", ".join(one.code for one in alert.cases)
        for alert in groups
    ]
    operator_alerts = open_operator_alerts(session)
    lines = (
        [operator_alert_words(one) for one in operator_alerts]
        + [_line(alert) for alert in signals]
        + lines
    )
    documents = [_operator_alert(alert) for alert in operator_alerts]
    documents += [_of_signal(alert) for alert in signals] + [_document(alert) for alert in groups]
    emit(
        documents,
        as_json=as_json,
        text="\n".join(lines) or gettext("Không có cảnh báo nào đang mở."),
    )


def _line(alert: monitoring.OpenAlert) -> str:
    signal = alert.record.signal
    place = alert.agency.name if alert.agency else gettext(WHOLE_PROVINCE)
    seen = gettext(
        "%(seen)s/%(out_of)s từ %(since)s",
        seen=number(signal.seen),
        out_of=number(signal.out_of),
        since=f"{signal.since:%d/%m/%Y}",
    )
    usual = gettext("thường ngày %(expected)s", expected=percentage(signal.expected))
    return f"{gettext(RULES[alert.record.key.rule])} · {place} · {seen}, {usual}"


def _of_signal(alert: monitoring.OpenAlert) -> dict[str, object]:
    signal, place = alert.record.signal, alert.record.key
    return {
        "rule": place.rule,
        "agency": alert.agency.code if alert.agency else None,
        "agency_name": alert.agency.name if alert.agency else WHOLE_PROVINCE,
        "opened_at": alert.record.opened_at.isoformat(),
        "cases": [],
        "sector_group": place.scope or None,
        "since": signal.since.isoformat(),
        "until": signal.until.isoformat(),
        "expected": signal.expected,
        "seen": signal.seen,
        "out_of": signal.out_of,
        "chance": signal.chance,
    }


def _operator_alert(alert: Alert) -> dict[str, object]:
    """An alert on sending has no agency; `scope` is the budget or provider."""
    return {
        "rule": alert.rule,
        "agency": None,
        "agency_name": WHOLE_PROVINCE,
        "scope": alert.scope,
        "opened_at": alert.opened_at.isoformat(),
        "cases": [],
    }


def _document(alert: CaseGroup) -> dict[str, object]:
    return {
        "rule": alert.rule,
        "agency": alert.agency.code,
        "agency_name": alert.agency.name,
        "opened_at": alert.opened_at.isoformat(),
        "cases": [one.code for one in alert.cases],
    }
