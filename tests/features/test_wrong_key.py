"""With a DATA_KEY of another database nothing starts, and every command says so."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from survey.crypto import keys
from survey.db import db
from survey.models.ballot import PooledBallot
from tests.conftest import FIXED, run_command, unit_of_work
from tests.features.stolen import dump
from tests.features.test_keys import NEW_KEY
from tests.house.source import ROOT, functions, place, python_files
from tests.seeding import NOW, Wanted, ask_everybody, finish, links

SENTENCE = "DATA_KEY không phải khóa của cơ sở dữ liệu này"
COMMANDS = [
    *(
        ("alerts", "list"),
        ("audit", "verify"),
        ("cases", "list"),
        ("coverage", "show", "--period", "2026-05"),
    ),
    *(("index", "show", "--period", "2026-05", "--by", "sector"), ("index", "rebuild")),
    *(("messages", "send-due"), ("messages", "cost", "--month", "2026-05")),
    *(("privacy", "rekey"), ("privacy", "rekey", "--full"), ("privacy", "retention")),
    *(("reference", "load"), ("worker", "--once"), ("monitor", "show")),
    ("report", "build", "--period", "2026-05", "--out", "reports"),
    ("storage", "backup", "copy.backup"),
]


@pytest.fixture
def wrong(transact, make_app):
    """An application on a used database, with another key."""
    with transact() as session:
        ask_everybody(session)
        finish(session, [Wanted(1)])
    return make_app(DATA_KEY=NEW_KEY)


def test_no_command_works(wrong, transact, tmp_path, monkeypatch):
    """Each command exits 1 with the same sentence and changes nothing."""
    monkeypatch.chdir(tmp_path)
    with transact() as session:
        before = dump(session)
    for words in COMMANDS:
        said = run_command(wrong, *words)
        assert (said.code, SENTENCE in said.err, "wrong_key" in said.err) == (1, True, True), words
    assert list(tmp_path.glob("*.backup")) == []
    with transact() as session:
        assert dump(session) == before


def test_migrating_stops(wrong):
    """`db upgrade` reports the wrong key before it changes a table."""
    result = wrong.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 1
    assert SENTENCE in str(result.exception.code)


def test_no_worker_of_celery_starts(wrong, environment):
    """The module that Celery loads exits at once with the sentence and no traceback."""
    del wrong
    started = subprocess.run(
        [sys.executable, "-c", "import survey.jobs.distributed_app"],
        env={**environment, "DATA_KEY": NEW_KEY, "CELERY_BROKER_URL": "redis://127.0.0.1:1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (started.returncode, SENTENCE in started.stderr) == (1, True)
    assert "Traceback" not in started.stderr


def test_check_config_says_it(wrong, runner):
    """`check-config` exits 1 with the setting's name, and not with the right key."""
    said = run_command(wrong, "check-config", "--json")
    assert said.code == 1
    (fault,) = (one for one in said.json["faults"] if one["name"] == "DATA_KEY")
    assert SENTENCE in fault["reason"]
    assert not [one for one in runner("check-config", "--json").json["faults"] if one["name"] == (
        "DATA_KEY"
    )]  # fmt: skip


def test_check_config_lists_old_keys(make_app):
    """`check-config` names which of DATA_KEYS_OLD are needed and which may be removed, before and
    after `rekey`.
    """
    stranger = "c3RyYW5nZXIta2V5LW9mLXRoZS10ZXN0cy0wMTIzNDU"
    both = make_app(DATA_KEY=NEW_KEY, DATA_KEYS_OLD=f"{FIXED['DATA_KEY']},{stranger}")
    for needed in (True, False):
        said = run_command(both, "check-config", "--json").json["old_keys"]
        assert [(one["place"], one["is_needed"]) for one in said] == [(1, needed), (2, False)]
        words = run_command(both, "check-config").out
        assert ("khóa thứ 1" in words, "còn cần. Hãy chạy" in words) == (True, needed)
        assert "khóa thứ 2" in words
        assert run_command(both, "privacy", "rekey").code == 0


def test_a_copy_of_another_key_is_not_brought_back(wrong, runner, engine, tmp_path, make_app):
    """`storage check` and `storage restore` refuse a backup that DATA_KEY does not open and leave
    the database as it is; with the key it is restored.
    """
    copy = tmp_path / "night.backup"
    if runner("storage", "backup", str(copy)).code:
        pytest.skip("pg_dump is not installed")
    for words in (("check", str(copy)), ("restore", str(copy), "--replace")):
        said = run_command(wrong, "storage", *words)
        assert (said.code, SENTENCE in said.err) == (1, True), words
    with unit_of_work(make_app()) as session:
        keys.check(session)
    assert runner("storage", "check", str(copy)).code == 0
    assert runner("storage", "restore", str(copy), "--replace").code == 0


def test_the_web_serves_its_two_signs_of_life_only(wrong, runner, environment):
    """Every page answers 503 with the typed text and stores nothing; `/healthz` and `/readyz`
    answer 503 with the reason.
    """
    assert runner("messages", "send-due", "--now", NOW.isoformat()).code == 0
    (token,) = links(Path(environment["SMS_CONSOLE_FILE"])).values()
    client = wrong.test_client()
    for path in ("/", f"/s/{token}", "/privacy", "/login", "/staff/cases"):
        page = client.get(path)
        assert (page.status_code, "Retry-After" in page.headers) == (503, True), path
        assert "DATA_KEY" not in page.text
    sent = client.post(f"/s/{token}", data={"overall": "1", "comment": "Chờ lâu quá"})
    assert (sent.status_code, "Chờ lâu quá" in sent.text) == (503, True)
    assert client.post("/webhooks/twilio/inbound", data={"Body": "1"}).status_code == 503
    alive, ready = client.get("/healthz"), client.get("/readyz")
    assert (alive.status_code, SENTENCE in alive.text) == (503, True)
    assert (ready.status_code, SENTENCE in json.loads(ready.text)["key"]) == (503, True)
    with wrong.app_context():
        assert db.session.scalar(select(func.count()).select_from(PooledBallot)) == 0


def test_every_command_looks_at_the_key():
    """All commands share the options that check the key, except three that check it themselves."""
    without = {
        place(path)
        for path in python_files("survey")
        for node in functions(path)
        if "options_without_key" in map(ast.unparse, node.decorator_list)
    }
    assert without == {"survey/cli/check_config.py", "survey/cli/storage.py"}
    unchecked = [
        place(path, node)
        for path in python_files("survey")
        if place(path).startswith("survey/cli/") and path.name != "options.py"
        for node in functions(path)
        if any(".command(" in ast.unparse(one) for one in node.decorator_list)
        and not {"common_options", "options_without_key"}
        & set(map(ast.unparse, node.decorator_list))
    ]
    assert not unchecked
