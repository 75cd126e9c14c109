"""Snapshots for the tests of reports: handmade figures of Khánh Hòa, or counts made on the spot."""

import hashlib
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from survey.models.count import Cell, count_finished, move_frame
from survey.models.dossier import Dossier, DossierChange
from survey.models.organisation import Agency
from survey.models.snapshot import Snapshot
from survey.period import Month
from tests import ballots, seeding

DATA = Path(__file__).parent / "data"
FACTORS = {
    "access": "Tiếp cận dịch vụ",
    "procedure": "Thủ tục hành chính",
    "officials": "Công chức",
    "result": "Kết quả giải quyết",
    "feedback": "Tiếp nhận góp ý",
}
MONTH, BEFORE = Month("2026-10"), Month("2026-09")
CLOSED_AT = datetime(2026, 11, 15, 2, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)


def payload(month=MONTH):
    """The handmade figures of a month."""
    figures = json.loads((DATA / f"report_{month.replace('-', '_')}.json").read_text("utf-8"))
    return {**figures, "names": [list(one) for one in FACTORS.items()]}


def canonical(figures):
    """The text a digest is taken over."""
    return json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text):
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def store(session, figures):
    """Keep figures as the snapshot of their month."""
    closed_at = datetime.fromisoformat(figures["closed_at"])
    snapshot = Snapshot(
        month=figures["month"], number=1, closed_at=closed_at, formula=figures["formula"]
    )
    session.add(snapshot)
    snapshot.keep(canonical(figures), {})
    session.flush()
    return snapshot


def count(session, month, agency, *, finished, ratings, lateness="on_time"):
    """Finished dossiers of one land procedure at an agency, and what was answered to them."""
    number = session.scalars(select(Agency.id).where(Agency.code == agency)).one()
    cell = Cell(number, "land", month, "counter", lateness)
    count_finished(session, {(cell, "1.012784"): finished}, {cell: finished})
    move_frame(session, cell, delivered=finished)
    ballots.rate(session, cell, Counter(ratings))


def change_after_finish(session, month, field, changed_at, *, dossiers):
    """Dossiers of a month of which a later file changed one field."""
    first = datetime.fromisoformat(f"{month}-05T03:00:00+00:00")
    numbers = (session.scalar(select(func.count()).select_from(Dossier)) or 0) + 1
    wanted = [seeding.Wanted(numbers + step, finished_at=first) for step in range(dossiers)]
    for dossier in seeding.finish(session, wanted, first + timedelta(hours=2)):
        change = DossierChange(
            dossier_id=dossier.id,
            changed_at=changed_at,
            field=field,
            old="2026-10-05",
            new="2026-10-09",
            after_finish=True,
        )
        session.add(change)
    session.flush()


def zipped(path, name):
    """The text of one part of an Office file."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()
