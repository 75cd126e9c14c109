"""Every column of every table is declared: why it may stand in clear, or that it does not."""

from collections import Counter

import pytest

from survey.crypto.sealed import all_sealed, declarations
from survey.db import Base

TABLES = sorted(Base.metadata.tables)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_declared_once(name):
    """A column stands in clear for a reason, or is encrypted, a blind index or a keyed hash."""
    declared = declarations()[name]
    columns = Counter({column: len(reasons) for column, reasons in declared.clear.items()})
    columns.update(sealed.column for sealed in declared.sealed)
    columns.update(sealed.index.column for sealed in declared.sealed if sealed.index)
    columns.update(hashed.column for hashed in declared.hashed)
    assert columns == Counter(Base.metadata.tables[name].columns.keys())


@pytest.mark.parametrize("name", TABLES)
def test_what_is_not_clear_is_bytes(name):
    """No text or number is declared encrypted or hashed, and no bytes clear but files and keys."""
    declared, columns = declarations()[name], Base.metadata.tables[name].columns
    types = {column.name: column.type.python_type for column in columns}
    clear = {column for column in declared.clear if types[column] is bytes}
    assert clear <= {"wrapped", "master_id", "content"}
    assert {types[column] for column in types.keys() - declared.clear.keys()} <= {bytes}


def test_the_name_of_a_row_never_changes():
    """An encrypted value is bound to columns that stand in clear or are keyed hashes, so a new key
    changes none of them, and that tell its row from all others.
    """
    for sealed in all_sealed():
        table = sealed.owner.__table__
        declared = declarations()[table.name]
        hashed = {one.column for one in declared.hashed}
        assert set(sealed.row) <= {*declared.clear, *hashed}, sealed.place
        keys = [set(table.primary_key.columns.keys())]
        keys += [
            {column.name for column in one.columns}
            for one in table.constraints
            if type(one).__name__ == "UniqueConstraint"
        ]
        assert set(sealed.row) in keys, sealed.place


def test_no_two_columns_share_a_key_of_hashes():
    """Each blind index and each keyed hash is called by its own table and column, whose key is its
    alone: no two tables can be joined by them.
    """
    uses = [sealed.use for sealed in all_sealed() if sealed.index]
    uses += [hashed.use for one in declarations().values() for hashed in one.hashed]
    assert len(uses) > 10
    assert Counter(uses) == Counter(set(uses))
    assert {use.partition(".")[0] for use in uses} <= set(TABLES)
