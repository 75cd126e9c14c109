"""What was answered about each procedure is sealed by an upgrade, and loses nothing either way."""

import hashlib
import json
from datetime import UTC, datetime

import flask_migrate
import pytest
import sqlalchemy as sa

from survey import indices
from survey.db import db, transaction
from survey.errors import Refused
from survey.models.procedure_count import Group, ProcedureCount, procedure_counts
from survey.models.snapshot import Snapshot

MONTHS = ("2026-04", "2026-05")
CODES = ("1.012784", "2.000815")
LEVELS = ("n1", "n2", "n3", "n4", "n5")
CLOSED_AT = datetime(2026, 6, 15, 2, tzinfo=UTC)
COUNTED = sa.table(
    "procedure_count",
    *map(sa.column, ("month", "procedure_code", "channel", "lateness", "question", *LEVELS)),
)
CLOSED = sa.table(
    "snapshot",
    sa.column("id"),
    sa.column("month"),
    sa.column("number"),
    sa.column("closed_at", sa.DateTime(timezone=True)),
    *map(sa.column, ("formula", "digest", "inputs_digest", "payload")),
)


def counted_rows():
    """Counts of before: two months and procedures, two questions, and one row of nothing."""
    rows = [
        (month, code, "counter", "late", question, *range(place, place + 5))
        for place, (month, code, question) in enumerate(
            (month, code, question)
            for month in MONTHS
            for code in CODES
            for question in ("overall", "result")
        )
    ]
    return [*rows, (MONTHS[0], CODES[0], "post", "none", "overall", 0, 0, 0, 0, 0)]


def closed_row(number, month):
    """A closing of before, long enough not to fit the least length."""
    noise = [hashlib.sha256(f"{month}{n}".encode()).hexdigest() for n in range(2000 * number)]
    payload = json.dumps({"month": month, "inputs_digest": "d" * 64, "Tỉnh": noise})
    return {
        "id": number,
        "month": month,
        "number": 1,
        "closed_at": CLOSED_AT,
        "formula": "post-stratified-guarded/1",
        "digest": hashlib.sha256(payload.encode()).hexdigest(),
        "inputs_digest": "d" * 64,
        "payload": payload,
    }


@pytest.fixture
def closed(empty_app):
    """A database of before with counts and closings in clear: the closings, in the application."""
    with empty_app.app_context():
        flask_migrate.upgrade(revision="0006")
        names = [column.name for column in COUNTED.columns]
        closings = [closed_row(number, month) for number, month in enumerate(MONTHS, 1)]
        with db.engine.begin() as connection:
            _write_procedures(connection)
            rows = [dict(zip(names, row, strict=True)) for row in counted_rows()]
            connection.execute(COUNTED.insert(), rows)
            connection.execute(CLOSED.insert(), closings)
        yield closings


def _write_procedures(connection):
    tables = sa.MetaData()
    tables.reflect(db.engine, only=["sector", "procedure"])
    for name, codes in (("sector", ["land"]), ("procedure", CODES)):
        for code in codes:
            table = tables.tables[name]
            plain = {one.name: one.type.python_type() for one in table.columns if not one.nullable}
            values = {**plain, "code": code, "sector_code": "land", "target_group": "other"}
            given = {key: value for key, value in values.items() if key in table.columns}
            connection.execute(table.insert().values(given))


def test_procedures_and_closings_are_sealed_and_read_as_before(closed):
    """Every count and payload opens after the upgrade, and no value in clear tells of a procedure;
    taken back, all stand in clear as before, but the row of nothing.
    """
    flask_migrate.upgrade(revision="0007")
    with transaction() as session:
        expected = {}
        for month, code, channel, lateness, question, *ratings in counted_rows()[:-1]:
            group = Group(month, code, channel, lateness)
            expected.setdefault(group, {})[question] = ratings
        found = [procedure_counts(session, month) for month in MONTHS]
        assert found[0] | found[1] == expected
        for row in closed:
            snapshot = session.get_one(Snapshot, row["id"])
            assert snapshot.payload(session) == row["payload"]
            assert indices.payload_of(session, snapshot)["month"] == row["month"]
    for table in ("procedure_count", "snapshot"):
        with db.engine.connect() as connection:
            rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table(table))).all()
        said = repr([bytes(one) if isinstance(one, memoryview) else one for r in rows for one in r])
        assert rows
        assert not [word for word in (*CODES, "inputs_digest", "counter") if word in said]
    flask_migrate.downgrade(revision="0006")
    with db.engine.connect() as connection:
        rows = connection.execute(sa.select(COUNTED)).all()
        closings = connection.execute(sa.select(CLOSED).order_by(CLOSED.c.id)).mappings().all()
    assert sorted(map(tuple, rows)) == sorted(counted_rows()[:-1])
    for row, before in zip(closings, closed, strict=True):
        moment = row["closed_at"]
        assert {**row, "closed_at": moment.replace(tzinfo=moment.tzinfo or UTC)} == before


def test_what_does_not_open_stops_the_step_back(closed):
    """One damaged row: the step back stops with a reason, and everything stays sealed."""
    flask_migrate.upgrade(revision="0007")
    with db.engine.begin() as connection:
        damaged = sa.update(ProcedureCount).values(counts_sealed=b"\0" * 64)
        connection.execute(damaged.where(ProcedureCount.month == MONTHS[1]))
    with pytest.raises(Refused, match="sealed_with_unknown_key"):
        flask_migrate.downgrade(revision="0006")
    with transaction() as session:
        assert len(procedure_counts(session, MONTHS[0])) == len(CODES)
        assert session.scalar(sa.text("SELECT version_num FROM schema_version")) == "0007"
