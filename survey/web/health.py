"""Health checks: whether this process can serve citizens, and whether the installation is in order.

`/healthz` is for load balancers and checks little. `/readyz` is for people and monitoring: a
sentence for each part with a problem. PARTS has one line per part.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir

import structlog
from flask import Blueprint, Flask, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from survey import clock
from survey.ballots.pool import pool_of
from survey.db import db, settings_of, transaction
from survey.jobs import heartbeat
from survey.models.job import ProcessKind
from survey.province.workdays import local_day
from survey.version import VERSION, schema
from survey.web.wrong_key import key_state

log = structlog.get_logger()
health = Blueprint("health", __name__)

OK = "ok"
AWAY = "does not answer"
UNKNOWN = f"unknown: the database {AWAY}"
# Large enough that writing it fails on a full disk.
TRIED_BYTES = 64 * 1024
# Ballots are counted every night; with two more hours the job has certainly been missed.
POOL_AGE = timedelta(hours=26)

Part = Callable[[Session, datetime], str]


@health.get("/healthz")
def healthz() -> tuple[Response, int]:
    """200 while this process can serve citizens.

    The database answers, its schema is the one needed, and DATA_KEY is the one it was encrypted
    with.
    """
    found = f"the database {AWAY}"
    if _is_there():
        found = _schema(db.session(), clock.now())
        found = key_state() if found == OK else found
    return Response(f"{found}\n", mimetype="text/plain"), 200 if found == OK else 503


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when every part is in order, else 503 with a sentence for each that is not."""
    now, is_there = clock.now(), _is_there()
    found = {
        name: _asked(part, now) if is_there or not needs_database else UNKNOWN
        for name, (part, needs_database) in PARTS.items()
    }
    if not is_there:
        found["database"] = AWAY
    wrong = {name: state for name, state in found.items() if state != OK}
    if wrong:
        log.warning("not_ready", **wrong)
    return jsonify(version=VERSION, **found), 503 if wrong else 200


def register(app: Flask) -> None:
    """Register both pages on the application."""
    app.register_blueprint(health)


def _asked(part: Part, now: datetime) -> str:
    """The result of one check; `unknown: …` if the database raises, such as for missing tables."""
    try:
        return part(db.session(), now)
    except DBAPIError as refusal:
        db.session.remove()
        return f"unknown: {_first_line(refusal)}"


def _is_there() -> bool:
    """Whether the database answers."""
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        db.session.remove()
        return False
    return True


def _database(session: Session, now: datetime) -> str:
    """Whether the database accepts writes; only a write detects a full disk."""
    if _schema(session, now) != OK:
        return OK  # the table may not exist yet
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


def _disk(_session: Session, _now: datetime) -> str:
    """Whether files can be written: beside an SQLite database, else where uploads are unpacked."""
    url = db.engine.url
    is_file = url.get_backend_name() == "sqlite" and url.database
    folder = Path(url.database or "").parent if is_file else Path(gettempdir())
    try:
        with NamedTemporaryFile(dir=folder, prefix=".readyz-") as tried:
            tried.write(bytes(TRIED_BYTES))
            tried.flush()
            os.fsync(tried.fileno())
    except OSError as refusal:
        return f"{folder} cannot be written: {refusal.strerror}"
    return OK


def _key(session: Session, now: datetime) -> str:
    return key_state() if _schema(session, now) == OK else OK


def _pool(session: Session, now: datetime) -> str:
    """Whether ballots are counted: none in the pool is older than POOL_AGE."""
    if _schema(session, now) != OK or key_state() != OK:
        return OK  # already reported, and nothing can be decrypted
    oldest = min((one.day for one in pool_of(session).ballots), default=None)
    if oldest is None or oldest >= local_day(now - POOL_AGE):
        return OK
    return f"ballots of {oldest} wait to be counted: is the worker running?"


def _sender(session: Session, now: datetime) -> str:
    return heartbeat.silence(session, ProcessKind.SENDER, now) or OK


def _worker(session: Session, now: datetime) -> str:
    """Whether the processes that run jobs are alive: the worker and, with a broker, Celery."""
    kinds = [ProcessKind.WORKER]
    if settings_of(session).celery_broker_url:
        kinds.append(ProcessKind.CELERY)
    silent = [(kind, heartbeat.silence(session, kind, now)) for kind in kinds]
    return "; ".join(f"{kind}: {silence}" for kind, silence in silent if silence) or OK


# Name → the check, which returns OK or a sentence, and whether it needs the database.
PARTS: dict[str, tuple[Part, bool]] = {
    "database": (_database, True),
    "schema": (_schema, True),
    "key": (_key, True),
    "disk": (_disk, False),
    "sender": (_sender, True),
    "worker": (_worker, True),
    "pool": (_pool, True),
}
