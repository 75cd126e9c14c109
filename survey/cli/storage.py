"""`flask storage`: back up the database, verify a backup, restore it."""

import sys
from datetime import datetime
from pathlib import Path
from typing import cast

import click
from flask import current_app

from survey import backup
from survey.catalogues import gettext
from survey.cli.options import common_options, emit, options_without_key
from survey.db import db
from survey.formats import number
from survey.settings import Settings

CHECK_FAILED = 1
FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.group(help=gettext("Sao lưu, kiểm tra bản sao lưu và khôi phục cơ sở dữ liệu."))
def command() -> None:
    """Group the commands on backups."""


@command.command(
    "backup", help=gettext("Sao lưu toàn bộ cơ sở dữ liệu vào FILE, kèm bảng kê FILE.json.")
)
@FILE
@common_options
def take(*, file: Path, now: datetime, as_json: bool) -> None:
    """Back up the database."""
    manifest = backup.take(db.engine, file, now)
    rows = sum(table.rows for table in manifest.tables.values())
    document = {"file": str(file.resolve()), "tables": len(manifest.tables), "rows": rows}
    emit(
        document,
        as_json=as_json,
        text=gettext(
            "Đã sao lưu %(rows)s dòng vào %(file)s", rows=number(rows), file=document["file"]
        ),
    )


@command.command(
    "check", help=gettext("Khôi phục thử FILE bên cạnh và so với bảng kê; thoát mã 1 nếu khác.")
)
@FILE
@options_without_key
def check(*, file: Path, now: datetime, as_json: bool) -> None:
    """Verify that a backup can be restored."""
    differing = backup.check(db.engine, _settings(), file, now)
    text = (
        gettext("Bản sao lưu tốt.")
        if not differing
        else gettext("KHÁC bảng kê: %(tables)s", tables=", ".join(differing))
    )
    emit({"ok": not differing, "differing": differing}, as_json=as_json, text=text)
    if differing:
        sys.exit(CHECK_FAILED)


@command.command(
    "restore", help=gettext("Khôi phục FILE vào cơ sở dữ liệu này, rồi so với bảng kê.")
)
@FILE
@click.option(
    "--replace",
    is_flag=True,
    help=gettext("Thay cả dữ liệu đang có. Hãy dừng web, sender và worker trước."),
)
@options_without_key
def restore(*, file: Path, replace: bool, now: datetime, as_json: bool) -> None:
    """Restore a backup."""
    manifest = backup.restore(db.engine, _settings(), file, now, replace=replace)
    rows = sum(table.rows for table in manifest.tables.values())
    emit(
        {"rows": rows, "ok": True},
        as_json=as_json,
        text=gettext("Đã khôi phục %(rows)s dòng, khớp bảng kê.", rows=number(rows)),
    )


def _settings() -> Settings:
    return cast("Settings", current_app.extensions["settings"])
