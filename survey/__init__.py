"""Lắng Nghe, a platform by which citizens rate public services: its Flask application."""

import gc
import json
import sys
from functools import partial

from flask import Flask
from flask.cli import NoAppException

from survey import models  # noqa: F401 - completes the metadata
from survey.clock import Clock, machine
from survey.db import db
from survey.errors import Invalid
from survey.logs import configure
from survey.settings import ROOT, Settings, from_env

UPLOAD_LIMIT = 64 * 1024 * 1024
# Python's garbage collector looks for cycles after every 700 new objects, which took a fifth of an
# import's time: rows and pages are made of thousands of small objects without cycles.
OBJECTS_BETWEEN_COLLECTIONS = 50_000
ENGINE_OPTIONS = {
    "hide_parameters": True,
    # Vietnamese letters stay readable for auditors who use SQL.
    "json_serializer": partial(json.dumps, ensure_ascii=False),
}


def create_app(
    settings: Settings | None = None, pool: str = "all", clock: Clock = machine
) -> Flask:
    """Create the Flask application: connect settings, logs, database, commands and pages.

    `pool` selects the pages it serves: `citizen`, `staff` or `all`; commands get none. Raises
    NoAppException when production has wrong settings and the command is not `check-config`.
    """
    settings = settings or from_env()
    try:
        settings.check()
    except Invalid as fault:
        if "check-config" not in sys.argv:  # the one command that must run with wrong settings
            raise NoAppException(fault.detail) from fault
    configure(settings.log_level)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    app = Flask(__name__, template_folder=str(ROOT / "templates"))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=ENGINE_OPTIONS,
        MAX_CONTENT_LENGTH=UPLOAD_LIMIT,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https"),
    )
    app.extensions["settings"] = settings
    app.extensions["clock"] = clock
    db.init_app(app)

    from survey import cli  # noqa: PLC0415 - edges import everything; loaded last, here only

    cli.register(app)
    if not cli.is_looked_up():
        from survey import web  # noqa: PLC0415 - an edge too; no command needs a page

        web.register(app, web.Pool(pool))
    return app
