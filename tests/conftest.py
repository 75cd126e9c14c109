"""Fixtures: an application with a fresh, migrated database on SQLite and on PostgreSQL.

Every test gets its own copy of a template, so real commits and other processes are welcome.
`environment` is what a process of the product would be started with; time is an argument.
"""

import gc
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session

from survey import create_app
from survey.catalogues import SOURCE, speak
from survey.clock import Clock
from survey.db import db, transaction
from survey.settings import from_env
from tests.clocks import NOW, SetClock
from tests.engines import PostgresCopies, PostgresServer, SqliteCopies, find_postgres

OUTSIDE = ("PATH", "HOME", "LANG")
# Where deploy/clock.sh moved the clock, processes of the product live on the same day.
MOVED = ("CLOCK_AHEAD", "PYTHONPATH")
# Examples may take as long as they need: a loaded machine is slow, not wrong.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
UNMEASURED = ("postgresql", "tests/browser/", "tests/fault/", "tests/kannel/")
POSTGRES = pytest.StashKey[PostgresServer]()
FIXED = {
    "SECRET_KEY": "c2VjcmV0LWtleS1vZi10aGUtdGVzdHMtMDEyMzQ1Njc",
    "DATA_KEY": "ZGF0YS1rZXktb2YtdGhlLXRlc3RzLTAxMjM0NTY3ODk",
    "PUBLIC_URL": "http://localhost",
    "REQUIRE_2FA": "0",
    "LOG_LEVEL": "WARNING",
}


def pytest_configure(config: pytest.Config) -> None:
    """Find PostgreSQL once, in the process that started the run."""
    given = getattr(config, "workerinput", None)
    config.stash[POSTGRES] = PostgresServer(*given["postgres"]) if given else find_postgres()


