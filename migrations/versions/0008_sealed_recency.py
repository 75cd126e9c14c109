"""Whether an answer came after a closing of its month, and how it came in, is sealed.

Before, few links being open at a closing, the one told whose answer it is; the other parted cells
in a month of change. Rows are opened and sealed with the application's DATA_KEY, which they do not
name.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from flask import current_app
from sqlalchemy.orm import Session

from survey import sealing

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

AT_ONCE = 1000
# Table → its sealed column with its length, the columns it stands for, and the CHECK on one.
SEALED: dict[str, tuple[str, int, dict[str, Any], tuple[str, str]]] = {
    "response": (
        "form_sealed",
        32,
        {"mode": sa.String(3), "questionnaire_id": sa.Integer()},
        ("ck_response_mode", "mode IN ('web', 'sms')"),
    ),
    "answer": (
        "closing_sealed",
        2,
        {"closing": sa.Integer()},
        ("ck_answer_closing", "closing >= 0"),
    ),
}
KEYS = {"response": ("id",), "answer": ("response_id", "version")}
FORM_KEY = "fk_response_questionnaire_id_questionnaire"


def upgrade() -> None:
    """Apply the change."""
    for name, (sealed, _, _, _) in SEALED.items():
        op.add_column(name, sa.Column(sealed, sa.LargeBinary()))
    _for_each_row(_seal)
    for name, (sealed, _, clear, (check, _)) in SEALED.items():
        with _changing(name) as batch_op:
            batch_op.drop_constraint(op.f(check), type_="check")
            if name == "response":
                batch_op.drop_constraint(op.f(FORM_KEY), type_="foreignkey")
            for column in clear:
                batch_op.drop_column(column)
            batch_op.alter_column(sealed, existing_type=sa.LargeBinary(), nullable=False)
        if op.get_bind().dialect.name == "postgresql":
            # A dropped column stays in the file until its row is written again; keys are random.
            op.execute(f"CLUSTER {name} USING pk_{name}")
            op.execute(f"ALTER TABLE {name} SET WITHOUT CLUSTER")


def downgrade() -> None:
    """Take the change back."""
    for name, (_, _, clear, _) in SEALED.items():
        for column, kind in clear.items():
            op.add_column(name, sa.Column(column, kind))
    _for_each_row(_unseal)
    for name, (sealed, _, clear, (check, rule)) in SEALED.items():
        with _changing(name) as batch_op:
            batch_op.drop_column(sealed)
            for column, kind in clear.items():
                batch_op.alter_column(column, existing_type=kind, nullable=False)
            batch_op.create_check_constraint(op.f(check), rule)
            if name == "response":
                columns = (["questionnaire_id"], ["id"])
                batch_op.create_foreign_key(op.f(FORM_KEY), "questionnaire", *columns)


def _changing(name: str) -> Any:  # noqa: ANN401 - alembic's own context
    """SQLite builds the table anew, again without row numbers, which would tell an order."""
    return op.batch_alter_table(name, table_kwargs={"sqlite_with_rowid": False})


def _for_each_row(change: Callable[[Session, str, sa.Row[Any]], dict[str, Any]]) -> None:
    settings = current_app.extensions["settings"]
    with Session(bind=op.get_bind(), info={"settings": settings}) as session:
        for name, (sealed, _, clear, _) in SEALED.items():
            columns = [sa.column(column, kind) for column, kind in clear.items()]
            columns += [sa.column(one) for one in KEYS[name]]
            table = sa.table(name, *columns, sa.column(sealed, sa.LargeBinary()))
            key = [table.c[one] for one in KEYS[name]]
            update = table.update().where(*(one == sa.bindparam(f"at_{one.name}") for one in key))
            for rows in _chunks(session, table, key):
                found = [change(session, name, row) for row in rows]
                for row, values in zip(rows, found, strict=True):
                    values |= {f"at_{one.name}": getattr(row, one.name) for one in key}
                new = {column: sa.bindparam(column) for column in found[0] if column in table.c}
                session.connection().execute(update.values(new), found)


def _chunks(
    session: Session, table: sa.TableClause, key: Sequence[sa.ColumnClause[Any]]
) -> Iterator[Sequence[sa.Row[Any]]]:
    """All rows, some at a time."""
    query = sa.select(table).order_by(*key).limit(AT_ONCE)
    rows = session.execute(query).all()
    while rows:
        yield rows
        last = sa.tuple_(*(getattr(rows[-1], one.name) for one in key))
        rows = session.execute(query.where(sa.tuple_(*key) > last)).all()


def _place(name: str, row: sa.Row[Any]) -> tuple[str, str]:
    sealed = SEALED[name][0].removesuffix("_sealed")
    return f"{name}.{sealed}", "/".join(str(getattr(row, one)) for one in KEYS[name])


def _seal(session: Session, name: str, row: sa.Row[Any]) -> dict[str, Any]:
    sealed, length, clear, _ = SEALED[name]
    values = [getattr(row, column) for column in clear]
    said = values if len(values) > 1 else values[0]
    return {sealed: sealing.seal_unnamed(session, *_place(name, row), said, length)}


def _unseal(session: Session, name: str, row: sa.Row[Any]) -> dict[str, Any]:
    sealed, _, clear, _ = SEALED[name]
    said = sealing.unseal_unnamed(session, *_place(name, row), getattr(row, sealed))
    return dict(zip(clear, said if len(clear) > 1 else [said], strict=True))
