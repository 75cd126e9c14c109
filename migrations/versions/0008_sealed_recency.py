"""Whether an answer came after a closing of its month, and where the watch stands, is sealed.

Before, both told which answers came last, and so whose they are. Rows are opened and sealed with
the application's DATA_KEY. What answers keep does not name it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
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
FORM_KEY = "fk_response_questionnaire_id_questionnaire"
QUESTIONNAIRE = ["questionnaire_id"], ["id"]
FORM = {"mode": sa.String(3), "questionnaire_id": sa.Integer()}
PROGRESS = {
    "score": sa.Integer(),
    "since": sa.Date(),
    "since_delivered": sa.Integer(),
    "since_rated": sa.Integer(),
    "since_dissatisfied": sa.Integer(),
    "read_delivered": sa.Integer(),
    "read_rated": sa.Integer(),
    "read_dissatisfied": sa.Integer(),
}
SUMS = {"read_delivered": sa.Integer(), "read_answered": sa.Integer()}
SIGNAL = {
    "since": sa.Date(),
    "until": sa.Date(),
    "expected": sa.Double(),
    "seen": sa.Integer(),
    "out_of": sa.Integer(),
    "chance": sa.Double(),
}
# Table → its sealed column, the columns it stands for, and the CHECKs on these.
SEALED = {
    "response": ("form_sealed", FORM, {"mode": "mode IN ('web', 'sms')"}),
    "answer": ("closing_sealed", {"closing": sa.Integer()}, {"closing": "closing >= 0"}),
    "watch_chart": (
        "progress_sealed",
        PROGRESS,
        {"not_negative": "score >= 0 AND since_rated >= 0"},
    ),
    "watch_rate": ("sums_sealed", SUMS, {}),
    "alert_signal": (
        "signal_sealed",
        SIGNAL,
        {"seen": "seen >= 0 AND seen <= out_of", "chance": "chance >= 0"},
    ),
}
# Sealed without the key's name, which would tell when a row was written.
UNNAMED = {"response", "answer"}
MAY_BE_EMPTY = {("watch_chart", "since")}
KEYS = {
    "response": ("id",),
    "answer": ("response_id", "version"),
    "watch_chart": ("id",),
    "watch_rate": ("id",),
    "alert_signal": ("alert_id",),
}
# What names the row in what is sealed, where that is not its key.
NAMES = {"watch_chart": ("agency_id", "sector_group"), "watch_rate": ("measure", "agency_id")}
LENGTHS = {"response": 32, "answer": 2, "watch_chart": 320, "watch_rate": 96, "alert_signal": 256}


def upgrade() -> None:
    """Apply the change."""
    for name, (sealed, _, _) in SEALED.items():
        op.add_column(name, sa.Column(sealed, sa.LargeBinary()))
    _for_each_row(_seal)
    for name, (sealed, clear, checks) in SEALED.items():
        with _changing(name) as batch_op:
            for check in checks:
                batch_op.drop_constraint(op.f(f"ck_{name}_{check}"), type_="check")
            if name == "response":
                batch_op.drop_constraint(op.f(FORM_KEY), type_="foreignkey")
            for column in clear:
                batch_op.drop_column(column)
            batch_op.alter_column(sealed, existing_type=sa.LargeBinary(), nullable=False)
        if op.get_bind().dialect.name == "postgresql":
            # A dropped column stays in the file until its row is written again.
            op.execute(f"CLUSTER {name} USING pk_{name}")
            op.execute(f"ALTER TABLE {name} SET WITHOUT CLUSTER")


def downgrade() -> None:
    """Take the change back."""
    for name, (_, clear, _) in SEALED.items():
        for column, kind in clear.items():
            op.add_column(name, sa.Column(column, kind))
    _for_each_row(_unseal)
    for name, (sealed, clear, checks) in SEALED.items():
        with _changing(name) as batch_op:
            batch_op.drop_column(sealed)
            for column, kind in clear.items():
                if (name, column) not in MAY_BE_EMPTY:
                    batch_op.alter_column(column, existing_type=kind, nullable=False)
            for check, rule in checks.items():
                batch_op.create_check_constraint(op.f(f"ck_{name}_{check}"), rule)
            if name == "response":
                batch_op.create_foreign_key(op.f(FORM_KEY), "questionnaire", *QUESTIONNAIRE)


def _changing(name: str) -> Any:  # noqa: ANN401 - alembic's own context
    """SQLite builds the table anew; answers stay without row numbers, which would tell an order."""
    kwargs = {"sqlite_with_rowid": False} if name in {"response", "answer"} else {}
    return op.batch_alter_table(name, table_kwargs=kwargs)


def _for_each_row(change: Callable[[Session, str, sa.Row[Any]], dict[str, Any]]) -> None:
    settings = current_app.extensions["settings"]
    with Session(bind=op.get_bind(), info={"settings": settings}) as session:
        for name, (sealed, clear, _) in SEALED.items():
            columns = [sa.column(key) for key in {*KEYS[name], *NAMES.get(name, ())}]
            columns += [sa.column(column, kind) for column, kind in clear.items()]
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
    values = [getattr(row, one) for one in NAMES.get(name, KEYS[name])]
    said = "/".join("" if one is None else str(one) for one in values)
    return f"{name}.{SEALED[name][0].removesuffix('_sealed')}", said


def _seal(session: Session, name: str, row: sa.Row[Any]) -> dict[str, Any]:
    sealed, clear, _ = SEALED[name]
    values: Any = {_said(name, column): getattr(row, column) for column in clear}
    seal = sealing.seal_values
    if name in UNNAMED:
        seal = sealing.seal_unnamed
        values = row.closing if name == "answer" else list(values.values())
    return {sealed: seal(session, *_place(name, row), values, LENGTHS[name])}


def _unseal(session: Session, name: str, row: sa.Row[Any]) -> dict[str, Any]:
    sealed, clear, _ = SEALED[name]
    unseal = sealing.unseal_unnamed if name in UNNAMED else sealing.unseal_values
    values = unseal(session, *_place(name, row), getattr(row, sealed))
    if name == "answer":
        return {"closing": values}
    if name == "response":
        return dict(zip(clear, values, strict=True))
    found = {column: values[_said(name, column)] for column in clear}
    for column, kind in clear.items():
        if isinstance(kind, sa.Date) and found[column]:
            found[column] = date.fromisoformat(found[column])
    return found


def _said(name: str, column: str) -> str:
    """A column as it is named within what is sealed."""
    return column.removeprefix("read_") if name == "watch_rate" else column
