"""Closed months for the tests of reports: a small province, or counts added by a test."""

import json
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from survey import indices
from survey.models.count import Cell, count_finished, move_frame
from survey.models.dossier import Channel, Dossier, DossierChange, Lateness
from survey.models.organisation import Agency, Procedure
from survey.period import Month
from tests import ballots, seeding

MONTH, BEFORE = Month("2026-10"), Month("2026-09")
CLOSED_AT = datetime(2026, 11, 15, 2, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
LAND_OFFICE = "LOC-KH-VPDKDD"
# Sector, channel → satisfied and dissatisfied ratings of each commune. The whole misses its target.
PLACES = {
    ("land", "counter"): (9, 3),
    ("construction", "counter"): (5, 1),
    ("investment", "online"): (1, 1),
    ("business", "online"): (5, 0),
    ("justice", "counter"): (16, 0),
    ("residence", "online"): (8, 0),
    ("health", "post"): (2, 0),
    ("education", "counter"): (3, 0),
    ("labour", "counter"): (5, 1),
    ("transport", "online"): (4, 0),
}
COMMUNES = 12


def province(session, month):
    """Figures of eleven sectors: twelve communes, a land office with many late dossiers, and a
    commune and a sector with too few ratings to be published.
    """
    query = select(Agency).where(Agency.level == "commune", Agency.valid_to.is_(None))
    *communes, small = session.scalars(query.order_by(Agency.code).limit(COMMUNES + 1)).all()
    office = session.scalars(select(Agency).where(Agency.code == LAND_OFFICE)).one()
    fewer = 0 if month == MONTH else 1
    for agency in communes:
        for (sector, channel), (good, bad) in PLACES.items():
            _put(session, Cell(agency.id, sector, month, channel, Lateness.ON_TIME), good, bad)
    for lateness, good, bad in ((Lateness.ON_TIME, 80 - fewer, 15), (Lateness.LATE, 5, 6)):
        _put(session, Cell(office.id, "land", month, Channel.COUNTER, lateness), good, bad)
    _put(session, Cell(small.id, "justice", month, Channel.COUNTER, Lateness.ON_TIME), 2, 1)
    _put(session, Cell(communes[0].id, "other", month, Channel.UNKNOWN, Lateness.ON_TIME), 2, 2)
    whole = Cell(communes[0].id, "justice", month, Channel.COUNTER, Lateness.ON_TIME)
    for number in range(40):
        given = {factor: 2 + (number + place) % 4 for place, factor in enumerate(ballots.FACTORS)}
        ballots.put(session, whole, {"overall": 4, **given}, procedure=_procedure(session, whole))
    count_finished(session, {(whole, _procedure(session, whole)): 80}, {whole: 80})
    ballots.count(session)


def _put(session, cell, good, bad):
    """Add four times as many dossiers as ratings, three of four invited."""
    rated, procedure = good + bad, _procedure(session, cell)
    count_finished(session, {(cell, procedure): 4 * rated}, {cell: 3 * rated})
    move_frame(session, cell, delivered=3 * rated)
    levels = {5: good // 2, 4: good - good // 2, 2: bad}
    ballots.put_many(session, cell, levels, procedure=procedure)


def _procedure(session, cell):
    of_sector = Procedure.sector_code == cell.sector_code
    return session.scalars(select(Procedure.code).where(of_sector).order_by(Procedure.code)).first()


def close(session, month, at=CLOSED_AT):
    """Close a month that has counts."""
    return indices.close(session, month, max(at, month.closable_from))


def close_small(session, month=MONTH, at=CLOSED_AT):
    """Close a month in which any one agency has a few answers."""
    count(session, month, "LOC-KH-SXD", finished=90, ratings=[5] * 30 + [2] * 9)
    return close(session, month, at)


def payload(session, month=MONTH):
    """The figures of a closed month."""
    return indices.payload_of(indices.first(session, month))


def canonical(figures):
    """The text that a digest is computed over."""
    return json.dumps(figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def count(session, month, agency, *, finished, ratings, lateness="on_time"):
    """Add finished dossiers of one land procedure at an agency, and the answers about them."""
    number = session.scalars(select(Agency.id).where(Agency.code == agency)).one()
    cell = Cell(number, "land", month, "counter", lateness)
    count_finished(session, {(cell, "1.012784"): finished}, {cell: finished})
    move_frame(session, cell, delivered=finished)
    ballots.rate(session, cell, Counter(ratings))


def change_after_finish(session, month, field, changed_at, *, dossiers):
    """Add dossiers of a month of which a later file changed one field."""
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
