"""`flask version`: print the installed version."""

from datetime import datetime

import click

from survey.catalogues import gettext
from survey.cli.options import common_options, emit
from survey.indices import FORMULA
from survey.version import VERSION, schema


@click.command(
    "version", help=gettext("Phiên bản của phần mềm, của cơ sở dữ liệu và của công thức.")
)
@common_options
def command(*, now: datetime, as_json: bool) -> None:  # noqa: ARG001
    """Print version, database schema and formula version."""
    document = {"version": VERSION, "schema": schema(), "formula": FORMULA}
    text = gettext(
        "Lắng Nghe %(version)s, cơ sở dữ liệu %(schema)s, công thức %(formula)s.",
        version=VERSION,
        schema=schema(),
        formula=FORMULA,
    )
    emit(document, as_json=as_json, text=text)
