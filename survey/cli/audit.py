"""`flask audit`: verify the hash chain of the audit log."""

import sys
from datetime import datetime

import click

from survey import audit
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import db
from survey.formats import number

CHECK_FAILED = 1


@click.group(help=gettext("Nhật ký kiểm toán nối chuỗi."))
def command() -> None:
    """Group the commands on the audit log."""


@command.command(
    "verify", help=gettext("Kiểm tra chuỗi nhật ký còn nguyên vẹn; thoát mã 1 nếu không.")
)
@common_options
def verify(*, now: datetime, as_json: bool) -> None:  # noqa: ARG001 - a chain is whole or not at any time
    """Check the hash of every row against the row before it."""
    rows, is_whole = audit.verify(db.session())
    words = (
        gettext("nguyên vẹn")
        if is_whole
        else gettext("ĐÃ BỊ SỬA: hãy so với bản sao lưu và báo thanh tra")
    )
    emit(
        {"rows": rows, "ok": is_whole},
        as_json=as_json,
        text=gettext("%(rows)s dòng, %(words)s.", rows=number(rows), words=words),
    )
    if not is_whole:
        sys.exit(CHECK_FAILED)
