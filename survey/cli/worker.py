"""`flask worker`: the process that runs jobs, or one turn of it."""

from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import common_options, emit, running_clock
from survey.jobs import worker


@click.command(
    "worker", help=gettext("Chạy việc nền: nhập tệp, báo cáo, chốt kỳ, xóa dữ liệu hết hạn.")
)
@click.option("--once", is_flag=True, help=gettext("Làm những việc đến hạn một lần rồi dừng."))
@common_options
def command(*, once: bool, now: datetime, as_json: bool) -> None:
    """Run the jobs that are due."""
    if once:
        jobs = worker.run_once(now)
        emit({"jobs": jobs}, as_json=as_json, text=gettext("Đã chạy %(jobs)s việc.", jobs=jobs))
        return
    worker.run_forever(running_clock(now))
