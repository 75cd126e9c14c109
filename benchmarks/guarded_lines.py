"""What every engine of the guarded report shares: its size, the intervals, and the clock."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.headline import headline_lines
from survey.period import Month

AGENCIES, GROUPS, MONTHS = 300, 4, 24
CHANNELS, LATENESS = ("counter", "online", "post"), ("late", "on_time")
LINES, CELLS = AGENCIES * GROUPS * MONTHS, len(CHANNELS) * len(LATENESS)
LATE = np.tile([1, 0], len(CHANNELS))
CONFIDENCE = 0.95
# An engine tries so often, and as often as fits into these seconds.
TRIES, SECONDS = 9, 5
# By line and cell: how many rated, how many of them were satisfied, how many dossiers finished.
Grid = NDArray[np.int64]


def month_names() -> list[Month]:
    """The months of the report, YYYY-MM."""
    return [Month("2024-01").plus(number) for number in range(MONTHS)]


def intervals(counts: Grid) -> float:
    """The guarded interval of every line; gives a sum that tells whether two reports agree."""
    rated, satisfied, finished = np.moveaxis(counts, 2, 0)
    lines = headline_lines(satisfied, rated, finished, LATE[np.newaxis], CONFIDENCE)
    return round(float((lines.estimate + lines.low + lines.high).sum()), 6)


def timed(work: Callable[[], float]) -> tuple[float, float]:
    """What it gives, and its best seconds of a few: other work on the machine only adds."""
    times: list[float] = []
    found = 0.0
    while len(times) < TRIES or sum(times) < SECONDS:
        started = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - started)
    return found, min(times)


def tell(engine: Callable[[Path], dict[str, float]]) -> None:
    """Run an engine on the path of the command line and print what it found."""
    print(json.dumps(engine(Path(sys.argv[1]))))
