"""Memory of the default stack after load: proportional set size (PSS), shared pages once."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from benchmarks.answers import CONTENT, exchange, page_request, tap_request
from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import ROOT, Installation, free_port, wait_until_open

DOSSIERS, ANSWERS = 4_000, 400
STACK_MIB, CITIZEN_MIB = 320.0, 70.0
HIDDEN = re.compile(r'<input type="hidden" name="(csrf_token)" value="([^"]+)"')
# What leaders and handlers open every day.
PAGES = {"leader": ("/staff/dashboard", "/staff/analysis"), "handler": ("/staff/cases",)}


def measure(folder: Path) -> list[Figure]:
    """The stack of `make run`, and one process of the pool for citizens."""
    ours = Installation(folder / "memory")
    export = ours.folder / "export.csv"
    write_export(export, DOSSIERS)
    ours.command("intake", "import", str(export))
    ours.command("messages", "send-due")
    tokens = ours.tokens()[: 2 * ANSWERS]
    flask = [sys.executable, "-m", "flask", "--app", "survey"]
    with ExitStack() as stack:
        web = stack.enter_context(_served(ours, "survey:create_app()", ours.port))
        others = [
            stack.enter_context(_running([*flask, name], ours)) for name in ("sender", "worker")
        ]
        _answer(ours.port, tokens[:ANSWERS])
        _open_pages(ours.port)
        whole = sum(pss(process) for root in (web, *others) for process in tree(root))
    port = free_port()
    with _served(ours, "survey:create_app(pool='citizen')", port) as web:
        _answer(port, tokens[ANSWERS:])
        citizen = max(pss(process) for process in tree(web)[1:])
    return [
        Figure("memory of the default stack", "MiB", whole, STACK_MIB, "limit", at_most=1),
        Figure("memory of a citizens' process", "MiB", citizen, CITIZEN_MIB, "limit", at_most=1),
    ]


def tree(root: int) -> list[int]:
    """A process and all that it started, itself first."""
    found = [root]
    for process in found:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        found += [int(one) for one in listed.split()]
    return found


def pss(process: int) -> float:
    """Proportional set size in MiB."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (line,) = (one for one in lines if one.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def _answer(port: int, tokens: list[str]) -> None:
    for number, token in enumerate(tokens):
        exchange(port, page_request(token), b" 200 ")
        exchange(port, tap_request(token, CONTENT[number % len(CONTENT)]), b" 303 ")


def _open_pages(port: int) -> None:
    for role, paths in PAGES.items():
        browser = requests.Session()
        address = f"http://localhost:{port}"
        doors = browser.get(f"{address}/demo", timeout=30).text
        token = dict(HIDDEN.findall(doors))
        browser.post(f"{address}/demo/enter/{role}", token, timeout=30).raise_for_status()
        for path in paths:
            browser.get(address + path, timeout=60).raise_for_status()


@contextmanager
def _served(place: Installation, application: str, port: int) -> Iterator[int]:
    config = str(ROOT / "deploy" / "gunicorn.conf.py")
    words = [sys.executable, "-m", "gunicorn", "--config", config, "--bind", f"127.0.0.1:{port}"]
    with _running([*words, application], place) as process:
        wait_until_open(port)
        yield process


@contextmanager
def _running(words: list[str], place: Installation) -> Iterator[int]:
    process = subprocess.Popen(
        words, cwd=ROOT, env=place.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)
