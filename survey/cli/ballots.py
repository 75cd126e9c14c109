"""`flask ballots`: count what waits in the pool."""

from datetime import datetime

import click

from survey.cli.options import common_options, emit
from survey.formats import number
from survey.jobs import counting


@click.group(help="Phiếu trả lời của người dân: đếm các phiếu đang chờ.")
def command() -> None:
    """Group the commands on ballots."""


@command.command("count", help="Đếm ngay các phiếu đang chờ, không đợi đến đêm.")
@common_options
def count(*, now: datetime, as_json: bool) -> None:
    """Count every ballot of the pool now."""
    counted = counting.count_and_clean(now)
    emit({"counted": counted}, as_json=as_json, text=f"Đã đếm {number(counted)} phiếu.")
