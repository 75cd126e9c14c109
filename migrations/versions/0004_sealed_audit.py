"""The audit chain is sealed: when staff took which case told who had been asked just before."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from flask import current_app
from sqlalchemy.orm import Session

from survey import sealing

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ENTRY = sa.table(
    "audit_entry",
    sa.column("number", sa.Integer()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("staff_id", sa.Integer()),
    sa.column("action", sa.String(40)),
    sa.column("subject", sa.String(80)),
    sa.column("detail", sa.JSON()),
    sa.column("sealed", sa.LargeBinary()),
    sa.column("hash", sa.String(64)),
)
CLEAR = ("at", "staff_id", "action", "subject", "detail")
INDEX = "ix_audit_entry_staff_id_action_at"
PLACE = "audit_entry.act"
GENESIS = "0" * 64
BLOCK = 512
ROWS_AT_ONCE = 1000


def upgrade() -> None:
    """Apply the change. What was done before keeps its hash, so printed heads still hold."""
    op.create_table(
        "allowance",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_allowance_used")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_allowance_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", "act", name=op.f("pk_allowance")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sealed", sa.LargeBinary(), nullable=True))
    session = _session()
    for rows in _chunks():
        _write([{"row": row.number, "sealed": _seal(session, row)} for row in rows])
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index(INDEX)
        batch_op.drop_constraint("fk_audit_entry_staff_id_staff", type_="foreignkey")
        for column in CLEAR:
            batch_op.drop_column(column)
        batch_op.alter_column("sealed", existing_type=sa.LargeBinary(), nullable=False)
    if op.get_bind().dialect.name == "postgresql":
        # It only hides dropped columns: written anew, the table's file holds them no more.
        op.execute("CLUSTER audit_entry USING pk_audit_entry")
        op.execute("ALTER TABLE audit_entry SET WITHOUT CLUSTER")


def downgrade() -> None:
    """Take the change back. The old columns have no place for salts: salted acts are hashed anew,
    and all after them. A row that did not fit the chain does not fit it afterwards either.
    """
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("staff_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("action", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("subject", sa.String(length=80), nullable=True))
        batch_op.add_column(sa.Column("detail", sa.JSON(), nullable=True))
    _open_all()
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        for name, kind in (
            ("at", sa.DateTime(timezone=True)),
            ("action", sa.String(length=40)),
            ("subject", sa.String(length=80)),
            ("detail", sa.JSON()),
        ):
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        batch_op.create_foreign_key(
            op.f("fk_audit_entry_staff_id_staff"), "staff", ["staff_id"], ["id"]
        )
        batch_op.create_index(INDEX, ["staff_id", "action", "at"], unique=False)
        batch_op.drop_column("sealed")
    op.drop_table("allowance")


def _open_all() -> None:
    """Write what every row says into the old columns, and the hash that the code of then expects.

    Refused `sealed_value_broken` or `sealed_with_unknown_key` at a row that does not open.
    """
    session = _session()
    stored = anew = GENESIS
    for rows in _chunks():
        opened = []
        for row in rows:
            said = json.loads(sealing.unseal(session, PLACE, str(row.number), row.sealed))
            fits = row.hash == _hash(stored, row.number, said)
            said.pop("salt", None)
            stored, anew = row.hash, _hash(anew, row.number, said) if fits else row.hash
            said["at"] = datetime.fromisoformat(said["at"])
            opened.append({"row": row.number, "hash": anew, **said})
        _write(opened)


def _session() -> Session:
    """What the keys of this application are found by; nothing is read or written through it."""
    return Session(op.get_bind(), info={"settings": current_app.extensions["settings"]})


def _chunks() -> Iterator[Sequence[sa.Row[Any]]]:
    """All rows in order, few at a time."""
    query = sa.select(ENTRY).order_by(ENTRY.c.number).limit(ROWS_AT_ONCE)
    rows = op.get_bind().execute(query).all()
    while rows:
        yield rows
        rows = op.get_bind().execute(query.where(ENTRY.c.number > rows[-1].number)).all()


def _write(rows: Sequence[Mapping[str, Any]]) -> None:
    values = {name: sa.bindparam(name) for name in rows[0] if name != "row"}
    statement = ENTRY.update().where(ENTRY.c.number == sa.bindparam("row")).values(values)
    op.get_bind().execute(statement, rows)


def _seal(session: Session, row: sa.Row[Any]) -> bytes:
    """One act of the old columns, its moment as the very text that was hashed."""
    at = row.at.replace(tzinfo=UTC) if row.at.tzinfo is None else row.at.astimezone(UTC)
    said = {name: getattr(row, name) for name in CLEAR} | {"at": at.isoformat()}
    packed = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    packed += " " * (-len(packed.encode()) % BLOCK)
    return sealing.seal(session, PLACE, str(row.number), packed)


def _hash(previous: str, number: int, said: Mapping[str, Any]) -> str:
    salt = [said["salt"]] if "salt" in said else []
    content = [previous, number, *(said[name] for name in CLEAR), *salt]
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()
