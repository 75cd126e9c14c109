"""`flask ballots`: count what waits in the pool."""

from datetime import datetime

import click

from survey.cli.options import common_options, emit
from survey.db import transaction
from survey.jobs import counting
from survey.reports.phrases import number
from survey.row_order import clean_up


@click.group(help="Phiếu trả lời của người dân: đếm các phiếu đang chờ.")
def command() -> None:
    """Group the commands on ballots."""


@command.command("count", help="Đếm ngay các phiếu đang chờ, không đợi đến đêm.")
@common_options
def count(*, now: datetime, as_json: bool) -> None:
    """Count every ballot of the pool now."""
    with transaction() as session:
        counted = counting.count(session, now)
    clean_up(counting.REWRITTEN, rebuilt=counting.REBUILT)
    emit({"counted": counted}, as_json=as_json, text=f"Đã đếm {number(counted)} phiếu.")
