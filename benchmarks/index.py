"""`index show` at one and at ten million ratings: it reads counts, so both should cost the same."""

import random
import statistics
import time
from collections import Counter
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from benchmarks.figures import Figure
from benchmarks.ground import Installation
from survey import create_app
from survey.ballots.aggregates import Aggregate, store_aggregate
from survey.db import transaction
from survey.models.count import Cell, Group, add_counts, count_finished, count_reached
from survey.models.organisation import Agency, Procedure
from survey.period import Month
from survey.settings import from_env

PERIOD = Month("2026-05")
NOW = "2026-06-20T03:00:00+00:00"
CELLS = 1_500
TRIES = 7
GROUPS = ("overall", "sector", "agency", "procedure", "channel")
SHARES = (0.02, 0.03, 0.10, 0.35, 0.50)
CHANNELS = ("counter", "online", "post")


def measure(folder: Path) -> list[Figure]:
    """Time every grouping at both sizes, in one process, without the interpreter's start."""
    few, many = (seconds_at(folder, ratings) for ratings in (1_000_000, 10_000_000))
    name = "the same at 1M ratings"
    return [Figure("index show, 10M ratings", "ms", many * 1000, few * 1000, name, at_most=1.5)]


def seconds_at(folder: Path, ratings: int) -> float:
    """Median time of all five groupings together over a month of so many ratings."""
    app = filled(folder / f"index-{ratings}", ratings)
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        for group in GROUPS:
            words = ["index", "show", "--period", PERIOD, "--by", group, "--now", NOW, "--json"]
            result = app.test_cli_runner().invoke(args=words)
            if result.exit_code:
                message = f"index show --by {group} failed: {result.output}"
                raise RuntimeError(message) from result.exception
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def filled(folder: Path, ratings: int) -> Flask:
    """An installation whose counts and frame hold one month of `ratings` overall ratings."""
    app = create_app(from_env(Installation(folder).environment))
    with app.app_context(), transaction() as session:
        agencies = session.scalars(select(Agency.id).where(Agency.valid_to.is_(None))).all()
        procedures = session.execute(select(Procedure.code, Procedure.sector_code)).all()
        draw, finished = random.Random(1), Counter[tuple[Cell, str]]()
        for _ in range(CELLS):
            code, sector = draw.choice(procedures)
            channel = draw.choice(CHANNELS)
            lateness = draw.choices(("on_time", "late"), (9, 1))[0]
            cell = Cell(draw.choice(agencies), sector, PERIOD, channel, lateness)
            finished[cell, code] += 5 * ratings // CELLS
        answered: Counter[Cell] = Counter()
        for (cell, _), number in finished.items():
            answered[cell] += number // 5
        count_finished(session, finished, {cell: 3 * number for cell, number in answered.items()})
        count_reached(session, {cell: 2 * n for cell, n in answered.items()})
        rated, sums = Counter[tuple[Cell, str, int]](), Aggregate()
        for (cell, code), number in finished.items():
            group = Group(PERIOD, code, cell.channel, cell.lateness)
            for level, share in enumerate(SHARES, 1):
                rated[cell, "overall", level] += (given := round(number // 5 * share))
                sums.procedures[group, "overall", level] += given
        add_counts(session, rated)
        store_aggregate(session, PERIOD, sums)
    return app
