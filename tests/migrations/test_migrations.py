"""Migrations build exactly the models' tables, and can be taken back, on both databases."""

import sqlite3
from datetime import UTC, datetime, timedelta

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError

from survey import accounts
from survey.db import db
from survey.models.staff import RoleName, Staff
from tests.conftest import unit_of_work

VERSION_TABLE = "schema_version"
NOW = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)
BEFORE = text(
    "INSERT INTO staff (email, name, active, fs_uniquifier, must_change_password)"
    " VALUES (:email, '', :yes, :email, :handed_over)"
)


def _schema(connection):
    """Everything the database knows about its tables, in a form that can be compared."""
    look = inspect(connection)
    return {
        name: {
            "columns": {
                one["name"]: (str(one["type"]), one["nullable"], one["default"])
                for one in look.get_columns(name)
            },
            "key": look.get_pk_constraint(name)["constrained_columns"],
            "foreign": _sorted(look.get_foreign_keys(name)),
            "unique": _sorted(look.get_unique_constraints(name)),
            "checks": _sorted(look.get_check_constraints(name)),
            "indexes": _sorted(look.get_indexes(name)),
        }
        for name in look.get_table_names()
        if name != VERSION_TABLE
    }


def _sorted(items):
    return sorted(repr(_plain(item)) for item in items)


def _plain(value):
    """SQL expressions as their text, so two reflections of one thing are equal."""
    if isinstance(value, dict):
        return sorted((name, _plain(one)) for name, one in value.items())
    return str(value)


def test_models_and_migrations_are_the_same(empty_app):
    """A migrated database differs in nothing from what the models would create."""
    with empty_app.app_context():
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            options = {"compare_type": True, "version_table": VERSION_TABLE}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, db.metadata) == []
            migrated = _schema(connection)
        flask_migrate.downgrade(revision="base")
        db.create_all()
        with db.engine.connect() as connection:
            assert _schema(connection) == migrated


def test_migrations_can_be_taken_back_and_made_again(empty_app):
    """Upgrade, downgrade to nothing, upgrade: the second result equals the first."""
    with empty_app.app_context():
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            first = _schema(connection)
        flask_migrate.downgrade(revision="base")
        with db.engine.connect() as connection:
            assert _schema(connection) == {}
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            assert _schema(connection) == first


def test_upgrading_again_changes_nothing(app):
    """A second upgrade of an up-to-date database with data leaves every row and table."""
    with app.app_context():
        with db.engine.connect() as connection:
            before = (_schema(connection), _rows(connection))
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            assert (_schema(connection), _rows(connection)) == before


def _rows(connection):
    return {
        table.name: connection.scalar(select(func.count()).select_from(table))
        for table in db.metadata.sorted_tables
    }


def test_a_filled_database_is_taken_back_and_forth(app):
    """Rows that point to a changed table survive the change, and are checked again after it."""
    with unit_of_work(app) as session:
        first, _ = accounts.add(session, NOW, accounts.NewAccount("a@tinh.vn", RoleName.ADMIN))
        accounts.add(session, NOW, accounts.NewAccount("b@tinh.vn", RoleName.ANALYST), first.id)
    with app.app_context():
        with db.engine.connect() as connection:
            before = _rows(connection)
        flask_migrate.downgrade(revision="0001")
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            assert _rows(connection) == before
    with pytest.raises(IntegrityError), unit_of_work(app) as session:
        session.execute(text("DELETE FROM staff"))


def test_one_time_passwords_of_before_end_and_come_back(empty_app):
    """Who had not yet chosen a password has three days from the upgrade; others lose nothing."""
    with empty_app.app_context():
        flask_migrate.upgrade(revision="0001")
        with db.engine.begin() as connection:
            for email, handed_over in (("new@tinh.vn", True), ("old@tinh.vn", False)):
                row = {"email": email, "handed_over": handed_over, "yes": True}
                connection.execute(BEFORE, row)
        flask_migrate.upgrade()
        with db.session() as session:
            until = dict(session.execute(select(Staff.email, Staff.one_time_until)).all())
        assert until["old@tinh.vn"] is None
        left = until["new@tinh.vn"] - datetime.now(UTC)
        assert timedelta(hours=71) < left <= timedelta(hours=72)
        flask_migrate.downgrade(revision="0001")
        with db.engine.connect() as connection:
            words = "SELECT email FROM staff WHERE must_change_password"
            assert connection.scalars(text(words)).all() == ["new@tinh.vn"]


def test_a_migration_over_rows_astray_changes_nothing(engine, empty_app):
    """SQLite checks what points where before the commit: a bad result is as if never begun."""
    if engine != "sqlite":
        pytest.skip("PostgreSQL checks every row itself")
    with empty_app.app_context():
        flask_migrate.upgrade(revision="0001")
        with sqlite3.connect(db.engine.url.database) as astray:
            astray.execute("INSERT INTO staff_role (staff_id, role_id) VALUES (99, 99)")
        astray.close()
        with db.engine.connect() as connection:
            before = _schema(connection)
        with pytest.raises(SystemExit, match="staff_role"):
            flask_migrate.upgrade()
        with db.engine.connect() as connection:
            assert _schema(connection) == before
