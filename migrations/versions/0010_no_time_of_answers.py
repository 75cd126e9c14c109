"""An answer moves no row of the frame, its text keeps no day, and nightly jobs tell no numbers.

Each told when answers came, and so whose they are.
"""

import secrets
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from survey.db import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NOT_NEGATIVE = "finished >= 0 AND invited >= 0 AND delivered >= 0"
CHECK = "ck_frame_not_negative"
CELL = ("month", "agency_id", "sector_code", "channel", "lateness")
TELLING_JOBS = ("cases.file_away", "privacy.retention", "watch.update")
EVENT_KEY = "uq_inbound_provider_event_hash"
EVENT = {"provider": sa.String(length=10), "event_hash": sa.LargeBinary()}
SEALED = ("phone_sealed", "phone_index", "body_sealed")
NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Apply the change."""
    _part_events()
    with _changing_frame() as batch_op:
        batch_op.drop_constraint(op.f(CHECK), type_="check")
        batch_op.drop_column("answered")
        batch_op.create_check_constraint(op.f(CHECK), NOT_NEGATIVE)
    if op.get_bind().dialect.name == "postgresql":
        # Rows lie as they were answered, and dropped ones in the file, until all are written again.
        for name in ("frame", "inbound"):
            op.execute(f"CLUSTER {name} USING pk_{name}")
            op.execute(f"ALTER TABLE {name} SET WITHOUT CLUSTER")
    job = sa.table("job", sa.column("kind"), sa.column("result", sa.JSON()))
    op.execute(job.update().where(job.c.kind.in_(TELLING_JOBS)).values(result={}))


def downgrade() -> None:
    """Take the change back; days of texts and what jobs told are gone."""
    _join_events()
    op.add_column("frame", sa.Column("answered", sa.Integer()))
    frame = sa.table("frame", *map(sa.column, CELL), sa.column("answered"))
    levels = [sa.column(f"n{rating}") for rating in range(1, 6)]
    count = sa.table("count", *map(sa.column, CELL), sa.column("question"), *levels)
    rated = sa.select(sum(count.c[level.name] for level in levels)).where(
        count.c.question == "overall", *(count.c[part] == frame.c[part] for part in CELL)
    )
    answered = sa.func.coalesce(rated.scalar_subquery(), 0)
    op.execute(frame.update().values(answered=answered))
    with _changing_frame() as batch_op:
        batch_op.drop_constraint(op.f(CHECK), type_="check")
        batch_op.alter_column("answered", existing_type=sa.Integer(), nullable=False)
        batch_op.create_check_constraint(op.f(CHECK), f"{NOT_NEGATIVE} AND answered >= 0")


def _changing_frame() -> Any:  # noqa: ANN401 - alembic's own context
    """SQLite builds the table anew; it stays without row numbers."""
    return op.batch_alter_table("frame", table_kwargs={"sqlite_with_rowid": False})


def _part_events() -> None:
    """Hashes of events go to a table of their own, in their order; texts that say nothing go."""
    event = op.create_table(
        "inbound_event",
        *(sa.Column(name, kind, nullable=False) for name, kind in EVENT.items()),
        sa.PrimaryKeyConstraint(*EVENT, name=op.f("pk_inbound_event")),
        sqlite_with_rowid=False,
    )
    inbound = _inbound()
    known = sa.select(inbound.c.provider, inbound.c.event_hash).order_by(inbound.c.event_hash)
    op.execute(event.insert().from_select([*EVENT], known))
    is_empty = sa.or_(*(inbound.c[name].is_(None) for name in SEALED))
    op.execute(inbound.delete().where(is_empty))
    with op.batch_alter_table("inbound") as batch_op:
        batch_op.drop_constraint(op.f(EVENT_KEY), type_="unique")
        for name in EVENT:
            batch_op.drop_column(name)
        for name in SEALED:
            batch_op.alter_column(name, existing_type=sa.LargeBinary(), nullable=False)


def _join_events() -> None:
    """Each event is a text without words again; texts with words get events that never come."""
    with op.batch_alter_table("inbound") as batch_op:
        for name, kind in EVENT.items():
            batch_op.add_column(sa.Column(name, kind))
        for name in SEALED:
            batch_op.alter_column(name, existing_type=sa.LargeBinary(), nullable=True)
    inbound, bind = _inbound(), op.get_bind()
    for text_id in bind.scalars(sa.select(inbound.c.id)).all():
        made_up = {"provider": "none", "event_hash": secrets.token_bytes(32)}
        bind.execute(inbound.update().where(inbound.c.id == text_id).values(made_up))
    event = sa.table("inbound_event", *(sa.column(*one) for one in EVENT.items()))
    nothing = {"received_at": NO_DAY, "needs_person": False}
    for provider, event_hash in bind.execute(sa.select(event)).all():
        row = {"id": secrets.token_hex(16), "provider": provider, "event_hash": event_hash}
        bind.execute(inbound.insert().values(**row, **nothing))
    op.drop_table("inbound_event")
    with op.batch_alter_table("inbound") as batch_op:
        for name, kind in EVENT.items():
            batch_op.alter_column(name, existing_type=kind, nullable=False)
        batch_op.create_unique_constraint(op.f(EVENT_KEY), [*EVENT])


def _inbound() -> sa.TableClause:
    columns = [sa.column("id"), *(sa.column(*one) for one in EVENT.items())]
    columns += [sa.column(name, sa.LargeBinary()) for name in SEALED]
    columns += [sa.column("received_at", UtcDateTime()), sa.column("needs_person", sa.Boolean())]
    return sa.table("inbound", *columns)
