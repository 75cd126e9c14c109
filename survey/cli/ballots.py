"""`flask ballots`: run the counting job on the pool of ballots."""

from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.formats import number
from survey.jobs import counting


@click.group(help=gettext("Phiếu trả lời của người dân: đếm các phiếu đang chờ."))
def command() -> None:
    """Group the commands on ballots."""


@command.command("count", help=gettext("Đếm ngay các phiếu đang chờ, không đợi đến đêm."))
@common_options
def count(*, now: datetime, as_json: bool) -> None:
    """Count every ballot of the pool now."""
    counted = counting.count_and_clean(now)
    emit(
        {"counted": counted},
        as_json=as_json,
        text=gettext("Đã đếm %(counted)s phiếu.", counted=number(counted)),
    )
