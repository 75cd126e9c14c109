"""Answers counted per procedure are sealed, and so are the figures of closed months.

Before, both said in clear what was answered about each procedure. Rows are opened and sealed with
the application's DATA_KEY.
"""

import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from flask import current_app
from sqlalchemy.orm import Session

from survey import sealing

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTS_BYTES, PAYLOAD_BYTES = 512, 1 << 16
GROUP = ("month", "procedure_code", "channel", "lateness")
LEVELS = ("n1", "n2", "n3", "n4", "n5")
IN_CLEAR = sa.table("counts_before", *map(sa.column, (*GROUP, "question", *LEVELS)))
SEALED = sa.table(
    "counts_before",
    sa.column("month"),
    sa.column("group_hash", sa.LargeBinary()),
    sa.column("counts_sealed", sa.LargeBinary()),
)
SNAPSHOT = sa.table(
    "snapshot",
    *map(sa.column, ("id", "month", "number", "inputs_digest", "payload")),
    sa.column("payload_sealed", sa.LargeBinary()),
)


def upgrade() -> None:
    """Apply the change."""
    _put_aside()
    op.create_table(
        "procedure_count",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("group_hash", sa.LargeBinary(), nullable=False),
        sa.Column("counts_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("month", "group_hash", name=op.f("pk_procedure_count")),
        sqlite_with_rowid=False,
    )
    op.add_column("snapshot", sa.Column("payload_sealed", sa.LargeBinary()))
    with _session() as session:
        for month in _months(session):
            _write(session, _sealed(session, month))
        for row in _snapshots(session):
            packed = zlib.compress(row.payload.encode())
            whole = -(-len(packed) // PAYLOAD_BYTES) * PAYLOAD_BYTES
            place = ("snapshot.payload", f"{row.month}/{row.number}")
            sealed = sealing.seal_bytes(session, *place, packed.ljust(whole, b"\0"))
            _change(session, row.id, payload_sealed=sealed)
        session.flush()
    op.drop_table("counts_before")
    with op.batch_alter_table("snapshot") as batch_op:
        batch_op.alter_column("payload_sealed", existing_type=sa.LargeBinary(), nullable=False)
        batch_op.drop_column("payload")
        batch_op.drop_column("inputs_digest")
    if op.get_bind().dialect.name == "postgresql":
        # A dropped column stays in the file until its row is written again.
        op.execute("CLUSTER snapshot USING pk_snapshot")
        op.execute("ALTER TABLE snapshot SET WITHOUT CLUSTER")


def downgrade() -> None:
    """Take the change back."""
    _put_aside()
    _create_in_clear()
    op.add_column("snapshot", sa.Column("payload", sa.Text()))
    op.add_column("snapshot", sa.Column("inputs_digest", sa.String(64)))
    with _session() as session:
        for month in _months(session):
            _write(session, _in_clear(session, month))
        for row in _snapshots(session):
            place = ("snapshot.payload", f"{row.month}/{row.number}")
            packed = sealing.unseal_bytes(session, *place, row.payload_sealed)
            payload = zlib.decompressobj().decompress(packed).decode()
            digest = json.loads(payload).get("inputs_digest", "")
            _change(session, row.id, payload=payload, inputs_digest=digest)
        session.flush()
    op.drop_table("counts_before")
    with op.batch_alter_table("snapshot") as batch_op:
        batch_op.alter_column("payload", existing_type=sa.Text(), nullable=False)
        batch_op.alter_column("inputs_digest", existing_type=sa.String(64), nullable=False)
        batch_op.drop_column("payload_sealed")


def _put_aside() -> None:
    op.rename_table("procedure_count", "counts_before")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX pk_procedure_count RENAME TO pk_counts_before")


def _session() -> Session:
    return Session(bind=op.get_bind(), info={"settings": current_app.extensions["settings"]})


def _months(session: Session) -> Iterable[str]:
    return session.scalars(sa.select(IN_CLEAR.c.month).distinct()).all()


def _snapshots(session: Session) -> Iterator[sa.Row[Any]]:
    """One by one, since payloads are large and rows are changed meanwhile."""
    for snapshot_id in session.scalars(sa.select(SNAPSHOT.c.id)).all():
        yield session.execute(sa.select(SNAPSHOT).where(SNAPSHOT.c.id == snapshot_id)).one()


def _write(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        table = sa.table("procedure_count", *map(sa.column, rows[0]))
        session.execute(table.insert(), rows)


def _change(session: Session, snapshot_id: int, **values: object) -> None:
    session.execute(SNAPSHOT.update().where(SNAPSHOT.c.id == snapshot_id).values(values))


def _sealed(session: Session, month: str) -> list[dict[str, Any]]:
    """Rows of now for a month, in an order that tells nothing."""
    groups: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for row in session.execute(sa.select(IN_CLEAR).where(IN_CLEAR.c.month == month)):
        *group, question = row[:5]
        if any(row[5:]):
            groups.setdefault(tuple(group), {})[question] = list(row[5:])
    found = []
    for group, counts in groups.items():
        found_by = sealing.group_hash(session, "|".join(group))
        content = json.dumps([group, counts], separators=(",", ":"), ensure_ascii=False).encode()
        if len(content) > COUNTS_BYTES:
            message = f"counts of {len(content)} bytes do not fit"
            raise ValueError(message)
        place = ("procedure_count.counts", f"{month}/{found_by.hex()}")
        sealed = sealing.seal_bytes(session, *place, content.ljust(COUNTS_BYTES))
        found.append({"month": month, "group_hash": found_by, "counts_sealed": sealed})
    return sorted(found, key=lambda row: row["group_hash"])


def _in_clear(session: Session, month: str) -> list[dict[str, Any]]:
    """Rows of before for a month."""
    found = []
    for row in session.execute(sa.select(SEALED).where(SEALED.c.month == month)):
        place = ("procedure_count.counts", f"{month}/{row.group_hash.hex()}")
        group, counts = json.loads(sealing.unseal_bytes(session, *place, row.counts_sealed))
        for question, ratings in counts.items():
            levels = dict(zip(LEVELS, ratings, strict=True))
            found.append({**dict(zip(GROUP, group, strict=True)), "question": question, **levels})
    return found


def _create_in_clear() -> None:
    op.create_table(
        "procedure_count",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("procedure_code", sa.String(12), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("lateness", sa.String(10), nullable=False),
        sa.Column("question", sa.String(10), nullable=False),
        *(sa.Column(level, sa.Integer(), nullable=False) for level in LEVELS),
        sa.CheckConstraint(
            "channel IN ('counter', 'online', 'post', 'unknown')",
            name=op.f("ck_procedure_count_channel"),
        ),
        sa.CheckConstraint(
            "lateness IN ('on_time', 'late', 'none')", name=op.f("ck_procedure_count_lateness")
        ),
        sa.CheckConstraint(
            "question IN ('overall', 'access', 'procedure', 'officials', 'result', 'feedback')",
            name=op.f("ck_procedure_count_question"),
        ),
        sa.CheckConstraint(
            " AND ".join(f"{level} >= 0" for level in LEVELS),
            name=op.f("ck_procedure_count_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["procedure_code"],
            ["procedure.code"],
            name=op.f("fk_procedure_count_procedure_code_procedure"),
        ),
        sa.PrimaryKeyConstraint(*GROUP, "question", name=op.f("pk_procedure_count")),
        sqlite_with_rowid=False,
    )
