"""The intervals from raw rows that lie in memory, their cells numbered: pandas groups them, the
intervals are ours.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.guarded_lines import CELLS, intervals, tell, timed

SATISFIED_FROM = 4


def report(place: Path) -> dict[str, float]:
    """Seconds of grouping and intervals, reading the rows from disk aside."""
    rows, frame = pd.read_pickle(place / "rows.pickle"), pd.read_pickle(place / "frame.pickle")  # noqa: S301 - written by this run

    def grouped() -> float:
        satisfied = rows["rating"] >= SATISFIED_FROM
        cells = satisfied.groupby(rows["cell"]).agg(["size", "sum"])
        table = np.stack([cells["size"], cells["sum"], frame["finished"]], axis=1)
        return intervals(table.reshape(-1, CELLS, 3))

    found, seconds, used = timed(grouped)
    return {"cells": seconds, "cells_cpu": used, "sum": found}


if __name__ == "__main__":
    tell(report)
