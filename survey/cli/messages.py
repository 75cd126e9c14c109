"""`flask messages`: send what is due, find out what became of unclear calls."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click
from flask import current_app

from survey.cli.options import common_options, emit
from survey.errors import Refused
from survey.sms import outbox
from survey.sms.providers import Provider, build_provider

# Where messages reach people, a run may not pretend that it is another day.
CLOCK_TOLERANCE = timedelta(minutes=10)


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
        f"Đã gửi {summary.sent}, bị từ chối {summary.failed}, chưa rõ {summary.unknown}, "
        f"còn chờ {summary.waiting}."
    )
    emit(asdict(summary), as_json=as_json, text=text)


@command.command("reconcile", help="Tìm hiểu các tin chưa rõ đã đi hay chưa.")
@common_options
def reconcile(*, now: datetime, as_json: bool) -> None:
    """Look for unclear messages at the provider."""
    summary = outbox.reconcile(_provider(), now)
    text = (
        f"Đã gửi thật {summary.found_sent}, cho gửi lại {summary.released}, "
        f"vẫn chưa rõ {summary.still_unknown}."
    )
    emit(asdict(summary), as_json=as_json, text=text)


def provider_at(now: datetime) -> Provider:
    """The provider to send with at `now`; Refused `not_this_time` where it would reach people."""
    provider = _provider()
    if not provider.capabilities.is_loopback and abs(now - datetime.now(UTC)) > CLOCK_TOLERANCE:
        raise Refused("not_this_time")
    return provider


def _provider() -> Provider:
    return build_provider(current_app.extensions["settings"])
