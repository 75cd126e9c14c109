"""Staff pages on a year of data, on both databases: CPU of the page of analysis and of a closed
month's page.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from benchmarks.cases import milliseconds
from benchmarks.databases import Engine, engines
from benchmarks.figures import Figure
from benchmarks.ground import Installation
from survey import create_app
from survey.db import db
from survey.models.snapshot import Snapshot
from survey.settings import from_env
from tests.web.staff_accounts import signed_in

TRIES = 7
# Milliseconds of CPU.
MOST = 150.0


def measure(folder: Path) -> list[Figure]:
    """The demo of thirteen months, and the last month that was closed in it."""
    with engines() as found:
        return [figure for engine in found for figure in _measure(folder, engine)]


def _measure(folder: Path, engine: Engine) -> Iterator[Figure]:
    url = engine.fresh(folder, "months")
    place = Installation(folder / f"months-{engine.name}", {"DATABASE_URL": url})
    place.command("demo", "load")
    app = create_app(from_env(place.environment))
    with app.app_context():
        closed = db.session.scalar(select(func.max(Snapshot.month)))
        db.session.remove()
    client = signed_in(app, "analyst")
    for name, path in (
        ("page of analysis", f"/staff/analysis?period={closed}"),
        ("closed month's page", f"/staff/dashboard?period={closed}"),
    ):
        first = milliseconds(client, path)
        warm = median(milliseconds(client, path) for _ in range(TRIES))
        said = f"limit; {first:.0f} ms the first time"
        yield Figure(f"{name}, {engine.name}", "ms CPU", warm, MOST, said, at_most=1)
