"""Backups are verified by restoring them."""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import make_url, text, update
from sqlalchemy.orm import Session

from survey import backup
from survey.db import db
from survey.models.dossier import Dossier
from survey.models.province import Province
from tests.conftest import Ran, run_command
from tests.seeding import NOW, Wanted, finish

Transact = Callable[[], AbstractContextManager[Session]]
Runner = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _tools(engine: str) -> None:
    if engine == "postgresql" and shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed")


@pytest.fixture
def copy(transact: Transact, runner: Runner, tmp_path: Path) -> Path:
    """A backup of a database with three finished dossiers."""
    with transact() as session:
        finish(session, [Wanted(number) for number in range(3)])
    file = tmp_path / "copies" / "night.backup"
    done = runner("storage", "backup", str(file), "--json")
    assert done.code == 0, done.err
    assert done.json["rows"] > 3
    return file


def contents(app: Flask) -> dict[str, backup.Contents]:
    """Row count and digest of every table."""
    with app.app_context():
        return backup.read(db.session.connection(), NOW).tables


def change(transact: Transact) -> None:
    """Change the data after the backup."""
    with transact() as session:
        finish(session, [Wanted(9)])
        session.execute(update(Province).values(hotline="0258 000 000"))


def test_a_copy_is_proven_and_brought_back(
    app: Flask, transact: Transact, runner: Runner, copy: Path
) -> None:
    """A backup verifies while the data change, and a restore brings every table back as it was."""
    before = contents(app)
    assert copy.stat().st_mode & 0o077 == 0
    change(transact)
    changed = contents(app)
    assert changed != before
    assert runner("storage", "check", str(copy), "--json").json == {"ok": True, "differing": []}
    again = runner("storage", "backup", str(copy))
    assert (again.code, "đã có" in again.err) == (2, True)
    refused = runner("storage", "restore", str(copy))
    assert (refused.code, "--replace" in refused.err) == (2, True)
    assert contents(app) == changed
    done = runner("storage", "restore", str(copy), "--replace", "--json")
    assert (done.code, done.json["ok"]) == (0, True)
    assert contents(app) == before
    with transact() as session:
        assert session.query(Dossier).count() == 3
        finish(session, [Wanted(9)])  # and work goes on
    assert sorted(file.name for file in copy.parent.iterdir()) == [copy.name, f"{copy.name}.json"]


def test_a_copy_that_differs_is_found(
    app: Flask, transact: Transact, runner: Runner, copy: Path
) -> None:
    """A table that differs from the manifest is named, and nothing is replaced."""
    manifest = copy.with_name(f"{copy.name}.json")
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["tables"]["dossier"]["digest"] = "0" * 64
    manifest.write_text(json.dumps(document), encoding="utf-8")
    change(transact)
    before = contents(app)
    found = runner("storage", "check", str(copy), "--json")
    assert (found.code, found.json) == (1, {"ok": False, "differing": ["dossier"]})
    refused = runner("storage", "restore", str(copy), "--replace")
    assert (refused.code, "dossier" in refused.err) == (2, True)
    assert contents(app) == before


