"""`flask settings`: show and change the province's settings, as on their page."""

from datetime import datetime

import click

from survey import province
from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.db import db, transaction

# So that -1 is rejected as a value with a sentence, not as an unknown option.
ANY_VALUE = {"ignore_unknown_options": True}


@click.group(help=gettext("Thiết lập của tỉnh, như trên trang Thiết lập."))
def command() -> None:
    """Group the commands on settings."""


@command.command("show", help=gettext("Các thiết lập, hoặc một thiết lập."))
@click.argument("key", required=False)
@common_options
def show(*, key: str | None, now: datetime, as_json: bool) -> None:  # noqa: ARG001 - a setting holds until it is changed
    """Print settings by their keys."""
    session = db.session()
    if key is None:
        found = province.settings_of_province(session)
    else:
        found = {key: province.setting(session, key)}
    _print(found, as_json=as_json)


@command.command(
    "set", help=gettext("Đổi một thiết lập; ghi vào nhật ký."), context_settings=ANY_VALUE
)
@click.argument("key")
@click.argument("value")
@common_options
def set_value(*, key: str, value: str, now: datetime, as_json: bool) -> None:
    """Change one setting."""
    with transaction() as session:
        province.change(session, now, {key: value})
        stored = {key: province.setting(session, key)}
    _print(stored, as_json=as_json)


def _print(settings: dict[str, str], *, as_json: bool) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in settings.items())
    emit(settings, as_json=as_json, text=text)
