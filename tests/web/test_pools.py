"""Citizens and staff have pools of processes; none loads what it does not need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from survey import create_app
from survey.clock import machine
from survey.settings import from_env
from survey.version import VERSION
from tests.conftest import unit_of_work
from tests.web.citizens import invite
from tests.web.staff_accounts import signed_in

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "numpy",
    "scipy",
    "matplotlib",
    "weasyprint",
    "docx",
    "docxtpl",
    "xlsxwriter",
    "alembic",
    "celery",
}
CITIZEN = """
import json, sys
from survey import create_app
client = create_app(pool="citizen").test_client()
link = sys.argv[1]
statuses = [
    client.get(link).status_code,
    client.post(link, data={"overall": "1"}).status_code,
    client.post(link, data={"comment": "Cho lau", "contact": "yes"}).status_code,
    client.get(link + "?page=thanks&lang=en").status_code,
    client.get("/privacy").status_code,
    client.get("/").status_code,
    client.get("/webhooks/kannel/s/inbound?from=%2B84905000111&text=TG").status_code,
    client.post("/webhooks/kannel/s/status", data={"type": "1"}).status_code,
    client.get("/healthz").status_code,
    client.get("/readyz").status_code,
]
print(json.dumps([statuses, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
KANNEL = {
    "SMS_PROVIDER": "kannel",
    "KANNEL_SEND_URL": "http://127.0.0.1:9/",
    "KANNEL_USERNAME": "u",
    "KANNEL_PASSWORD": "p",
    "KANNEL_WEBHOOK_SECRET": "s",
}


def test_a_citizens_process_loads_no_statistics_and_no_documents(app, environment):
    """A process that served every kind of citizens' request has none of the heavy packages."""
    with unit_of_work(app) as session:
        link = f"/s/{invite(session, now=machine())}"
    done = subprocess.run(
        [sys.executable, "-c", CITIZEN, link],
        cwd=ROOT,
        env={**environment, **KANNEL},
        capture_output=True,
        text=True,
        check=True,
    )
    statuses, loaded = json.loads(done.stdout)
    assert statuses == [200, 303, 303, 200, 200, 200, 200, 200, 200, 503]
    assert "survey" in loaded
    assert HEAVY & set(loaded) == set()


@pytest.mark.parametrize("words", [("sender", "--once"), ("worker", "--help")])
def test_a_background_process_loads_no_page_and_no_statistics(sqlite_environment, words):
    """A sender that did its turn, and a worker before its first job, have loaded no page, none of
    the heavy packages, and not the driver of a database that is not used.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "flask", "--app", "survey", *words],
        cwd=ROOT,
        env=sqlite_environment,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert f"survey.jobs.{words[0]}" in loaded
    assert loaded & {*HEAVY, "psycopg", "survey.web", "survey.reports", "wtforms"} == set()


@pytest.mark.parametrize(
    ("pool", "there", "elsewhere"),
    [
        ("citizen", {"/privacy", "/healthz", "/readyz"}, {"/login", "/demo", "/staff/dashboard"}),
        ("staff", {"/login", "/demo", "/healthz", "/readyz"}, {"/privacy", "/s/x", "/webhooks/x"}),
        ("all", {"/privacy", "/login", "/demo", "/healthz", "/readyz"}, set()),
    ],
)
def test_each_pool_serves_its_pages_alone(sqlite_environment, pool, there, elsewhere):
    """A page of the other pool is a page that is not there; health is everywhere."""
    client = create_app(from_env({**sqlite_environment, "DEMO": "1"}), pool).test_client()
    assert {path for path in there if client.get(path).status_code == 404} == set()
    assert {path for path in elsewhere if client.get(path).status_code != 404} == set()


def test_a_pool_that_does_not_exist_is_refused(sqlite_environment):
    """A slip in a unit's command ends the start."""
    with pytest.raises(ValueError, match="citizens"):
        create_app(from_env(sqlite_environment), "citizens")


def test_staff_see_the_version_on_every_page(app):
    """The foot of the page says which version runs."""
    from_foot = signed_in(app, "analyst").get("/staff/dashboard").text.partition("<footer")[2]
    assert f"Lắng Nghe {VERSION}" in from_foot
