"""The guarded report from raw rows: DuckDB groups them, the intervals are ours."""

from pathlib import Path

import duckdb
import numpy as np

from benchmarks.guarded_lines import CELLS, intervals, tell, timed

QUERY = """
SELECT c.rated, c.satisfied, f.finished
FROM frame f JOIN (
    SELECT cell, count(*) AS rated, count(*) FILTER (rating >= 4) AS satisfied
    FROM rows GROUP BY cell
) c USING (cell) ORDER BY cell
"""


def report(place: Path) -> dict[str, float]:
    """Seconds of the report."""
    with duckdb.connect(str(place / "rows.duckdb"), read_only=True) as database:

        def grouped() -> float:
            columns = database.execute(QUERY).fetchnumpy()
            return intervals(np.stack([*columns.values()], axis=1).reshape(-1, CELLS, 3))

        found, seconds = timed(grouped)
    return {"s": seconds, "sum": found}


if __name__ == "__main__":
    tell(report)
