"""Importing an export: rows a second against csv and executemany, the 30 s limit, flat memory."""

import csv
import json
import resource
import sqlite3
import sys
import time
from pathlib import Path

from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import Installation

ROWS = 100_000
FEW = 20_000
LIMIT_SECONDS = 30.0
COLUMNS = 10


def measure(folder: Path) -> list[Figure]:
    """Import 20,000 and 100,000 rows, each into a fresh database."""
    seconds, memory = {}, {}
    for rows in (FEW, ROWS):
        place = Installation(folder / f"intake-{rows}")
        export = place.folder / "export.csv"
        write_export(export, rows)
        started = time.perf_counter()
        words = ("intake", "import", str(export), "--json")
        result = json.loads(place.command(*words))
        seconds[rows] = time.perf_counter() - started
        # Of all children so far the largest; the small file goes first.
        memory[rows] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        if result["accepted"] != rows:
            sys.exit(f"the export should be clean, but: {result}")
    plain = plain_import(folder / "plain.db", export)
    return [
        Figure("import", "rows/s", ROWS / seconds[ROWS], plain, "csv and executemany"),
        Figure("import of 100,000 rows", "s", seconds[ROWS], LIMIT_SECONDS, "limit", at_most=1),
        Figure(
            "import memory, 100,000 rows", "MiB", memory[ROWS], memory[FEW], "20,000", at_most=1.2
        ),
    ]


def plain_import(database: Path, export: Path) -> float:
    """Rows a second of the least one could do: read, insert, one unique column, one commit."""
    started = time.perf_counter()
    with sqlite3.connect(database) as connection, export.open(encoding="utf-8-sig") as source:
        names = ", ".join(f"c{number}" for number in range(COLUMNS))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"CREATE TABLE dossier ({names}, UNIQUE (c1))")
        rows = csv.reader(source)
        next(rows)
        marks = ", ".join("?" * COLUMNS)
        connection.executemany(f"INSERT INTO dossier VALUES ({marks})", rows)  # noqa: S608 - marks only
    seconds = time.perf_counter() - started
    connection.close()
    return ROWS / seconds
