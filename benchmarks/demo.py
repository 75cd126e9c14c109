"""Loading the demo: 60,000 dossiers and 12,000 answers of thirteen months, within a minute."""

import json
import sys
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.ground import Installation

DOSSIERS, ANSWERS = 60_000, 12_000
LIMIT_SECONDS = 60.0


def measure(folder: Path) -> list[Figure]:
    """Load the demo into a fresh database."""
    place = Installation(folder / "demo")
    started = time.perf_counter()
    loaded = json.loads(place.command("demo", "load", "--json"))
    seconds = time.perf_counter() - started
    if loaded["dossiers"] != DOSSIERS or loaded["answers"] < ANSWERS:
        sys.exit(f"the demo is smaller than promised: {loaded}")
    return [Figure("demo load", "s", seconds, LIMIT_SECONDS, "limit", at_most=1)]
