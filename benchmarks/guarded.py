"""The guarded report of 300 agencies × 4 sector groups × 24 months: we read counts, others rows.

Every engine runs in a process of its own and must come to the same 28,800 intervals. DuckDB gives
what we give, from rows that name month, agency, sector, channel and lateness as our tables do:
intervals, verdicts and what must be suppressed. Beside it stands what it needs where the cell of
each row was numbered before and nothing but intervals is computed; pandas has the same.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.figures import Figure
from benchmarks.ground import ROOT, Installation
from benchmarks.guarded_lines import (
    AGENCIES,
    CELLS,
    CHANNELS,
    GROUPS,
    LATENESS,
    LINES,
    MONTHS,
    Grid,
    Numbers,
    month_names,
)

SIZES = (1_000_000, 10_000_000, 30_000_000)
# Engines that read raw rows get these.
RAW = 10_000_000
LIMIT_SECONDS, LIMIT_MIB, LIMIT_AGENCY_MS, LIMIT_INTERVALS_MS = 0.5, 200, 5, 50
R_SCRIPT = Path(__file__).with_name("guarded.R")


def measure(folder: Path) -> list[Figure]:
    """Report, one agency and bare intervals against their limits; engines on raw rows beside."""
    place = folder / "guarded"
    sectors = _sectors(Installation(place))
    runs = {}
    for ratings in SIZES:
        counts = _counts(ratings)
        database = place / f"counts-{ratings}.db"
        _fill(place / "bench.db", database, sectors, counts)
        runs[ratings] = _run("ours", database)
        if ratings == RAW:
            _write_rows(place, sectors, counts)
    ours = runs[RAW]
    name = "limit"
    figures = [
        Figure("guarded report", "s", ours["s"], LIMIT_SECONDS, name, at_most=1),
        Figure("guarded report, memory", "MiB", ours["mib"], LIMIT_MIB, name, at_most=1),
        Figure("guarded figures, one agency", "ms", ours["one"], LIMIT_AGENCY_MS, name, at_most=1),
        Figure("28,800 intervals", "ms", ours["bare"], LIMIT_INTERVALS_MS, name, at_most=1),
    ]
    first, *more = SIZES
    for ratings in more:
        beside = "the same at 1M ratings"
        title = f"guarded report, {ratings // 1_000_000}M ratings"
        pair = (runs[ratings]["s"], runs[first]["s"])
        figures.append(Figure(title, "s", *pair, beside, at_most=1.2))
    for engine in ("duckdb", "pandas"):
        other = _run(engine, place)
        for part in ("sum", "met", "suppressed"):
            if part in other and other[part] != ours[part]:
                sys.exit(f"{engine} and we differ: {other[part]} and {ours[part]} ({part})")
        figures += _beside(engine, ours, other)
    return figures + _beside_r(place, ours)


def _beside(engine: str, ours: dict[str, float], other: dict[str, float]) -> list[Figure]:
    """Seconds and CPU seconds beside those of the whole report, and of intervals of numbered cells:
    only the first are a target.
    """
    title = f"guarded report, {engine}"
    rows, cells = f"{engine} on 10M rows", f"{engine} on numbered cells, intervals only"
    kinds = (
        (title, "s", "s", rows, 1),
        (f"{title}, CPU", "cpu", "cpu", rows, None),
        (f"{title}, cells", "s", "cells", cells, None),
        (f"{title}, cells, CPU", "cpu", "cells_cpu", cells, None),
    )
    return [
        Figure(label, "s", ours[part], other[beside], name, at_most=most)
        for label, part, beside, name, most in kinds
        if beside in other
    ]


def _counts(ratings: int) -> Grid:
    """(line, cell, [rated, satisfied, finished]): every cell filled, sums known."""
    draw = np.random.default_rng(7)
    cells = LINES * CELLS
    rated = np.full(cells, ratings // cells)
    rated[: ratings - int(rated.sum())] += 1
    satisfied = draw.binomial(rated, draw.uniform(0.7, 0.97, cells))
    finished = rated * 3 + draw.integers(0, 5, cells)
    return np.stack([rated, satisfied, finished], axis=1).reshape(LINES, CELLS, 3)


def _sectors(place: Installation) -> list[str]:
    """Four sectors of the reference data, in the order of their codes."""
    with sqlite3.connect(place.folder / "bench.db") as connection:
        found = connection.execute("SELECT code FROM sector ORDER BY code LIMIT ?", (GROUPS,))
        return [code for (code,) in found]


def _keys(sectors: list[str]) -> list[tuple[str, int, str, str, str]]:
    """Cells in the order of `_counts`: month, agency, group, channel, lateness."""
    return [
        (month, agency, sector, channel, lateness)
        for month in month_names()
        for agency in range(1, AGENCIES + 1)
        for sector in sectors
        for channel in CHANNELS
        for lateness in LATENESS
    ]


def _fill(empty: Path, database: Path, sectors: list[str], counts: Grid) -> None:
    """The platform's tables of counts and frame, with invented agencies; every month is closed."""
    shutil.copy(empty, database)
    rows = list(zip(_keys(sectors), counts.reshape(-1, 3).tolist(), strict=True))
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO agency (id, code, name, level, source)"
            " VALUES (?, 'BENCH-' || ?, 'Xã ' || ?, 'commune', '')",
            [(number,) * 3 for number in range(1, AGENCIES + 1)],
        )
        connection.executemany(
            "INSERT INTO snapshot (month, number, closed_at, formula, digest, payload_sealed,"
            " published) VALUES (?, 1, '2026-01-15 00:00:00', '', '', x'', '{}')",
            [(month,) for month in month_names()],
        )
        connection.executemany(
            "INSERT INTO count (month, agency_id, sector_code, channel, lateness, question,"
            " n1, n2, n3, n4, n5) VALUES (?, ?, ?, ?, ?, 'overall', 0, ?, 0, 0, ?)",
            [(*key, rated - satisfied, satisfied) for key, (rated, satisfied, _) in rows],
        )
        connection.executemany(
            "INSERT INTO frame (month, agency_id, sector_code, channel, lateness, finished,"
            " invited, delivered) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(*key, finished, finished, finished) for key, (_, _, finished) in rows],
        )
    connection.close()


