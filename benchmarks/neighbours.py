"""Citizens' pages while staff compute four analyses: both pools as systemd starts them, a year of
data, both databases.
"""

import itertools
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from benchmarks.answers import exchange, page_request, warm_up
from benchmarks.databases import Engine, engines
from benchmarks.figures import Figure
from benchmarks.ground import Installation, free_port, signed_in, unit
from survey import create_app
from survey.db import db, transaction
from survey.models.count import Frame
from survey.settings import from_env
from tests.web.citizens import invite

READERS, MONTHS = 4, 12
QUIET_SECONDS, BUSY_SECONDS = 5.0, 20.0
# Between two pages: citizens do not come one on the heels of the other.
PAUSE_SECONDS = 0.01
MOST_TIMES, MOST_SECONDS = 3, 0.5


def measure(folder: Path) -> list[Figure]:
    """Pages of citizens beside staff at rest and at work, on both databases."""
    with engines() as found:
        return [figure for engine in found for figure in _measure(folder, engine)]


def _measure(folder: Path, engine: Engine) -> list[Figure]:
    url = engine.fresh(folder, "neighbours")
    place = Installation(folder / f"neighbours-{engine.name}", {"DATABASE_URL": url})
    place.command("demo", "load")
    token, months = _opened(place)
    port, staff_port = free_port(), free_port()
    with (
        unit("citizens", place.environment, port),
        unit("staff", place.environment, staff_port),
    ):
        warm_up(port, token)
        quiet = _waits(port, token, QUIET_SECONDS)
        with _analyses(staff_port, months) as done:
            busy = _waits(port, token, BUSY_SECONDS)
    if len(done) < READERS:
        sys.exit(f"only {len(done)} analyses were computed meanwhile")
    name, median = f"beside {READERS} analyses, {engine.name}", statistics.median(busy)
    said = f"quiet; {len(done)} analyses meanwhile"
    still = statistics.median(quiet) * 1000
    return [
        Figure(f"page {name}", "ms", median * 1000, still, said, at_most=MOST_TIMES),
        Figure(f"slowest {name}", "s", max(busy), MOST_SECONDS, "limit", at_most=1),
    ]


def _opened(place: Installation) -> tuple[str, list[str]]:
    """The token of an open link, and the last months that have dossiers."""
    app = create_app(from_env(place.environment))
    with app.app_context():
        with transaction() as session:
            token = invite(session, now=datetime.now(UTC))
            months = session.scalars(select(Frame.month).distinct().order_by(Frame.month)).all()
        db.session.remove()
        db.engine.dispose()
    return token, [str(month) for month in months[-MONTHS:]]


def _waits(port: int, token: str, seconds: float) -> list[float]:
    """How long a citizen waited for each page opened within so many seconds."""
    waits, end = list[float](), time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        exchange(port, page_request(token), b" 200 ")
        waits.append(time.perf_counter() - started)
        time.sleep(PAUSE_SECONDS)
    return waits


@contextmanager
def _analyses(port: int, months: list[str]) -> Iterator[list[str]]:
    """Staff at work as long as the block lasts: each opens one analysis after the other, of another
    month every time; gives the months that were shown.
    """
    shown: list[str] = []
    is_over = threading.Event()
    turn = itertools.cycle(months)

    def read() -> None:
        browser = signed_in(port, "leader")
        while not is_over.is_set():
            month = next(turn)
            page = f"http://localhost:{port}/staff/analysis?period={month}"
            browser.get(page, timeout=120).raise_for_status()
            shown.append(month)

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        yield shown
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
