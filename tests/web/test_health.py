"""What balancers, people and monitoring are told about the health of the installation."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from survey import clock
from survey.jobs import heartbeat
from survey.models.job import Heartbeat, ProcessKind
from survey.version import VERSION, schema
from tests.conftest import run_command

ROOT = Path(__file__).resolve().parents[2]
MINUTE = timedelta(minutes=1)
PARTS = {"database", "schema", "key", "disk", "sender", "worker", "pool"}
FULL_DISK = """
import json, resource, signal
from survey import create_app
client = create_app().test_client()
before = client.get("/readyz").json
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print(json.dumps([before, client.get("/readyz").json, client.get("/healthz").status_code]))
"""


def beat(transact, kind, age, name="other:1"):
    """A sign of life of some minutes ago."""
    with transact() as session:
        session.merge(Heartbeat(process=name, kind=kind, at=clock.now() - age))


def wrong(client):
    """What `/readyz` says of the parts that are not well; its status fits."""
    ready = client.get("/readyz")
    assert ready.json["version"] == VERSION
    assert ready.json.keys() - {"version"} == PARTS
    found = {name: ready.json[name] for name in PARTS if ready.json[name] != "ok"}
    assert ready.status_code == (503 if found else 200)
    return found


def test_a_whole_installation_is_ready(client, transact):
    """With a sender and a worker that live everything is ok, in words and in the status."""
    assert wrong(client) == {"sender": "never seen", "worker": "worker: never seen"}
    beat(transact, ProcessKind.SENDER, MINUTE, "one:1")
    beat(transact, ProcessKind.WORKER, MINUTE, "one:2")
    assert wrong(client) == {}


@pytest.mark.parametrize("kind", [ProcessKind.SENDER, ProcessKind.WORKER])
def test_one_silent_process_of_two_is_named(client, transact, kind):
    """Five minutes of silence of one process count, whatever another of its kind says."""
    for one in (ProcessKind.SENDER, ProcessKind.WORKER):
        beat(transact, one, MINUTE, f"one:{one}")
    beat(transact, kind, 4 * MINUTE, "two:7")
    assert wrong(client) == {}
    beat(transact, kind, 6 * MINUTE, "two:7")
    found = wrong(client)
    assert list(found) == [kind]
    assert "two:7 is silent since" in found[kind]


def test_a_schema_behind_is_not_served(app, client, transact):
    """With an older schema neither page is 200, and both name the command that helps."""
    with transact() as session:
        session.execute(text("UPDATE schema_version SET version_num = '0000'"))
    assert client.get("/healthz").status_code == 503
    assert "db upgrade" in client.get("/healthz").text
    assert "db upgrade" in wrong(client)["schema"]
    assert run_command(app, "version", "--json").json["schema"] == schema()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_database_without_tables_is_said_to_need_them(make_app, tmp_path):
    """Before the first migration the pages answer, and name the command that helps."""
    client = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}").test_client()
    assert client.get("/healthz").status_code == 503
    assert "db upgrade" in client.get("/readyz").json["schema"]


def test_a_full_disk_is_noticed(environment, engine):
    """A disk that takes no byte more is named, and so is a database on it; reading goes on."""
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    before, after, health = json.loads(done.stdout)
    assert (before["database"], before["disk"]) == ("ok", "ok")
    assert "cannot be written" in after["disk"]
    assert ("cannot be written" in after["database"]) is (engine == "sqlite")
    assert health == 200
    assert "not_ready" in done.stderr


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_database_that_only_reads_is_noticed(make_app, environment):
    """A server that takes no writes is named with its own reason."""
    server, _, name = environment["DATABASE_URL"].replace("+psycopg", "").rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    client = make_app().test_client()
    assert "read-only" in wrong(client)["database"]
    assert client.get("/healthz").status_code == 200


def test_with_a_broker_its_workers_are_asked_for_too(make_app, transact):
    """A full queue that nobody takes from is not ready, even while the worker hands jobs over."""
    client = make_app(CELERY_BROKER_URL="redis://127.0.0.1:1/0").test_client()
    for kind in (ProcessKind.SENDER, ProcessKind.WORKER):
        beat(transact, kind, MINUTE, f"one:{kind}")
    assert wrong(client) == {"worker": "celery: never seen"}
    beat(transact, ProcessKind.CELERY, MINUTE, "one:3")
    assert wrong(client) == {}


def test_the_silent_are_forgotten_after_a_day(client, transact):
    """A host that was taken away for good stops being missed."""
    for kind in (ProcessKind.SENDER, ProcessKind.WORKER):
        beat(transact, kind, MINUTE, f"one:{kind}")
    beat(transact, ProcessKind.SENDER, heartbeat.FORGOTTEN_AFTER + MINUTE, "two:7")
    assert wrong(client) == {}


def test_the_version_is_said_in_one_command(sqlite_app):
    """`version` names software, schema and formula; the changelog has a section of that version."""
    said = run_command(sqlite_app, "version", "--json").json
    assert said.keys() == {"version", "schema", "formula"}
    assert said["version"] == VERSION
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {VERSION}" in changes
    assert VERSION in run_command(sqlite_app, "version").out
