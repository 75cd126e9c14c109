"""`flask messages`: send due messages, reconcile unclear ones, and print costs."""

from dataclasses import asdict
from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import MonthOption, common_options, emit
from survey.cli.providing import provider, provider_at
from survey.db import db
from survey.delivery.costs import MonthCosts, month_costs
from survey.delivery.labels import not_sent_words
from survey.formats import number
from survey.messages import outbox
from survey.period import Month
from survey.reports.phrases import month_name


@click.group(help=gettext("Tin nhắn: gửi tin đến hạn, đối soát tin chưa rõ kết quả."))
def command() -> None:
    """Group the commands on messages."""


@command.command("send-due", help=gettext("Gửi các tin đến hạn rồi dừng."))
@click.option("--limit", type=click.IntRange(min=1), help=gettext("Nhiều nhất bấy nhiêu tin."))
@common_options
def send_due(*, limit: int | None, now: datetime, as_json: bool) -> None:
    """Send the messages due at `now`."""
    summary = outbox.send_due(provider_at(now), now, limit)
    text = gettext(
        "Đã gửi %(sent)s, bị từ chối %(failed)s, chưa rõ %(unknown)s, còn chờ %(waiting)s.",
        sent=number(summary.sent),
        failed=number(summary.failed),
        unknown=number(summary.unknown),
        waiting=number(summary.waiting),
    )
    emit(asdict(summary), as_json=as_json, text=text)


@command.command("reconcile", help=gettext("Tìm hiểu các tin chưa rõ đã đi hay chưa."))
@common_options
def reconcile(*, now: datetime, as_json: bool) -> None:
    """Reconcile messages with unknown result: look them up at the provider."""
    summary = outbox.reconcile(provider(), now)
    text = gettext(
        "Đã gửi thật %(found_sent)s, cho gửi lại %(released)s, vẫn chưa rõ %(still_unknown)s.",
        found_sent=number(summary.found_sent),
        released=number(summary.released),
        still_unknown=number(summary.still_unknown),
    )
    emit(asdict(summary), as_json=as_json, text=text)


@command.command("cost", help=gettext("Chi phí tin nhắn của một tháng và lý do tin không gửi."))
@click.option("--month", type=MonthOption(), required=True, help=gettext("Tháng, dạng YYYY-MM."))
@common_options
def cost(*, month: Month, now: datetime, as_json: bool) -> None:
    """Print the costs of a month's messages per agency, and the reasons of those not sent."""
    costs = month_costs(db.session(), month, now)
    document = {
        "month": month,
        "messages": costs.messages,
        "segments": costs.segments,
        "dong": costs.dong,
        "unpriced": costs.unpriced,
        "by_agency": [asdict(one) for one in costs.by_agency],
        "not_sent": costs.not_sent,
        "budgets": [asdict(one) for one in costs.budgets],
    }
    emit(document, as_json=as_json, text="\n".join(_cost_lines(costs)))


def _cost_lines(costs: MonthCosts) -> list[str]:
    """The costs as text lines."""
    lines = [
        gettext(
            "%(month)s: %(messages)s tin, %(segments)s đoạn, %(dong)s đồng",
            month=month_name(costs.month).capitalize(),
            messages=number(costs.messages),
            segments=number(costs.segments),
            dong=number(costs.dong),
        )
        + (
            " " + gettext("(chưa có đơn giá: %(unpriced)s tin)", unpriced=number(costs.unpriced))
            if costs.unpriced
            else ""
        )
    ]
    lines += [
        "  "
        + (one.label or gettext("Nhắc lại và trả lời tin nhắn đến"))
        + ": "
        + gettext(
            "%(messages)s tin, %(dong)s đồng", messages=number(one.messages), dong=number(one.dong)
        )
        for one in costs.by_agency
    ]
    lines += [f"{not_sent_words(why)}: {number(found)}" for why, found in costs.not_sent.items()]
    lines += [
        (gettext("Hạn mức ngày") if one.period == "day" else gettext("Hạn mức tháng"))
        + ": "
        + gettext("%(used)s/%(limit)s đoạn", used=number(one.used), limit=number(one.limit))
        for one in costs.budgets
    ]
    return lines
