"""`flask alerts`: open alerts, of the watch and those that gather cases."""

from datetime import datetime

import click

from survey import monitoring
from survey.cases.labels import REASONS
from survey.cases.queue import AlertCard, alert_cards, open_cases
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import db
from survey.delivery.troubles import open_troubles, trouble_words
from survey.formats import number
from survey.models.alert import Alert
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
    cards, signals = alert_cards(open_cases(session)), monitoring.cards(session, Scope())
    lines = [
        f"{gettext(REASONS[card.rule])} · {card.agency.name} · "
        + gettext("%(count)s phản ánh", count=len(card.cases))
        + ": "
        + ", ".join(one.code for one in card.cases)
        for card in cards
    ]
    troubles = open_troubles(session)
    lines = [trouble_words(one) for one in troubles] + [_line(card) for card in signals] + lines
    documents = [_trouble(alert) for alert in troubles]
    documents += [_of_signal(card) for card in signals] + [_document(card) for card in cards]
    emit(
        documents,
        as_json=as_json,
        text="\n".join(lines) or gettext("Không có cảnh báo nào đang mở."),
    )


def _line(card: monitoring.Card) -> str:
    said = card.finding.signal
    place = card.agency.name if card.agency else gettext(WHOLE_PROVINCE)
    seen = gettext(
        "%(seen)s/%(out_of)s từ %(since)s",
        seen=number(said.seen),
        out_of=number(said.out_of),
        since=f"{said.since:%d/%m/%Y}",
    )
    usual = gettext("thường ngày %(expected)s", expected=percentage(said.expected))
    return f"{gettext(RULES[card.finding.place.rule])} · {place} · {seen}, {usual}"


def _of_signal(card: monitoring.Card) -> dict[str, object]:
    said, place = card.finding.signal, card.finding.place
    return {
        "rule": place.rule,
        "agency": card.agency.code if card.agency else None,
        "agency_name": card.agency.name if card.agency else WHOLE_PROVINCE,
        "opened_at": card.finding.opened_at.isoformat(),
        "cases": [],
        "sector_group": place.scope or None,
        "since": said.since.isoformat(),
        "until": said.until.isoformat(),
        "expected": said.expected,
        "seen": said.seen,
        "out_of": said.out_of,
        "chance": said.chance,
    }


def _trouble(alert: Alert) -> dict[str, object]:
    """An alert on sending: of no agency; `scope` says which budget or provider."""
    return {
        "rule": alert.rule,
        "agency": None,
        "agency_name": WHOLE_PROVINCE,
        "scope": alert.scope,
        "opened_at": alert.opened_at.isoformat(),
        "cases": [],
    }


def _document(card: AlertCard) -> dict[str, object]:
    return {
        "rule": card.rule,
        "agency": card.agency.code,
        "agency_name": card.agency.name,
        "opened_at": card.opened_at.isoformat(),
        "cases": [one.code for one in card.cases],
    }
