"""Whether this process can serve citizens, and whether the whole installation is in order.

`/healthz` is for balancers and asks little. `/readyz` is for people and monitoring: a sentence for
each part that is not well. A part is one line of PARTS.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from flask import Blueprint, Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from survey.db import db, settings_of, transaction
from survey.jobs import heartbeat
from survey.models.job import ProcessKind
from survey.version import VERSION, schema

log = structlog.get_logger()
health = Blueprint("health", __name__)

OK = "ok"
AWAY = "does not answer"
# Enough that a full disk refuses it.
TRIED_BYTES = 64 * 1024


@health.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 while this process can serve citizens: the database answers, in the schema it needs."""
    found = _schema(db.session(), datetime.now(UTC)) if _is_there() else f"the database {AWAY}"
    return Response(f"{found}\n", mimetype="text/plain"), 200 if found == OK else 503


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when every part is well, else 503 with a sentence for each that is not."""
    now, is_there = datetime.now(UTC), _is_there()
    found = {}
    for name, (part, needs_database) in PARTS.items():
        is_known = is_there or not needs_database
        found[name] = part(db.session(), now) if is_known else f"unknown: the database {AWAY}"
    if not is_there:
        found["database"] = AWAY
    wrong = {name: state for name, state in found.items() if state != OK}
    if wrong:
        log.warning("not_ready", **wrong)
    return jsonify(version=VERSION, **found), 503 if wrong else 200


def register(app: Flask) -> None:
    """Put both pages on the application."""
    app.register_blueprint(health)


def _is_there() -> bool:
    """Whether the database answers."""
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        db.session.remove()
        return False
    return True


def _database(session: Session, now: datetime) -> str:
    """Whether it takes what is written: a full disk shows here only."""
    if _schema(session, now) != OK:
        return OK  # the table that is tried may not be there
    try:
        with transaction() as writing:
            heartbeat.beat(writing, ProcessKind.WEB, now)
    except DBAPIError as refusal:
        return f"cannot be written: {_first_line(refusal)}"
    return OK


def _schema(session: Session, _now: datetime) -> str:
    try:
        applied = session.scalar(text("SELECT version_num FROM schema_version"))
    except DBAPIError:
        db.session.remove()
        applied = None
    if applied == schema():
        return OK
    return f"is at {applied}, this version needs {schema()}: run `flask --app survey db upgrade`"


def _first_line(refusal: DBAPIError) -> str:
    return str(refusal.orig).partition("\n")[0]


def _disk(session: Session, _now: datetime) -> str:
    """Whether files can be written where reports go."""
    folder = _nearest(settings_of(session).reports_folder)
    try:
        with NamedTemporaryFile(dir=folder, prefix=".readyz-") as tried:
            tried.write(bytes(TRIED_BYTES))
            tried.flush()
            os.fsync(tried.fileno())
    except OSError as refusal:
        return f"{folder} cannot be written: {refusal.strerror}"
    return OK


def _nearest(folder: Path) -> Path:
    """The folder, or the one it would be made in."""
    return next(one for one in (folder, *folder.parents) if one.is_dir())


def _sender(session: Session, now: datetime) -> str:
    return heartbeat.silence(session, ProcessKind.SENDER, now) or OK


def _worker(session: Session, now: datetime) -> str:
    """Whoever runs jobs: the worker, and with a broker those who take from it, too."""
    kinds = [ProcessKind.WORKER]
    if settings_of(session).celery_broker_url:
        kinds.append(ProcessKind.CELERY)
    silent = [(kind, heartbeat.silence(session, kind, now)) for kind in kinds]
    return "; ".join(f"{kind}: {silence}" for kind, silence in silent if silence) or OK


# Name → the check, which gives OK or a sentence, and whether it asks the database.
PARTS: dict[str, tuple[Callable[[Session, datetime], str], bool]] = {
    "database": (_database, True),
    "schema": (_schema, True),
    "disk": (_disk, False),
    "sender": (_sender, True),
    "worker": (_worker, True),
}
