"""The hotline's pages with 10,000 cases in work, on both databases: CPU of one request."""

import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from flask.testing import FlaskClient

from benchmarks.ballots import installed
from benchmarks.databases import Engine, engines
from benchmarks.figures import Figure
from benchmarks.filling_cases import RARE, fill_cases
from survey.db import transaction
from tests.web.staff_accounts import signed_in

CASES = 10_000
TRIES = 7
QUEUE = "/staff/cases?view=all"
# Milliseconds of CPU.
MOST_QUEUE, MOST_SEARCH = 100.0, 150.0


def measure(folder: Path) -> list[Figure]:
    """The queue, cold and warm, and searches by code and by word."""
    with engines() as found:
        return [figure for engine in found for figure in _measure(folder, engine)]


def _measure(folder: Path, engine: Engine) -> list[Figure]:
    app = installed(folder, engine, "cases")
    with app.app_context(), transaction() as session:
        codes = fill_cases(session, CASES, datetime.now(UTC))
    client = signed_in(app, "handler")
    search = f"/staff/cases?view=all&q={RARE.split()[0]}%20{RARE.split()[1]}"
    cold, first = milliseconds(client, QUEUE), milliseconds(client, search)
    return [
        _figure(f"queue of {CASES:,} cases, {engine.name}", client, (QUEUE, cold), MOST_QUEUE),
        _figure(f"search by word, {engine.name}", client, (search, first), MOST_SEARCH),
        _figure(
            f"search by code, {engine.name}",
            client,
            (f"/staff/cases?view=all&q={codes[0]}", first),
            MOST_SEARCH,
        ),
    ]


def _figure(name: str, client: FlaskClient, page: tuple[str, float], limit: float) -> Figure:
    path, first = page
    warm = statistics.median(milliseconds(client, path) for _ in range(TRIES))
    said = f"limit; {first:.0f} ms the first time"
    return Figure(name, "ms CPU", warm, limit, said, at_most=1)


def milliseconds(client: FlaskClient, path: str) -> float:
    """CPU of this process for one request; an answer that is no page ends the benchmark."""
    started = time.process_time()
    answer = client.get(path)
    spent = (time.process_time() - started) * 1000
    if answer.status_code != 200:  # noqa: PLR2004
        message = f"{path} answered {answer.status_code}"
        raise RuntimeError(message)
    return spent