def test_a_copy_of_an_older_version_replaces_all(
    app: Flask, transact: Transact, runner: Runner, copy: Path
) -> None:
    """A restore also drops tables of a later version that refer to the replaced ones."""
    before = contents(app)
    with transact() as session:
        session.execute(text("CREATE TABLE later (code TEXT REFERENCES sector (code))"))
    done = runner("storage", "restore", str(copy), "--replace", "--json")
    assert (done.code, done.json["ok"] if done.out else done.err) == (0, True)
    assert contents(app) == before


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_role_that_may_not_try_a_copy_is_told_what_it_lacks(
    engine: str, make_app: Callable[..., Flask], transact: Transact, copy: Path
) -> None:
    """Without the right to create a database, the command ends with a sentence that names it."""
    with transact() as session:
        url = session.get_bind().url
        role = f"plain_{url.database}"[:60]
        session.execute(text(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'plain'"))
    try:
        plain = url.set(username=role, password="plain").render_as_string(hide_password=False)
        refused = run_command(make_app(DATABASE_URL=plain), "storage", "check", str(copy))
        assert (refused.code, "CREATEDB" in refused.err) == (2, True)
    finally:
        with transact() as session:
            session.execute(text(f'DROP ROLE "{role}"'))


@pytest.mark.parametrize("harm", ["truncated", "overwritten", "no manifest", "gone"])
def test_a_broken_copy_is_refused_and_harms_nothing(
    app: Flask, runner: Runner, copy: Path, harm: str
) -> None:
    """An unreadable backup is refused with a sentence, and the data stay as they are."""
    before = contents(app)
    whole = copy.read_bytes()
    if harm == "truncated":
        copy.write_bytes(whole[: len(whole) // 2])
    elif harm == "overwritten":
        copy.write_bytes(b"\xff" * 200 + whole[200:])
    elif harm == "gone":
        copy.unlink()
    else:
        copy.with_name(f"{copy.name}.json").unlink()
    for words in (("check",), ("restore", "--replace")):
        refused = runner("storage", words[0], str(copy), *words[1:])
        assert refused.code == 2
        assert refused.err.strip()
        assert refused.out == ""
        assert "pg_restore" in refused.err or str(copy) in refused.err
    assert contents(app) == before


def test_a_copy_of_another_engine_is_refused(runner: Runner, copy: Path, engine: str) -> None:
    """A backup of another database engine is refused."""
    manifest = copy.with_name(f"{copy.name}.json")
    other = "oracle"
    document = manifest.read_text(encoding="utf-8").replace(f'"{engine}"', f'"{other}"')
    manifest.write_text(document, encoding="utf-8")
    for words in (("check",), ("restore", "--replace")):
        refused = runner("storage", words[0], str(copy), *words[1:])
        assert (refused.code, other in refused.err) == (2, True)


@pytest.mark.parametrize("engine", ["postgresql"])
def test_digests_do_not_depend_on_the_servers_zone(
    engine: str, app: Flask, transact: Transact, copy: Path
) -> None:
    """Digests are equal on a server in another time zone."""
    before = contents(app)
    with transact() as session:
        name = session.get_bind().url.database
        session.execute(text(f"ALTER DATABASE \"{name}\" SET timezone TO 'Pacific/Auckland'"))
    with app.app_context():
        db.engine.dispose()
        assert db.session.scalar(text("SHOW timezone")) == "Pacific/Auckland"
    assert contents(app) == before


FAKE_TOOL = """#!/bin/sh
echo "$@" > "$0.words"
cp "$(echo "$@" | sed 's/.*passfile=//; s/%2F/\\//g')" "$0.passwords"
echo 'pg_dump: error: disk full' >&2
exit 1
"""


def test_a_place_that_takes_no_file_is_said_in_a_sentence(runner: Runner, tmp_path: Path) -> None:
    """A folder that cannot be made or written is named with the reason, and the exit code is 2."""
    (tmp_path / "file").touch()
    refused = runner("storage", "backup", str(tmp_path / "file" / "night.backup"))
    assert (refused.code, str(tmp_path / "file") in refused.err) == (2, True)
    assert "Không ghi được" in refused.err


@pytest.mark.parametrize("engine", ["postgresql"])
def test_a_failed_backup_leaves_no_file_and_tells_no_password(
    engine: str,
    make_app: Callable[..., Flask],
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When pg_dump fails its message is shown and no file is left, and its arguments do not hold
    the password.
    """
    url = make_url(environment["DATABASE_URL"])
    secret = str(url.password or "se:cret")
    app = make_app(DATABASE_URL=url.set(password=secret).render_as_string(hide_password=False))
    tool = tmp_path / "bin" / "pg_dump"
    tool.parent.mkdir()
    tool.write_text(FAKE_TOOL, encoding="ascii")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    target = tmp_path / "night.backup"
    refused = run_command(app, "storage", "backup", str(target))
    assert (refused.code, "disk full" in refused.err) == (2, True)
    assert not target.exists()
    words = tool.with_name("pg_dump.words").read_text(encoding="utf-8")
    assert secret not in words
    assert secret.replace(":", "%3A") not in words
    held = tool.with_name("pg_dump.passwords").read_text(encoding="utf-8")
    assert held == "*:*:*:*:" + secret.replace(":", "\\:") + "\n"
