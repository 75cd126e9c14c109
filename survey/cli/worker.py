"""`flask worker`: the background loop, or one turn of it."""

from dataclasses import asdict
from datetime import datetime, timedelta

import click

from survey import clock
from survey.cli.messages import provider_at
from survey.cli.options import common_options, emit
from survey.jobs import worker

RUNNING_CLOCK = timedelta(seconds=5)


@click.command("worker", help="Chạy việc nền: gửi tin, nhập tệp, báo cáo, xóa dữ liệu hết hạn.")
@click.option("--once", is_flag=True, help="Làm những việc đến hạn một lần rồi dừng.")
@common_options
def command(*, once: bool, now: datetime, as_json: bool) -> None:
    """Run what is due."""
    provider_at(now)
    if once:
        done = worker.run_once(now)
        text = f"Đã gửi {done.sent} tin, chạy {done.jobs} việc."
        emit(asdict(done), as_json=as_json, text=text)
        return
    shift = now - clock.now()
    if abs(shift) < RUNNING_CLOCK:
        shift = timedelta()
    worker.run_forever(lambda: clock.now() + shift)
