"""`flask report`: build the monthly report."""

from datetime import datetime
from pathlib import Path

import click

from survey.catalogues import gettext
from survey.cli.options import MonthOption, common_options, emit
from survey.db import db
from survey.period import Month
from survey.reports.build import FORMATS, build


@click.group(help=gettext("Báo cáo tháng."))
def command() -> None:
    """Group the commands on reports."""


@command.command("build", help=gettext("Lập báo cáo của một kỳ; kỳ chưa chốt thì là bản tạm tính."))
@click.option("--period", type=MonthOption(), required=True)
@click.option(
    "--formats",
    default=",".join(FORMATS),
    show_default=True,
    help=gettext("Các dạng tệp, cách nhau bởi dấu phẩy."),
)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help=gettext("Thư mục ghi tệp.")
)
@common_options
def build_files(*, period: Month, formats: str, out: Path, now: datetime, as_json: bool) -> None:
    """Write the files of a month."""
    names = list(dict.fromkeys(name.strip().lower() for name in formats.split(",") if name.strip()))
    built = build(db.session(), period, names, out, now)
    files = [str(path) for path in built.files]
    document = {"files": files, "snapshot": built.snapshot, "digest": built.digest}
    state = gettext("từ bản chốt") if built.snapshot else gettext("tạm tính, kỳ chưa chốt")
    emit(
        document,
        as_json=as_json,
        text="\n".join(
            [gettext("Đã lập báo cáo %(period)s (%(state)s):", period=period, state=state), *files]
        ),
    )
