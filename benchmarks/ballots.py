"""The ballot box on both databases: what a full pool costs a figure, counting, and a recount."""

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from benchmarks.databases import Engine, engines
from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.filling import fill_pool
from benchmarks.ground import Installation
from survey import create_app
from survey.ballots import checking
from survey.db import db, transaction
from survey.indices import Breakdown, show
from survey.jobs import counting
from survey.period import Month
from survey.settings import from_env

DOSSIERS = 4_000
IN_THE_BOX, WAITING, BATCH = 80_000, 3_000, 20_000
TRIES = 5
MOST_MORE, MOST_SECONDS = 100.0, 5.0


def measure(folder: Path) -> list[Figure]:
    """Figures with and without a pool, counting 20,000 ballots, recounting 100,000."""
    with engines() as found:
        return [figure for engine in found for figure in _measure(folder, engine)]


def _measure(folder: Path, engine: Engine) -> list[Figure]:
    app = installed(folder, engine, "ballots")
    with app.app_context(), transaction() as session:
        month = fill_pool(session, IN_THE_BOX)
        counting.count(session, _now())
    without = _figures(app, month)
    with app.app_context(), transaction() as session:
        fill_pool(session, WAITING, seed=2)
    first = _seconds(lambda: _show(app, month))
    pooled = _figures(app, month)
    with app.app_context(), transaction() as session:
        fill_pool(session, BATCH - WAITING, seed=3)
    batch = _seconds(lambda: counting_job(app))
    again = _seconds(lambda: recount(app, month))
    name, limit = engine.name, "limit"
    return [
        Figure(
            f"{WAITING:,} ballots in the pool, {name}",
            "ms more",
            (pooled - without) * 1000,
            MOST_MORE,
            f"limit; {first * 1000:.0f} ms the first time",
            at_most=1,
        ),
        Figure(f"counting {BATCH:,} ballots, {name}", "s", batch, MOST_SECONDS, limit, at_most=1),
        Figure(f"recount of a month, {name}", "s", again, MOST_SECONDS, limit, at_most=1),
    ]


def installed(folder: Path, engine: Engine, name: str) -> Flask:
    """An installation on a database of this name with some thousand dossiers."""
    url = engine.fresh(folder, name)
    ours = Installation(folder / f"{name}-{engine.name}", {"DATABASE_URL": url})
    export = ours.folder / "export.csv"
    write_export(export, DOSSIERS)
    ours.command("intake", "import", str(export))
    return create_app(from_env(ours.environment))


def counting_job(app: Flask) -> None:
    """The job of the night, to the end of its cleaning up."""
    with app.app_context():
        counting.count_and_clean(_now())


def recount(app: Flask, month: Month) -> None:
    """Compare the counts of a month with its ballots; a difference ends the benchmark."""
    with app.app_context():
        found = checking.check_ballots(db.session(), [month])
        db.session.remove()
    if any(one.table != "rated" for one in found):
        message = f"counts differ: {found[:3]}"
        raise RuntimeError(message)


def _figures(app: Flask, month: Month) -> float:
    _show(app, month)
    return statistics.median(_seconds(lambda: _show(app, month)) for _ in range(TRIES))


def _show(app: Flask, month: Month) -> None:
    with app.app_context():
        show(db.session(), month, Breakdown.SECTOR, _now())
        db.session.remove()


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _now() -> datetime:
    return datetime.now(UTC)
