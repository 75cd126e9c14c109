"""Options shared by all commands (`--now`, `--json`), and readable error messages."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import click
from flask.cli import with_appcontext
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from survey import clock
from survey.catalogues import gettext
from survey.crypto import keys
from survey.db import db
from survey.errors import Invalid, Refused, SurveyError
from survey.period import YEARS, Month, Period, month_of, period_of
from survey.province.workdays import LOCAL
from survey.wording import words_for

WRONG_USE = 2
WRONG_KEY = 1
SAME_CLOCK = timedelta(seconds=5)


class Instant(click.ParamType[datetime]):
    """An ISO 8601 datetime; without an offset it is local time in Viet Nam."""

    name = "ISO8601"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse to an aware UTC datetime, or fail with a sentence."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            instant = None
        if instant is None or instant.year not in YEARS:
            self.fail(
                gettext(
                    "'%(value)s' không phải thời điểm ISO 8601, ví dụ 2026-11-21T08:00:00+07:00",
                    value=value,
                ),
                param,
                ctx,
            )
        return (instant if instant.tzinfo else instant.replace(tzinfo=LOCAL)).astimezone(UTC)


class MonthOption(click.ParamType[Month]):
    """A month, YYYY-MM."""

    name = "YYYY-MM"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Month:
        """Validate the format, or fail with a sentence."""
        try:
            return month_of(str(value))
        except Invalid:
            self.fail(
                gettext(
                    "'%(value)s' không phải kỳ hợp lệ; hãy viết dạng YYYY-MM, ví dụ 2026-10",
                    value=value,
                ),
                param,
                ctx,
            )


class PeriodOption(click.ParamType[Period]):
    """A month, quarter, half-year, year, or span of months."""

    name = "PERIOD"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Period:
        """Parse the code, or fail with a sentence."""
        try:
            return period_of(str(value))
        except Invalid as refusal:
            self.fail(words_for(refusal), param, ctx)


def common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `now` and `as_json`, an application context, and exit code 2 for errors.

    With a wrong DATA_KEY nothing is done, and the exit code is 1.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            keys.check(db.session())
        finally:
            db.session.remove()
        return function(*args, **kwargs)

    return options_without_key(run)


def options_without_key(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same for a command that checks DATA_KEY itself, or uses another database."""

    @click.option("--now", type=Instant(), help=gettext("Chạy như thể đang ở thời điểm này."))
    @click.option("--json", "as_json", is_flag=True, help=gettext("In một văn bản JSON ra stdout."))
    @with_appcontext
    @wraps(function)
    def run(*args: Any, now: datetime | None, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            return function(*args, now=now or clock.now(), **kwargs)
        except SurveyError as refusal:
            click.echo(words_for(refusal), err=True)
            if refusal.code == "wrong_key":
                sys.exit(WRONG_KEY)
        except (OperationalError, ProgrammingError, InterfaceError) as broken:
            first_line = str(broken.orig).partition("\n")[0]
            click.echo(words_for(Refused("database_unusable", first_line)), err=True)
        sys.exit(WRONG_USE)

    return run


def running_clock(now: datetime) -> Callable[[], datetime]:
    """A clock that runs on from `now`; the real clock if they hardly differ."""
    shift = now - clock.now()
    if abs(shift) < SAME_CLOCK:
        shift = timedelta()
    return lambda: clock.now() + shift


def emit(document: object, *, as_json: bool, text: str) -> None:
    """Print one JSON document on stdout, or the text for people."""
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else text)
