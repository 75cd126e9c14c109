"""What every engine of the guarded report shares: its size, the intervals, and the clock."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analysis.headline import decide, headline_lines
from analysis.poststratify import GuardedLines
from survey.indices import LEAST_SHOWN
from survey.period import Month

AGENCIES, GROUPS, MONTHS = 300, 4, 24
CHANNELS, LATENESS = ("counter", "online", "post"), ("late", "on_time")
LINES, CELLS = AGENCIES * GROUPS * MONTHS, len(CHANNELS) * len(LATENESS)
LATE = np.tile([1, 0], len(CHANNELS))
CONFIDENCE = 0.95
# Targets of the sector groups in these years: construction has one of its own.
PERCENT = (90, 85, 90, 90)
# An engine tries so often, and as often as fits into these seconds.
TRIES, SECONDS = 9, 5
T = TypeVar("T")
# By line and cell: how many rated, how many of them were satisfied, how many dossiers finished.
Grid = NDArray[np.int64]
Numbers = NDArray[np.int64]


def month_names() -> list[Month]:
    """The months of the report, YYYY-MM."""
    return [Month("2024-01").plus(number) for number in range(MONTHS)]


def intervals(counts: Grid) -> float:
    """The guarded interval of every line; gives a sum that tells whether two reports agree."""
    return total(_guarded(counts))


def cleaned(counts: Grid) -> dict[str, float]:
    """All that the report holds of lines: intervals, verdicts, and how many lines are small.

    Where a line is small others must be suppressed with it; in these data none is.
    """
    found = _guarded(counts)
    target = (np.tile(PERCENT, LINES // GROUPS), np.full(LINES, 100))
    rated, satisfied, finished = counts.sum(axis=1).T
    decided = decide((satisfied, rated, finished), (found.low, found.high), target)
    said = np.select([decided.secured, decided.lost], ["met", "not_met"], decided.verdict)
    small = (rated > 0) & (rated < LEAST_SHOWN)
    return agreed(total(found), said, small)


def agreed(
    sums: float, verdicts: NDArray[np.str_], suppressed: NDArray[np.bool_]
) -> dict[str, float]:
    """What tells whether two whole reports agree."""
    met, left_out = int((verdicts == "met").sum()), int(suppressed.sum())
    return {"sum": sums, "met": met, "suppressed": left_out}


def _guarded(counts: Grid) -> GuardedLines:
    rated, satisfied, finished = np.moveaxis(counts, 2, 0)
    return headline_lines(satisfied, rated, finished, LATE[np.newaxis], CONFIDENCE)


def total(lines: GuardedLines) -> float:
    """The sum by which reports are compared."""
    return round(float((lines.estimate + lines.low + lines.high).sum()), 6)


def timed(work: Callable[[], T]) -> tuple[T, float, float]:
    """What it gives, its best seconds of a few and the CPU seconds of all its threads: other work
    on the machine only adds.
    """
    times: list[tuple[float, float]] = []
    while len(times) < TRIES or sum(took for took, _ in times) < SECONDS:
        started, used = time.perf_counter(), time.process_time()
        found = work()
        times.append((time.perf_counter() - started, time.process_time() - used))
    return found, min(took for took, _ in times), min(cpu for _, cpu in times)


def tell(engine: Callable[[Path], dict[str, float]]) -> None:
    """Run an engine on the path of the command line and print what it found."""
    print(json.dumps(engine(Path(sys.argv[1]))))
