"""`flask sender`: the process that sends messages, or one turn of it."""

from dataclasses import asdict
from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import common_options, emit, running_clock
from survey.cli.providing import provider_at
from survey.formats import number
from survey.jobs import sender


@click.command("sender", help=gettext("Gửi tin đến hạn và đối soát tin chưa rõ, liên tục."))
@click.option("--once", is_flag=True, help=gettext("Gửi và đối soát một lần rồi dừng."))
@common_options
def command(*, once: bool, now: datetime, as_json: bool) -> None:
    """Send due messages, and reconcile those with an unknown result."""
    provider = provider_at(now)
    if once:
        done = sender.run_once(provider, now)
        text = gettext(
            "Đã gửi %(sent)s, bị từ chối %(failed)s, chưa rõ %(unknown)s, còn chờ %(waiting)s.",
            sent=number(done.sent + done.found_sent),
            failed=number(done.failed),
            unknown=number(done.unknown),
            waiting=number(done.waiting),
        )
        emit(asdict(done), as_json=as_json, text=text)
        return
    sender.run_forever(provider, running_clock(now))
