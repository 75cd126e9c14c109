"""The servers of the product as shipped: gunicorn with its configuration on a free port."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from survey.clock import Clock, machine
from tests.clocks import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Server:
    """A running server: its port on 127.0.0.1, and the file that holds all it writes."""

    port: int
    log: Path


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: list[str], port: int, environment: dict[str, str], log: Path
) -> Iterator[Server]:
    """A process for as long as the block lasts, once it listens."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait_until_open(port, process, log)
        yield Server(port, log)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_until_open(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{process.args} ended before it listened: {log.read_text(encoding='utf-8')}")


@pytest.fixture
def clock() -> Clock:
    """The servers started here read the machine's clock."""
    return machine


@contextmanager
def gunicorn_of(environment: dict[str, str], folder: Path, pool: str = "all") -> Iterator[Server]:
    """Gunicorn with the shipped configuration and one worker, for the pages of a pool."""
    port = free_port()
    config = str(ROOT / "deploy" / "gunicorn.conf.py")
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--log-level", "debug"]
    application = f"survey:create_app(pool='{pool}')"
    words = ["-m", "gunicorn", "--config", config, *bind, application]
    surroundings = {**environment, "LOG_LEVEL": "DEBUG"}
    with serving(
        [sys.executable, *words], port, surroundings, folder / f"gunicorn-{pool}.log"
    ) as server:
        yield server


@pytest.fixture
def gunicorn(sqlite_environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    """The shipped gunicorn on this test's database."""
    with gunicorn_of(sqlite_environment, tmp_path) as server:
        yield server
