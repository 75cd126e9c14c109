"""Whether the process lives, and whether the whole can work: database, migrations, worker."""

from datetime import datetime, timedelta
from functools import lru_cache

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, jsonify
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from survey import clock
from survey.db import db
from survey.models.job import Heartbeat
from survey.settings import ROOT
from survey.web.wrong_key import key_state

health = Blueprint("health", __name__)

# A worker writes a sign of life between jobs; the longest job takes less than this.
WORKER_SILENT_AFTER = timedelta(minutes=10)


@health.get("/healthz")
def healthz() -> Response:
    """200 while this process could serve: the database answers, and DATA_KEY is its own."""
    try:
        state = key_state()
    except SQLAlchemyError:
        state = "the database does not answer"
    return Response(f"{state}\n", 200 if state == "ok" else 503, mimetype="text/plain")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when database, migrations and worker are well, else 503 naming what is not."""
    try:
        found = {
            "database": "ok",
            "migrations": _migrations(),
            "key": key_state(),
            "worker": _worker(clock.now()),
        }
    except SQLAlchemyError:
        found = {"database": "unavailable"}
    well = all(state == "ok" for state in found.values())
    return jsonify(found), 200 if well else 503


def _migrations() -> str:
    applied = db.session.scalar(text("SELECT version_num FROM schema_version"))
    return "ok" if applied == _newest_migration() else f"at {applied}, need {_newest_migration()}"


@lru_cache(maxsize=1)
def _newest_migration() -> str:
    """The newest migration this process was started with."""
    return ScriptDirectory(str(ROOT / "migrations")).get_current_head() or ""


def _worker(now: datetime) -> str:
    """Whether any worker gave a sign of life lately."""
    last = db.session.scalar(select(func.max(Heartbeat.at)))
    if last is None:
        return "never seen"
    return "ok" if now - last <= WORKER_SILENT_AFTER else f"silent since {last:%Y-%m-%dT%H:%M:%SZ}"
