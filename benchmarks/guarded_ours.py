"""The guarded report as the platform makes it: counts and frame out of its tables."""

import re
import sqlite3
from pathlib import Path

import numpy as np

from benchmarks.guarded_lines import CELLS, Grid, intervals, month_names, tell, timed

MARKS = ", ".join("?" * len(month_names()))
READ = f"""
SELECT c.n1 + c.n2 + c.n3 + c.n4 + c.n5, c.n4 + c.n5, f.finished
FROM count c JOIN frame f USING (month, agency_id, sector_code, channel, lateness)
WHERE c.question = 'overall' AND c.month IN ({MARKS})
"""  # noqa: S608 - marks only
ONE = " AND c.agency_id = 1"
# The order of the primary key: nothing has to be sorted.
ORDER = " ORDER BY c.month, c.agency_id, c.sector_code, c.channel, c.lateness"


def peak_mib() -> float:
    """Most memory this process ever held; what `getrusage` says would be its parent's as well."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def report(database: Path) -> dict[str, float]:
    """Seconds of the report, of one agency and of the intervals alone (ms); memory in MiB."""
    with sqlite3.connect(database) as connection:

        def read(where: str = "") -> Grid:
            rows = connection.execute(READ + where + ORDER, month_names()).fetchall()
            return np.array(rows, dtype=np.int64).reshape(-1, CELLS, 3)

        found, seconds = timed(lambda: intervals(read()))
        memory = peak_mib()
        _, one = timed(lambda: intervals(read(ONE)))
        counts = read()
        _, bare = timed(lambda: intervals(counts))
    return {"s": seconds, "mib": memory, "one": one * 1000, "bare": bare * 1000, "sum": found}


if __name__ == "__main__":
    tell(report)
