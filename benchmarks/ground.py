"""What every measurement stands on: a fresh installation, its commands and its server."""

import json
import re
import secrets
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "deploy" / "systemd"
PLACE = "/opt/langnghe"
SUPPRESSED = re.compile(r'<input type="hidden" name="(csrf_token)" value="([^"]+)"')
START_SECONDS = 120


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation:
    """The product, migrated, with reference data and with its own SQLite database in `folder`,
    unless `changes` of its environment say otherwise.
    """

    def __init__(self, folder: Path, changes: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.messages = folder / "sms.jsonl"
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "DEMO": "1",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "DATA_KEY": secrets.token_urlsafe(32),
            "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
            "SMS_CONSOLE_FILE": str(self.messages),
            "SMS_RATE": "1000000",
            "PORT": str(self.port),
            "LOG_LEVEL": "WARNING",
            **(changes or {}),
        }
        self.command("db", "upgrade")
        self.command("reference", "load")

    def command(self, *words: str) -> str:
        """Run one command to its end and give its stdout; a failure ends the benchmark."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "survey", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(
                f"flask {' '.join(words)} ended with {done.returncode}:\n{done.stderr[-2000:]}"
            )
        return done.stdout

    def tokens(self) -> list[str]:
        """Link tokens of every message sent so far."""
        lines = self.messages.read_text(encoding="utf-8").splitlines()
        texts = [json.loads(line)["text"] for line in lines]
        return [
            text.partition("/s/")[2].split()[0].rstrip(".,;") for text in texts if "/s/" in text
        ]


@contextmanager
def served(application: str, environment: dict[str, str], port: int) -> Iterator[None]:
    """Gunicorn with two sync workers and the shipped settings, for as long as the block lasts."""
    config = str(ROOT / "deploy" / "gunicorn.conf.py")
    words = [sys.executable, "-m", "gunicorn", "--config", config]
    words += ["--bind", f"127.0.0.1:{port}", "--workers", "2", application]
    with running(words, environment):
        wait_until_open(port)
        yield


@contextmanager
def unit(name: str, environment: dict[str, str], port: int = 0) -> Iterator[int]:
    """What a unit of systemd starts, with its priority; a server listens on this port instead."""
    text = (UNITS / f"langnghe-{name}.service").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^(ExecStart|Nice)=(.*)$", text, re.MULTILINE))
    words = shlex.split(settings["ExecStart"].replace(PLACE, str(ROOT)))
    if port:
        words[words.index("--bind") + 1] = f"127.0.0.1:{port}"
    with running(["nice", "-n", settings.get("Nice", "0"), *words], environment) as process:
        if port:
            wait_until_open(port)
        yield process


@contextmanager
def running(words: Sequence[str], environment: dict[str, str]) -> Iterator[int]:
    """A process for as long as the block lasts; what it says is not kept."""
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def signed_in(port: int, role: str) -> requests.Session:
    """A browser of staff, let in by a door of the demo."""
    browser, address = requests.Session(), f"http://localhost:{port}"
    token = dict(SUPPRESSED.findall(browser.get(f"{address}/demo", timeout=60).text))
    browser.post(f"{address}/demo/enter/{role}", token, timeout=60).raise_for_status()
    return browser


def wait_until_open(port: int) -> None:
    """Wait until somebody listens on the port; ends the benchmark when nobody does."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"no server on port {port} after {START_SECONDS} s")
