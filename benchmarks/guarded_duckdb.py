"""The guarded report from raw rows: DuckDB groups them, the statistics are ours.

Once as we give it: rows and frame name month, agency, sector, channel and lateness, and what comes
back names them; verdicts are given and small lines are looked for. Once with less: the cell of each
row was numbered before, and only its interval is computed.
"""

from pathlib import Path

import duckdb
import numpy as np

from benchmarks.guarded_lines import CELLS, cleaned, intervals, tell, timed

COUNTED = "count(*) AS rated, count(*) FILTER (rating >= 4) AS satisfied"
KEY = "month, agency, sector, channel, lateness"
REPORT = f"""
SELECT {KEY}, coalesce(c.rated, 0) AS rated, coalesce(c.satisfied, 0) AS satisfied, f.finished
FROM frame f LEFT JOIN (SELECT {KEY}, {COUNTED} FROM rows GROUP BY {KEY}) c USING ({KEY})
WHERE f.finished > 0 ORDER BY {KEY}
"""  # noqa: S608 - only constants
BARE = f"""
SELECT c.rated, c.satisfied, f.finished
FROM frame f JOIN (SELECT cell, {COUNTED} FROM rows GROUP BY cell) c USING (cell) ORDER BY cell
"""  # noqa: S608 - only constants


def report(place: Path) -> dict[str, float]:
    """Seconds of the report, and of intervals of numbered cells."""
    with duckdb.connect(str(place / "rows.duckdb"), read_only=True) as database:

        def whole() -> dict[str, float]:
            columns = database.execute(REPORT).fetchnumpy()
            numbers = [columns[name] for name in ("rated", "satisfied", "finished")]
            return cleaned(np.stack(numbers, axis=1).reshape(-1, CELLS, 3))

        def bare() -> float:
            columns = database.execute(BARE).fetchnumpy()
            return intervals(np.stack([*columns.values()], axis=1).reshape(-1, CELLS, 3))

        found, seconds, used = timed(whole)
        _, cells, cells_used = timed(bare)
    took = {"s": seconds, "cpu": used, "cells": cells, "cells_cpu": cells_used}
    return {**took, **found}


if __name__ == "__main__":
    tell(report)
