"""Commands on reference data: procedures, sectors, agencies, targets, header words."""

from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import settings_of, transaction
from survey.reference.files import province_folder
from survey.reference.loader import load


@click.group(help=gettext("Dữ liệu tham chiếu: thủ tục, lĩnh vực, cơ quan, chỉ tiêu, tên cột."))
def command() -> None:
    """Group the commands on reference data."""


@command.command(
    "load",
    help=gettext("Nạp dữ liệu tham chiếu của tỉnh (PROVINCE); nạp lại không làm thay đổi gì."),
)
@common_options
def load_command(now: datetime, *, as_json: bool) -> None:  # noqa: ARG001 - loading knows no time
    """Load the files of the province."""
    with transaction() as session:
        report = load(session, province_folder(settings_of(session).province))
    for change in report.changes:
        click.echo(change, err=True)
    shown = ", ".join(f"{name} {count}" for name, count in report.counts.items())
    emit(dict(report.counts), as_json=as_json, text=gettext("Đã nạp: %(shown)s.", shown=shown))
