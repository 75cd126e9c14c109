"""The databases tests run on: finds or starts PostgreSQL, and copies a migrated template per test.

Order: TEST_DATABASE_URL, a server on 127.0.0.1:5432 with user postgres, a throw-away cluster; with
TEST_DATABASE_URL=throw-away the last comes first: it does not wait for the disk.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.clocks import PATIENCE

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"
THROW_AWAY = "throw-away"
CLUSTER_USERS = ("postgres", "nobody")


@dataclass
class PostgresServer:
    """Where PostgreSQL is (`url` is empty when there is none) and what to say about it."""

    url: str
    note: str
    folder: Path | None = None
    command: list[str] = field(default_factory=list)

    def stop(self) -> None:
        """End the throw-away cluster, if this run started one."""
        if self.folder is None:
            return
        subprocess.run([*self.command, "stop", "-m", "immediate"], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def find_postgres(*, durable: bool = False) -> PostgresServer:
    """The server for this run, started if need be; `durable`: to measure on, so it is one of its
    own unless TEST_DATABASE_URL names one, and it waits for the disk.
    """
    given = os.environ.get("TEST_DATABASE_URL", "").replace("postgresql+psycopg:", "postgresql:")
    if durable and given in ("", THROW_AWAY):
        return _throw_away_cluster(durable=True)
    if given == THROW_AWAY and (started := _throw_away_cluster()).url:
        return started
    if given not in ("", THROW_AWAY):
        return PostgresServer(given, "TEST_DATABASE_URL")
    try:
        psycopg.connect(LOCAL, connect_timeout=PATIENCE).close()
    except psycopg.OperationalError:
        return _throw_away_cluster()
    return PostgresServer(LOCAL, "the server on 127.0.0.1:5432")


def _throw_away_cluster(*, durable: bool = False) -> PostgresServer:
    found = [shutil.which("initdb"), *sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]
    programs = [Path(program).resolve().parent for program in found if program]
    if not programs:
        return PostgresServer("", "no server and no initdb found")
    folder = Path(tempfile.mkdtemp(prefix="langnghe-postgres-"))
    try:
        return _start_cluster(programs[-1], folder, durable=durable)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        detail = getattr(error, "stderr", b"") or str(error).encode()
        reason = detail.decode(errors="replace").strip()[-200:]
        return PostgresServer("", f"a throw-away cluster did not start: {reason}")


def _start_cluster(programs: Path, folder: Path, *, durable: bool) -> PostgresServer:
    prefix = _as_other_user(folder)
    data = str(folder / "data")
    initdb = [*prefix, str(programs / "initdb"), "-D", data, "-U", "postgres", "-A", "trust"]
    subprocess.run([*initdb, "--encoding=UTF8", "--no-sync"], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    if not durable:
        # Where autovacuum frees space depends on time, and so would the order of rows on pages.
        options += " -c fsync=off -c autovacuum=off"
    control = [*prefix, str(programs / "pg_ctl"), "-D", data]
    start = [*control, "-w", "-l", str(folder / "log"), "-o", options, "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    return PostgresServer(url, "a throw-away cluster", folder, control)


def _as_other_user(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand the folder to a user that may."""
    if os.geteuid() != 0:
        return []
    for user in CLUSTER_USERS:
        try:
            shutil.chown(folder, user)
        except LookupError:
            continue
        return ["runuser", "-u", user, "--"]
    message = "PostgreSQL does not run as root, and there is no other user to run it as"
    raise OSError(message)


class SqliteCopies:
    """Fresh SQLite files, each a copy of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self.template = folder / "template.db"
        self.template_url = f"sqlite:///{self.template}"

    def copy(self, folder: Path) -> str:
        """URL of a new database in `folder`."""
        target = folder / f"test-{secrets.token_hex(4)}.db"
        shutil.copyfile(self.template, target)
        return f"sqlite:///{target}"

    def drop(self, url: str) -> None:
        """The folder of the test is removed by pytest."""

    def close(self) -> None:
        """The same."""


class PostgresCopies:
    """Fresh PostgreSQL databases, each made from one migrated template.

    Making and dropping one waits for the disk: both are done while tests run, up to `AHEAD` of
    them, but none for a lone test.
    """

    AHEAD = 3

    def __init__(self, server: str, worker: str) -> None:
        self.server = server
        self.name = f"langnghe_test_{secrets.token_hex(4)}_{worker}"
        self.made = self.given = 0
        self.template_url = self._url(self.name)
        self._run(f"CREATE DATABASE \"{self.name}\" TEMPLATE template0 ENCODING 'UTF8'")
        self.aside = ThreadPoolExecutor(1)
        self.next: deque[Future[str]] = deque()
        self.kept = {self.template_url}
        self.dropped: list[Future[None]] = []

    def copy(self, _folder: Path) -> str:
        """URL of a new database. The template does not change any more after the first."""
        while len(self.next) <= min(self.AHEAD, self.given):
            self.next.append(self.aside.submit(self._make))
        self.given += 1
        return self.next.popleft().result()

    def drop(self, url: str) -> None:
        """Drop a copy soon, and whoever is still connected with it."""
        self.dropped.append(self.aside.submit(self._drop, url))

    def close(self) -> None:
        """Drop the template and every copy still there; raise what went wrong aside."""
        for made in self.next:
            made.result()
        with self.aside:
            for url in list(self.kept):
                self.drop(url)
        for one in self.dropped:
            one.result()

    def _make(self) -> str:
        self.made += 1
        name = f"{self.name}_{self.made}"
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self.name}"')
        self.kept.add(self._url(name))
        return self._url(name)

    def _drop(self, url: str) -> None:
        self._run(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')
        self.kept.discard(url)

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str) -> str:
        address = self.server.partition("://")[2].partition("?")[0].rpartition("/")[0]
        return f"postgresql+psycopg://{address}/{name}"
