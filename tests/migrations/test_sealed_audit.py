"""A chain written in clear is sealed by an upgrade, and stands in clear again when taken back."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import flask_migrate
import pytest
import sqlalchemy as sa

from survey import audit
from survey.db import db, transaction
from tests.conftest import unit_of_work
from tests.seeding import Wanted, finish

FIRST = datetime(2026, 11, 2, 1, 0, 0, 4321, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 9, 40, tzinfo=UTC)
# More than a migration reads at once.
ACTS = 1203
OLD = sa.table(
    "audit_entry",
    sa.column("number", sa.Integer()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("staff_id", sa.Integer()),
    sa.column("action", sa.String()),
    sa.column("subject", sa.String()),
    sa.column("detail", sa.JSON()),
    sa.column("hash", sa.String()),
)


def chained(rows):
    """Rows of the old columns, each with the hash that the code of then gave it."""
    previous = "0" * 64
    for row in rows:
        content = [
            previous,
            row["number"],
            row["at"].isoformat(),
            *(row[name] for name in ("staff_id", "action", "subject", "detail")),
        ]
        written = json.dumps(content, sort_keys=True, ensure_ascii=False)
        previous = hashlib.sha256(written.encode()).hexdigest()
        yield {**row, "hash": previous}


def stored():
    """Every row of the old table, its moment in UTC."""
    with db.engine.connect() as connection:
        rows = connection.execute(sa.select(OLD).order_by(OLD.c.number)).mappings().all()
    return [{**row, "at": _utc(row["at"])} for row in rows]


def _utc(at):
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@pytest.fixture
def written(empty_app):
    """A database of before, with a chain in clear: its rows, within the application."""
    with empty_app.app_context():
        flask_migrate.upgrade(revision="0003")
        with db.engine.begin() as connection:
            add = "INSERT INTO staff (id, email, name, active, fs_uniquifier) VALUES (7, 'a', '', "
            connection.execute(sa.text(f"{add}:yes, 'a')"), {"yes": True})
            rows = list(
                chained(
                    {
                        "number": number,
                        "at": FIRST + timedelta(seconds=number) * (number % 3),
                        "staff_id": 7 if number % 2 else None,
                        "action": "case.taken",
                        "subject": f"case:PA{number:06}",
                        "detail": {"lý do": "khẩn", "b": [1, 2.5, None], "a": {"z": number}},
                    }
                    for number in range(1, ACTS + 1)
                )
            )
            connection.execute(OLD.insert(), rows)
        yield rows


def test_a_chain_in_clear_is_sealed_and_opened_again(written):
    """Hashes stay as printed, every act is read as it was, and the old columns come back equal."""
    flask_migrate.upgrade()
    session = db.session()
    assert audit.verify(session) == (ACTS, True)
    assert audit.head(session) == written[-1]["hash"]
    names = ("number", "at", "staff_id", "action", "subject", "detail")
    assert [[getattr(act, name) for name in names] for act in audit.acts(session)] == [
        [row[name] for name in names] for row in written
    ]
    db.session.remove()
    flask_migrate.downgrade(revision="0003")
    assert stored() == written


def test_acts_since_the_upgrade_are_hashed_anew_when_it_is_taken_back(written):
    """The code of before finds the whole chain true, and so does that of now after going back."""
    flask_migrate.upgrade()
    with transaction() as session:
        for subject in ("case:PA7F3K2Q", "case:PA7F3K2R"):
            audit.record(session, NOW, "case.closed", subject, staff_id=7, detail={"a": "ô"})
    flask_migrate.downgrade(revision="0003")
    rows = stored()
    assert rows[:ACTS] == written
    assert [row["subject"] for row in rows[ACTS:]] == ["case:PA7F3K2Q", "case:PA7F3K2R"]
    assert rows == list(chained(rows))
    flask_migrate.upgrade()
    assert audit.verify(db.session()) == (ACTS + 2, True)


def test_no_migration_mends_a_broken_chain(written):
    """What was changed before the upgrade, or after it, is seen as changed on both sides."""
    with db.engine.begin() as connection:
        connection.execute(OLD.update().where(OLD.c.number == 5).values(action="case.noted"))
    flask_migrate.upgrade()
    with transaction() as session:
        audit.record(session, NOW, "case.closed", "case:PA7F3K2Q")
        audit.record(session, NOW, "case.closed", "case:PA7F3K2R")
        session.execute(OLD.update().where(OLD.c.number == ACTS + 1).values(hash="x"))
    assert audit.verify(db.session()) == (ACTS + 2, False)
    db.session.remove()
    flask_migrate.downgrade(revision="0003")
    rows = stored()
    false = [row["number"] for row, true in zip(rows, chained(rows), strict=True) if row != true]
    assert false[0] == 5
    assert (rows[4]["hash"], rows[ACTS]["hash"]) == (written[4]["hash"], "x")


def test_an_upgrade_with_another_key_changes_nothing(app, make_app):
    """Where what is sealed does not open, nothing more is sealed: an upgrade stops and says why."""
    with unit_of_work(app) as session:
        finish(session, [Wanted(1)])
    with app.app_context():
        flask_migrate.downgrade(revision="0003")
    other = make_app(DATA_KEY="bmV3LWRhdGEta2V5LW9mLXRoZS10ZXN0cy0wMTIzNDU")
    with other.app_context(), pytest.raises(SystemExit, match="khóa khác"):
        flask_migrate.upgrade()
    with app.app_context():
        columns = sa.inspect(db.engine).get_columns("audit_entry")
        assert {"action", "subject"} <= {column["name"] for column in columns}
        flask_migrate.upgrade()
