"""reminders apart: what became of a reminder leads to no dossier, and tallies name no agency."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from flask import current_app
from sqlalchemy.orm import Session

from survey import sealing
from survey.db import UtcDateTime
from survey.workdays import local_midnight

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

AT_ONCE = 500
# All bodies of parted reminders are equally long.
PADDED_BYTES = 1024
# So long a reminder that left counts among the messages of its number.
COUNTED = timedelta(days=8)
# Of a reminder that ended they lay to the second so many days after its invitation's.
MOMENTS = ("sent_at", "settled_at", "claimed_at", "unknown_since")
NO_LINK = dict.fromkeys(("invitation_id", "phone_index", "prefix", "token_hash", "retry_at"))


def upgrade() -> None:
    """Apply the change."""
    op.drop_table("answer_tally")
    op.create_table(
        "answer_tally",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.CheckConstraint("answers >= 1", name=op.f("ck_answer_tally_answers")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answer_tally")),
        sqlite_with_rowid=False,
    )
    # Their hashes cannot be made again: at worst one question is repeated.
    op.execute(sa.text("DELETE FROM conversation"))
    message = _messages()
    begun = (message.c.state != "ready") | (message.c.attempt > 0)
    _part(message, begun)
    _wait_by_the_day(message, ~begun)
    _forget_moments()


def downgrade() -> None:
    """Take the change back: what was dropped stays dropped."""
    # The version before would send these without asking whether there is an answer.
    op.execute(
        sa.text(
            "UPDATE message SET state = 'cancelled', reason = 'not_needed', body_sealed = NULL"
            " WHERE kind = 'reminder' AND invitation_id IS NULL AND state = 'ready'"
        )
    )
    # It would release these, and then ask nothing either: they count as gone.
    op.execute(
        sa.text(
            "UPDATE message SET state = 'delivery_unknown', body_sealed = NULL"
            " WHERE kind = 'reminder' AND invitation_id IS NULL AND state IN ('sending', 'unknown')"
        )
    )
    op.execute(sa.text("DELETE FROM conversation"))
    op.drop_table("answer_tally")
    op.create_table(
        "answer_tally",
        sa.Column("agency_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.CheckConstraint("answers >= 1", name=op.f("ck_answer_tally_answers")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_answer_tally_agency_id_agency")
        ),
        sa.PrimaryKeyConstraint("agency_id", "slot", name=op.f("pk_answer_tally")),
        sqlite_with_rowid=False,
    )


def _messages() -> sa.Table:
    """The table as it is, with instants as UTC."""
    reflected = sa.Table("message", sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)
    for column in reflected.columns:
        if isinstance(column.type, sa.DateTime):
            column.type = UtcDateTime()
    return reflected


def _part(message: sa.Table, begun: sa.ColumnElement[bool]) -> None:
    """Write reminders that left, ended or were tried anew: under new ids, in a random order."""
    connection = op.get_bind()
    session = Session(bind=connection, info={"settings": current_app.extensions["settings"]})
    chosen = sa.select(message.c.id).where(message.c.kind == "reminder", begun)
    ids = list(connection.scalars(chosen))
    secrets.SystemRandom().shuffle(ids)
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        these = message.c.id.in_(some)
        rows = {
            row["id"]: row for row in connection.execute(sa.select(message).where(these)).mappings()
        }
        connection.execute(message.delete().where(these))
        connection.execute(message.insert(), [_parted(session, rows[one]) for one in some])


def _parted(session: Session, row: Mapping[str, Any]) -> dict[str, Any]:
    """The same reminder as a row that leads nowhere; one without an end keeps what it needs."""
    message_id = secrets.token_hex(16)
    day = local_midnight(row["due_at"])
    parted = {**row, **NO_LINK, "id": message_id, "due_at": day}
    phone = ""
    if row["phone_sealed"] is not None:
        phone = sealing.unseal(session, "message.phone", row["id"], row["phone_sealed"])
    if row["state"] not in {"ready", "sending", "unknown"} or not phone:
        if phone and row["sent_at"] and datetime.now(UTC) - row["sent_at"] < COUNTED:
            parted["phone_index"] = sealing.reminder_index(session, phone)
        days = {name: local_midnight(row[name]) for name in MOMENTS if row[name] is not None}
        return {**parted, **days, "phone_sealed": None, "body_sealed": None, "expires_at": day}
    body = sealing.unseal(session, "message.body", row["id"], row["body_sealed"])
    blanks = " " * (PADDED_BYTES - len(body.encode()))
    return {
        **parted,
        "expires_at": local_midnight(row["expires_at"]),
        "phone_sealed": sealing.seal(session, "message.phone", message_id, phone),
        "phone_index": sealing.reminder_index(session, phone),
        "body_sealed": sealing.seal(session, "message.body", message_id, body + blanks),
    }


def _forget_moments() -> None:
    """Answers of a dialogue that left or ended keep days, as all receipts do: their moments were
    those of ratings.
    """
    days = {name: _day_of(name) for name in (*MOMENTS, "due_at")}
    columns = ", ".join(f"{name} = {day}" for name, day in days.items())
    op.execute(
        f"UPDATE message SET {columns}, expires_at = {days['due_at']}, retry_at = NULL"  # noqa: S608
        " WHERE kind = 'dialogue' AND state NOT IN ('ready', 'sending', 'unknown')"
    )
    op.execute(f"UPDATE receipt SET received_at = {_day_of('received_at')}")  # noqa: S608


def _day_of(column: str) -> str:
    """In SQL: the local midnight before an instant, since a table of receipts may be long."""
    if op.get_bind().dialect.name == "postgresql":
        zone = "AT TIME ZONE 'Asia/Ho_Chi_Minh'"
        return f"date_trunc('day', {column} {zone}) {zone}"
    shifts = "'+7 hours', 'start of day', '-7 hours'"
    # As instants are written: what lies in one column must sort.
    return f"strftime('%Y-%m-%d %H:%M:%S', {column}, {shifts}) || '.000000'"


def _wait_by_the_day(message: sa.Table, waiting: sa.ColumnElement[bool]) -> None:
    """Reminders that wait tell nothing, once a moment no longer leads to their invitation's."""
    connection = op.get_bind()
    query = sa.select(message.c.id, message.c.due_at, message.c.expires_at).where(
        message.c.kind == "reminder", waiting
    )
    rows: Sequence[Any] = connection.execute(query).all()
    change = (
        message.update()
        .where(message.c.id == sa.bindparam("one"))
        .values(due_at=sa.bindparam("due"), expires_at=sa.bindparam("expires"))
    )
    days = [
        {
            "one": row.id,
            "due": local_midnight(row.due_at),
            "expires": local_midnight(row.expires_at),
        }
        for row in rows
    ]
    if days:
        connection.execute(change, days)
