"""`flask privacy`: retention, erasure of one citizen, change of keys."""

from collections import Counter
from datetime import datetime

import click

from survey.cli.options import common_options, emit
from survey.db import db, transaction
from survey.errors import Invalid
from survey.formats import number
from survey.privacy import rekeying, retention
from survey.sms.phone import clean_phone


@click.group(help="Dữ liệu cá nhân: xóa theo thời hạn, xóa theo yêu cầu, đổi khóa.")
def command() -> None:
    """Group the commands on personal data."""


@command.command("retention", help="Xóa dữ liệu cá nhân đã hết thời hạn lưu.")
@common_options
def erase_due(*, now: datetime, as_json: bool) -> None:
    """Erase what is past its term."""
    with transaction() as session:
        erased = retention.erase_due(session, now)
    emit(erased, as_json=as_json, text=_lines(erased))


@command.command("erase", help="Xóa số điện thoại và họ tên của một người theo yêu cầu của họ.")
@click.option("--phone", prompt="Số điện thoại", hide_input=True, help="Hỏi nếu không nêu.")
@common_options
def erase(*, phone: str, now: datetime, as_json: bool) -> None:
    """Erase one citizen's number and name."""
    cleaned = clean_phone(phone).e164
    if cleaned is None:
        raise Invalid("bad_contact_phone")
    with transaction() as session:
        erased = retention.erase_phone(session, cleaned, now)
    emit(erased, as_json=as_json, text=_lines(erased))


@command.command("rekey", help="Mã hóa lại mọi dữ liệu bằng DATA_KEY hiện tại.")
@common_options
def rekey(*, now: datetime, as_json: bool) -> None:
    """Move everything sealed to the current key."""
    before: Counter[str] = Counter()
    for month in rekeying.months_of_answers(db.session()):
        with transaction() as session:
            before.update(rekeying.rekey_answers(session, month))
    with transaction() as session:
        moved = rekeying.rekey(session, now, before)
    emit(moved, as_json=as_json, text=_lines(moved))


def _lines(counts: dict[str, int]) -> str:
    return "\n".join(f"{name}: {number(found)}" for name, found in counts.items())