def pytest_configure_node(node: Any) -> None:
    """Tell each worker of xdist which server was found."""
    server = node.config.stash[POSTGRES]
    node.workerinput["postgres"] = (server.url, server.note)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what `pytest_configure` started."""
    if POSTGRES in config.stash:
        config.stash[POSTGRES].stop()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which engines, browsers and gateways really ran."""
    passed = [report.nodeid for report in terminalreporter.stats.get("passed", [])]
    terminalreporter.section("what really ran")
    counts = {
        "SQLite": sum("sqlite" in name for name in passed),
        f"PostgreSQL ({config.stash[POSTGRES].note})": sum("postgresql" in name for name in passed),
        "Kannel": sum(name.startswith("tests/kannel/") for name in passed),
        "Chromium": sum(name.startswith("tests/browser/") for name in passed),
        "nginx": sum("test_nginx" in name for name in passed),
    }
    for name, count in counts.items():
        terminalreporter.line(f"{name}: {f'{count} passed' if count else 'NOT RUN'}")
    for test in terminalreporter.stats.get("passed", []):
        for name, figures in test.user_properties:
            if name == "figures":
                terminalreporter.line(f"{test.nodeid}: {figures}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what waits longest, so that others run meanwhile."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/fault/"))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: modules and thousands of tests."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Count lines on SQLite only: what runs them once more runs at full speed."""
    measuring = Coverage.current()
    if measuring is None or not any(name in item.nodeid for name in UNMEASURED):
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@pytest.fixture(autouse=True)
def _language_of_the_source() -> None:
    """Every test begins in Vietnamese, whatever the one before it left set."""
    speak(SOURCE)


@pytest.fixture
def report(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`report("…")` puts figures a person should see into the closing summary."""
    return lambda figures: record_property("figures", figures)


@pytest.fixture(scope="session")
def sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> SqliteCopies:
    """SQLite databases, migrated and filled with the reference data."""
    copies = SqliteCopies(tmp_path_factory.mktemp("sqlite"))
    _fill(copies.template_url)
    return copies


@pytest.fixture(scope="session")
def postgres_copies(pytestconfig: pytest.Config, worker_id: str) -> Iterator[PostgresCopies]:
    """PostgreSQL databases, migrated and filled; skips when there is no server."""
    server = pytestconfig.stash[POSTGRES]
    if not server.url:
        pytest.skip(f"PostgreSQL: {server.note}")
    copies = PostgresCopies(server.url, worker_id)
    _fill(copies.template_url)
    yield copies
    copies.close()


def _fill(url: str) -> None:
    with running({**FIXED, "DATABASE_URL": url}) as app:
        for words in (("db", "upgrade"), ("reference", "load")):
            done = run_command(app, *words)
            assert done.code == 0, done.err


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Name of the database; everything that uses it runs once on each."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> Iterator[str]:
    """A fresh database on each engine."""
    copies = request.getfixturevalue(f"{'sqlite' if engine == 'sqlite' else 'postgres'}_copies")
    url = copies.copy(tmp_path)
    yield url
    copies.drop(url)


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Variables that start a process of the product on this test's database."""
    return _environment(database_url, tmp_path)


def _environment(url: str, folder: Path) -> dict[str, str]:
    outside = {name: os.environ[name] for name in (*OUTSIDE, *MOVED) if name in os.environ}
    return {**outside, **FIXED, "DATABASE_URL": url, **files_in(folder)}


def files_in(folder: Path) -> dict[str, str]:
    """Settings that keep every file of the product within `folder`."""
    names = {"SMS_CONSOLE_FILE": "sms.jsonl"}
    return {name: str(folder / file) for name, file in names.items()}


@pytest.fixture
def clock() -> Clock:
    """What time it is for every application of the test: NOW, until the test says otherwise.

    A test file that starts real processes overrides it with the clock these read, the machine's.
    """
    return SetClock(NOW)


@contextmanager
def running(environment: dict[str, str], clock: Clock | None = None) -> Iterator[Flask]:
    """An application for as long as the block lasts; its connections are closed after."""
    app = create_app(from_env(environment), clock=clock or SetClock(NOW))
    app.config["TESTING"] = True
    try:
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def app(environment: dict[str, str], clock: Clock) -> Iterator[Flask]:
    """The application on a fresh database, once on each engine."""
    with running(environment, clock) as application:
        yield application


@pytest.fixture
def make_app(environment: dict[str, str], clock: Clock) -> Iterator[Callable[..., Flask]]:
    """Applications with other settings on the same database: `make_app(DEMO="1")`."""
    made: list[AbstractContextManager[Flask]] = []

    def make(**changes: str) -> Flask:
        made.append(running({**environment, **changes}, clock))
        return made[-1].__enter__()

    yield make
    for one in made:
        one.__exit__(None, None, None)


@pytest.fixture
def sqlite_environment(sqlite_copies: SqliteCopies, tmp_path: Path) -> dict[str, str]:
    """Like `environment`, on SQLite only."""
    return _environment(sqlite_copies.copy(tmp_path), tmp_path)


@pytest.fixture
def sqlite_app(sqlite_environment: dict[str, str], clock: Clock) -> Iterator[Flask]:
    """The application on SQLite only, for what no database decides."""
    with running(sqlite_environment, clock) as application:
        yield application


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript, on each engine."""
    return app.test_client()


@pytest.fixture
def transact(app: Flask) -> Callable[[], AbstractContextManager[Session]]:
    """`with transact() as session:` is one committed unit of work of `app`."""
    return lambda: unit_of_work(app)


@contextmanager
def unit_of_work(app: Flask) -> Iterator[Session]:
    """One committed unit of work of any application."""
    with app.app_context(), transaction() as session:
        yield session


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


def run_command(app: Flask, *words: str) -> Ran:
    """Run `flask --app survey WORDS` in this process; an unexpected error is raised as it is."""
    result = app.test_cli_runner().invoke(args=[str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def runner(app: Flask) -> Callable[..., Ran]:
    """`runner("index", "show", "--period", "2026-05", "--json").json` on each engine."""
    return lambda *words: run_command(app, *words)
