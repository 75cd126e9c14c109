"""`flask demo`: load invented data for trying the product out."""

from dataclasses import asdict
from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import transaction
from survey.demo import Scenario, check, has_dossiers, load
from survey.formats import number
from survey.jobs import reports


@click.group(help=gettext("Dữ liệu giả lập để dùng thử (chỉ khi DEMO=1)."))
def command() -> None:
    """Group the commands on the demo."""


@command.command(
    "load", help=gettext("Đổ dữ liệu giả lập vào cơ sở dữ liệu trống; cùng seed, cùng dữ liệu.")
)
@click.option("--dossiers", type=int, default=60_000, show_default=True, help=gettext("Số hồ sơ."))
@click.option(
    "--months", type=int, default=13, show_default=True, help=gettext("Số tháng đến hiện tại.")
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help=gettext("Hạt giống ngẫu nhiên.")
)
@click.option("--if-empty", is_flag=True, help=gettext("Không làm gì khi đã có hồ sơ."))
@common_options
def load_command(
    *, dossiers: int, months: int, seed: int, if_empty: bool, now: datetime, as_json: bool
) -> None:
    """Load a demo into an empty database."""
    scenario = Scenario(dossiers, months, seed, now)
    with transaction() as session:
        if if_empty and has_dossiers(session):
            emit(
                {"dossiers": 0},
                as_json=as_json,
                text=gettext("Đã có hồ sơ, không nạp dữ liệu giả lập."),
            )
            return
        check(session, scenario)
        click.echo(
            gettext(
                "Đang tạo %(dossiers)s hồ sơ giả lập trong %(months)s tháng …",
                dossiers=number(dossiers),
                months=months,
            ),
            err=True,
        )
        loaded = load(session, scenario)
        for month in scenario.reported_periods:  # the worker builds them, newest first
            reports.order(session, month, now)
    text = gettext(
        "Đã tạo %(dossiers)s hồ sơ, %(invited)s lời mời, %(answers)s phiếu trả lời, "
        "%(cases)s phản ánh; đã chốt %(snapshots)s kỳ.",
        dossiers=number(loaded.dossiers),
        invited=number(loaded.invited),
        answers=number(loaded.answers),
        cases=number(loaded.cases),
        snapshots=loaded.snapshots,
    )
    emit(asdict(loaded), as_json=as_json, text=text)