def _write_rows(place: Path, sectors: list[str], counts: Grid) -> None:
    """The same as raw rows for the engines: a row a rating, in random order; and their frame."""
    rated, satisfied, finished = counts.reshape(-1, 3).T
    cell = np.repeat(np.arange(rated.size, dtype=np.int32), rated)
    place_in_cell = np.arange(cell.size) - np.repeat(np.cumsum(rated) - rated, rated)
    rating = np.where(place_in_cell < np.repeat(satisfied, rated), 5, 2).astype(np.int8)
    order = np.random.default_rng(1).permutation(cell.size)
    rows = pd.DataFrame({"cell": cell[order], "rating": rating[order]})
    frame = pd.DataFrame({"cell": np.arange(rated.size, dtype=np.int32), "finished": finished})
    with duckdb.connect(str(place / "rows.duckdb")) as database:
        for name, table in (("rows", rows), ("frame", frame)):
            given = table.assign(**_named(table["cell"].to_numpy(), sectors))
            database.from_df(given).create(name)
    rows.to_pickle(place / "rows.pickle")
    frame.to_pickle(place / "frame.pickle")
    agency = (rows["cell"] // (GROUPS * CELLS)) % AGENCIES == 0
    one = rows[agency].merge(frame, on="cell").assign(line=lambda row: row["cell"] // CELLS)
    one.to_csv(place / "one.csv", index=False)


def _named(cell: Numbers, sectors: list[str]) -> dict[str, pd.Categorical | Numbers]:
    """The key of each row, names as DuckDB keeps them best (ENUM)."""
    shape = (MONTHS, AGENCIES, GROUPS, len(CHANNELS), len(LATENESS))
    month, agency, sector, channel, lateness = np.unravel_index(cell, shape)
    named = {
        "month": (month, month_names()),
        "sector": (sector, sectors),
        "channel": (channel, CHANNELS),
        "lateness": (lateness, LATENESS),
    }
    return {
        "agency": agency.astype(np.int32) + 1,
        **{
            name: pd.Categorical.from_codes(codes, categories)
            for name, (codes, categories) in named.items()
        },
    }


def _run(engine: str, source: Path) -> dict[str, float]:
    """One engine in a process of its own."""
    command = [sys.executable, "-m", f"benchmarks.guarded_{engine}", str(source)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{engine} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def _beside_r(place: Path, ours: dict[str, float]) -> list[Figure]:
    """One agency by R's `survey` on its raw rows, where that is installed."""
    rscript = shutil.which("Rscript")
    command = [str(rscript), str(R_SCRIPT), str(place / "one.csv")]
    done = rscript and subprocess.run(command, capture_output=True, text=True, check=False)
    if not done or done.returncode:
        print("R with its package survey is not installed; not compared.", file=sys.stderr)
        return []
    name = "R survey on its rows"
    return [Figure("one agency, R survey", "ms", ours["one"], float(done.stdout), name)]
