"""Migrations build exactly the models' tables, and can be taken back, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select

from survey.db import db
from tests.conftest import run_command

VERSION_TABLE = "schema_version"


def migrate(app, *words):
    """Run `flask db WORDS`."""
    done = run_command(app, "db", *words)
    assert done.code == 0, done.err


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
        migrate(empty_app, "upgrade")
        with db.engine.connect() as connection:
            options = {"compare_type": True, "version_table": VERSION_TABLE}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, db.metadata) == []
            migrated = _schema(connection)
        migrate(empty_app, "downgrade", "base")
        db.metadata.create_all(db.engine.execution_options(writing=True))
        with db.engine.connect() as connection:
            assert _schema(connection) == migrated


def test_migrations_can_be_taken_back_and_made_again(empty_app):
    """Upgrade, downgrade to nothing, upgrade: the second result equals the first."""
    with empty_app.app_context():
        migrate(empty_app, "upgrade")
        with db.engine.connect() as connection:
            first = _schema(connection)
        migrate(empty_app, "downgrade", "base")
        with db.engine.connect() as connection:
            assert _schema(connection) == {}
        migrate(empty_app, "upgrade")
        with db.engine.connect() as connection:
            assert _schema(connection) == first


def test_upgrading_again_changes_nothing(app):
    """A second upgrade of an up-to-date database with data leaves every row and table."""
    with app.app_context():
        with db.engine.connect() as connection:
            before = (_schema(connection), _rows(connection))
        migrate(app, "upgrade")
        with db.engine.connect() as connection:
            assert (_schema(connection), _rows(connection)) == before


def _rows(connection):
    return {
        table.name: connection.scalar(select(func.count()).select_from(table))
        for table in db.metadata.sorted_tables
    }
