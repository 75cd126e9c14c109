"""Importing an export on both databases: rows a second, and memory that does not grow."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import Engine, engines
from benchmarks.exports import write_export
from benchmarks.figures import Figure
from benchmarks.ground import ROOT, Installation

ROWS = 100_000
FEW = 20_000
# Rows a second.
LEAST = {"sqlite": 5_000.0, "postgresql": 4_000.0}
COLUMNS = 10


def measure(folder: Path) -> list[Figure]:
    """Import 20,000 and 100,000 rows on both databases, each time into a fresh one."""
    with engines() as found:
        return [figure for engine in found for figure in _measure(folder, engine)]


def _measure(folder: Path, engine: Engine) -> list[Figure]:
    few = imported(folder, engine, FEW)
    many = imported(folder, engine, ROWS)
    plain = plain_import(folder / f"plain-{engine.name}.db", many.export)
    name, rate = engine.name, ROWS / many.seconds
    return [
        Figure(f"import, {name}", "rows/s", rate, plain, "csv and executemany on SQLite"),
        Figure(
            f"import of {ROWS:,} rows, {name}", "rows/s", rate, LEAST[name], "least", at_least=1
        ),
        Figure(
            f"import memory, {ROWS:,} rows, {name}", "MiB", many.memory, few.memory, f"{FEW:,}",
            at_most=1.2,
        ),
    ]  # fmt: skip


@dataclass(frozen=True)
class Imported:
    """One import: its file, how long its process took, and its largest memory in MiB."""

    export: Path
    seconds: float
    memory: float


def imported(folder: Path, engine: Engine, rows: int) -> Imported:
    """Import so many rows; a row that is not accepted ends the benchmark."""
    url = engine.fresh(folder, f"intake-{rows}")
    place = Installation(folder / f"intake-{engine.name}-{rows}", {"DATABASE_URL": url})
    export = place.folder / "export.csv"
    write_export(export, rows)
    started = time.perf_counter()
    words = [sys.executable, "-m", "flask", "--app", "survey", "intake", "import", export, "--json"]
    with subprocess.Popen(
        words, cwd=ROOT, env=place.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        said = process.stdout.read() if process.stdout else ""
        # Of this process alone, not the largest of all children so far.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode or json.loads(said)["accepted"] != rows:
        sys.exit(f"the export should be clean, but: {said}")
    return Imported(export, seconds, used.ru_maxrss / 1024)


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
