"""The guarded report as the platform makes it: counts and frame out of its tables, by a session of
the product. Its pages and commands are not loaded: they are no part of the report.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from flask import Flask
from sqlalchemy.orm import Session

from benchmarks.guarded_lines import CELLS, Grid, agreed, intervals, month_names, tell, timed
from survey import indices
from survey.db import db
from survey.indices.strata import read_strata
from survey.period import Month
from survey.settings import from_env

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def peak_mib() -> float:
    """Most memory this process ever held; what `getrusage` says would be its parent's as well."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def report(database: Path) -> dict[str, float]:
    """Seconds of the report, of one agency and of the intervals alone (ms); memory in MiB."""
    app = Flask("survey")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{database}"
    app.extensions["settings"] = from_env({"DEMO": "1"})
    db.init_app(app)
    with app.app_context():
        session = db.session()
        found, seconds, used = timed(lambda: _course(session))
        memory = peak_mib()
        agency = indices.time_series(session, *_span(), NOW).units[0].agency
        _, one, _ = timed(lambda: _figures(session, agency))
        counts = _counts(session)
        _, bare, _ = timed(lambda: intervals(counts))
    took = {"s": seconds, "cpu": used, "one": one * 1000, "bare": bare * 1000}
    return {**took, "mib": memory, **found}


def _span() -> tuple[Month, Month]:
    return month_names()[0], month_names()[-1]


def _course(session: Session) -> dict[str, float]:
    """A whole request: the report, what must be hidden of it, and the end of its transaction."""
    found = indices.time_series(session, *_span(), NOW)
    suppressed = indices.suppressed(session, found)
    session.rollback()
    return agreed(_sum(found), found.verdict, suppressed)


def _figures(session: Session, agency: str) -> float:
    """The figures of one agency; what must be hidden of them hangs on those of all others."""
    found = indices.time_series(session, *_span(), NOW, agency=agency)
    session.rollback()
    return _sum(found)


def _sum(found: indices.TimeSeries) -> float:
    return round(float((found.index + found.low + found.high).sum()), 6)


def _counts(session: Session) -> Grid:
    strata = read_strata(session, month_names(), by_agency=True)
    columns = (strata.rated, strata.satisfied, strata.finished)
    return np.stack(columns, axis=1).astype(np.int64).reshape(-1, CELLS, 3)


if __name__ == "__main__":
    tell(report)
