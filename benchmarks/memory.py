"""Memory of the default stack after load: proportional set size (PSS), shared pages once."""

import sys
from pathlib import Path

from benchmarks.answers import CONTENT, exchange, page_request, tap_request
from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import Installation, free_port, running, signed_in, unit, wait_until_open

DOSSIERS, ANSWERS = 4_000, 400
STACK_MIB, CITIZEN_MIB = 320.0, 70.0
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
    with running([sys.executable, "-m", "deploy.run"], ours.environment) as run:
        wait_until_open(ours.port)
        _answer(ours.port, tokens[:ANSWERS])
        _open_pages(ours.port)
        whole = sum(pss(process) for process in tree(run))
    port = free_port()
    with unit("citizens", ours.environment, port) as web:
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
        browser = signed_in(port, role)
        for path in paths:
            browser.get(f"http://localhost:{port}{path}", timeout=60).raise_for_status()
