"""`flask alerts`: open alerts with the open cases they gather."""

from datetime import datetime

import click
from sqlalchemy import select

from survey.cases.labels import REASONS
from survey.cases.queue import AlertCard, alert_cards
from survey.cli.options import common_options, emit
from survey.db import db
from survey.models.case import Case


@click.group(help="Cảnh báo đang mở.")
def command() -> None:
    """Group the commands on alerts."""


@command.command("list", help="Các cảnh báo đang mở, mỗi quy tắc và cơ quan nhiều nhất một.")
@common_options
def show(*, now: datetime, as_json: bool) -> None:  # noqa: ARG001 - what is open does not depend on it
    """Print open alerts."""
    cards = alert_cards(db.session(), select(Case))
    lines = [
        f"{REASONS[card.alert.rule]} · {card.agency.name} · {len(card.cases)} phản ánh: "
        + ", ".join(one.code for one in card.cases)
        for card in cards
    ]
    emit(
        [_document(card) for card in cards],
        as_json=as_json,
        text="\n".join(lines) or "Không có cảnh báo nào đang mở.",
    )


def _document(card: AlertCard) -> dict[str, object]:
    return {
        "rule": card.alert.rule,
        "agency": card.agency.code,
        "agency_name": card.agency.name,
        "opened_at": card.alert.opened_at.isoformat(),
        "cases": [one.code for one in card.cases],
    }
