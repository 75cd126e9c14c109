"""`flask db`: Flask-Migrate's commands on our migrations."""

from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import Migrate
from flask_migrate.cli import db as commands

from survey.catalogues import gettext
from survey.db import db
from survey.settings import ROOT

migrate = Migrate(render_as_batch=True, compare_type=True)


@with_appcontext
def prepare(**options: Any) -> None:  # noqa: ANN401 - Flask-Migrate's own
    """Point Flask-Migrate's commands to the database and the migrations."""
    migrate.init_app(current_app, db, directory=str(ROOT / "migrations"))
    commands.callback(**options)


command = click.Group(
    "db",
    commands.commands,
    params=commands.params,
    callback=prepare,
    help=gettext("Cơ sở dữ liệu: đưa lên hoặc trả về một phiên bản."),
)
