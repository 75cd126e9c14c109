"""`flask coverage`: the coverage ledger, who was invited and who was not, and its consistency."""

import sys
from dataclasses import asdict
from datetime import datetime

import click

from survey import invitations
from survey.catalogues import gettext
from survey.cli.options import PeriodOption, common_options, emit
from survey.db import db
from survey.formats import number
from survey.period import Period
from survey.reports.phrases import REASONS

CHECK_FAILED = 1


@click.group(help=gettext("Sổ mời đánh giá: đã mời, chưa mời và lý do."))
def command() -> None:
    """Group the commands on the coverage ledger."""


@command.command("show", help=gettext("Số hồ sơ kết thúc, đã mời, không mời theo lý do."))
@click.option("--period", type=PeriodOption(), required=True)
@common_options
def show(*, period: Period, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Print the coverage ledger of a period."""
    figures = invitations.coverage(db.session(), period)
    lines = [
        gettext(
            "Kết thúc: %(finished)s · Đã mời: %(invited)s",
            finished=number(figures.finished),
            invited=number(figures.invited),
        )
    ]
    lines += [
        f"  {gettext(REASONS.get(why, why))}: {number(found)}"
        for why, found in figures.not_invited.items()
    ]
    emit(asdict(figures), as_json=as_json, text="\n".join(lines))


@command.command(
    "verify", help=gettext("Kiểm tra mọi hồ sơ kết thúc đều có trong sổ; thoát mã 1 nếu không.")
)
@click.option("--period", type=PeriodOption(), required=True)
@common_options
def verify(*, period: Period, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Check that the coverage ledger of a period adds up."""
    session = db.session()
    adds_up = invitations.verify_coverage(session, period)
    document = {"ok": adds_up, **asdict(invitations.coverage(session, period))}
    emit(
        document,
        as_json=as_json,
        text=gettext("Sổ khớp.") if adds_up else gettext("Sổ KHÔNG khớp."),
    )
    if not adds_up:
        sys.exit(CHECK_FAILED)
