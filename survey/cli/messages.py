"""`flask messages`: send what is due, find out what became of unclear calls."""

from dataclasses import asdict
from datetime import datetime

import click

from survey.cli.options import Period, common_options, emit
from survey.cli.providing import provider, provider_at
from survey.db import db
from survey.delivery.costs import MonthCosts, month_costs
from survey.delivery.labels import not_sent_words
from survey.formats import number
from survey.messages import outbox
from survey.reports.phrases import month_name


@click.group(help="Tin nhắn: gửi tin đến hạn, đối soát tin chưa rõ kết quả.")
def command() -> None:
    """Group the commands on messages."""


@command.command("send-due", help="Gửi các tin đến hạn rồi dừng.")
@click.option("--limit", type=click.IntRange(min=1), help="Nhiều nhất bấy nhiêu tin.")
@common_options
def send_due(*, limit: int | None, now: datetime, as_json: bool) -> None:
    """Send what is due at T."""
    summary = outbox.send_due(provider_at(now), now, limit)
    text = (
        f"Đã gửi {number(summary.sent)}, bị từ chối {number(summary.failed)}, "
        f"chưa rõ {number(summary.unknown)}, còn chờ {number(summary.waiting)}."
    )
    emit(asdict(summary), as_json=as_json, text=text)


@command.command("reconcile", help="Tìm hiểu các tin chưa rõ đã đi hay chưa.")
@common_options
def reconcile(*, now: datetime, as_json: bool) -> None:
    """Look for unclear messages at the provider."""
    summary = outbox.reconcile(provider(), now)
    text = (
        f"Đã gửi thật {number(summary.found_sent)}, cho gửi lại {number(summary.released)}, "
        f"vẫn chưa rõ {number(summary.still_unknown)}."
    )
    emit(asdict(summary), as_json=as_json, text=text)


@command.command("cost", help="Chi phí tin nhắn của một tháng và lý do tin không gửi.")
@click.option("--month", type=Period(), required=True, help="Tháng, dạng YYYY-MM.")
@common_options
def cost(*, month: str, now: datetime, as_json: bool) -> None:
    """Print what a month's messages cost, per agency, and why others were not sent."""
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
    """The same for people."""
    lines = [
        f"{month_name(costs.month).capitalize()}: {number(costs.messages)} tin,"
        f" {number(costs.segments)} đoạn, {number(costs.dong)} đồng"
        + (f" (chưa có đơn giá: {number(costs.unpriced)} tin)" if costs.unpriced else "")
    ]
    lines += [
        f"  {one.label or 'Nhắc lại và trả lời tin nhắn đến'}: {number(one.messages)} tin,"
        f" {number(one.dong)} đồng"
        for one in costs.by_agency
    ]
    lines += [f"{not_sent_words(why)}: {number(found)}" for why, found in costs.not_sent.items()]
    lines += [
        f"Hạn mức {'ngày' if one.period == 'day' else 'tháng'}:"
        f" {number(one.used)}/{number(one.limit)} đoạn"
        for one in costs.budgets
    ]
    return lines
