"""`flask privacy`: retention, erasure of one citizen's data, and key rotation."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from survey import audit
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.crypto import keys
from survey.crypto.reencryption import values_to_read
from survey.db import db, transaction
from survey.errors import Invalid
from survey.formats import number
from survey.jobs.reencryption import pass_over_all
from survey.messages.phone import clean_phone
from survey.privacy import retention

SOME_BROKEN = 1


@click.group(help=gettext("Dữ liệu cá nhân: xóa theo thời hạn, xóa theo yêu cầu, đổi khóa."))
def command() -> None:
    """Group the commands on personal data."""


@command.command("retention", help=gettext("Xóa dữ liệu cá nhân đã hết thời hạn lưu."))
@common_options
def erase_due(*, now: datetime, as_json: bool) -> None:
    """Erase personal data past retention."""
    with transaction() as session:
        erased = retention.erase_due(session, now)
    emit(erased, as_json=as_json, text=_lines(erased))


@command.command(
    "erase", help=gettext("Xóa số điện thoại và họ tên của một người theo yêu cầu của họ.")
)
@click.option(
    "--phone", prompt=gettext("Số điện thoại"), hide_input=True, help=gettext("Hỏi nếu không nêu.")
)
@common_options
def erase(*, phone: str, now: datetime, as_json: bool) -> None:
    """Erase one citizen's number and name."""
    cleaned = clean_phone(phone).e164
    if cleaned is None:
        raise Invalid("bad_contact_phone")
    with transaction() as session:
        erased = retention.erase_phone(session, cleaned, now)
    emit(erased, as_json=as_json, text=_lines(erased))


@command.command(
    "rekey",
    help=gettext("Bọc lại các khóa bằng DATA_KEY hiện tại (vài giây, dữ liệu lớn nhỏ như nhau)."),
)
@click.option(
    "--full",
    is_flag=True,
    help=gettext(
        "Sinh khóa mới và mã hóa lại toàn bộ dữ liệu, khi nghi khóa cũ đã lộ. Chạy được lâu."
    ),
)
@common_options
def rekey(*, full: bool, now: datetime, as_json: bool) -> None:
    """Wrap the keys with the current DATA_KEY; `full`: new keys, and everything re-encrypted."""
    with transaction() as session:
        done = {"rewrapped": keys.rewrap(session)}
        if full:
            keys.draw_next(session, now)
    if full:
        done |= _reencrypt_all()
    if any(done.values()):
        with transaction() as session:
            audit.append(session, now, "privacy.rekey", "keys", detail={"full": full, **done})
    emit(done, as_json=as_json, text=_lines(done))
    if done.get("broken"):
        sys.exit(SOME_BROKEN)


def _reencrypt_all() -> dict[str, int]:
    """Put new keys in force and re-encrypt until no value is left under the former keys.

    Returns how many values were moved and how many are damaged.
    """
    time.sleep(keys.FRESH_SECONDS)  # every process loads the new keys before one encrypts with them
    with transaction() as session:
        keys.put_in_force(session)
    keys.forget(db.engine)
    with _progress(values_to_read(db.session())) as advance:
        moved, broken = pass_over_all(advance)
    time.sleep(keys.FRESH_SECONDS)  # until no process encrypts with the former keys
    while (late := pass_over_all(lambda _seen: None)[0]) > 0:
        moved += late
    return {"moved": moved, "broken": broken}


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr if it is a terminal, else nothing."""
    columns = (
        TextColumn(gettext("Mã hóa lại")),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda seen: bar.advance(task, seen)


def _lines(counts: dict[str, int]) -> str:
    return "\n".join(f"{name}: {number(found)}" for name, found in counts.items())
