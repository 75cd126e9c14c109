"""No row of the frame moves with an answer, and no job tells how many cases a night filed away."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOT_NEGATIVE = "finished >= 0 AND invited >= 0 AND delivered >= 0"
CHECK = "ck_frame_not_negative"
CELL = ("month", "agency_id", "sector_code", "channel", "lateness")
TELLING_JOBS = ("cases.file_away", "privacy.retention", "watch.update")


def upgrade() -> None:
    """Apply the change."""
    with _changing_frame() as batch_op:
        batch_op.drop_constraint(op.f(CHECK), type_="check")
        batch_op.drop_column("answered")
        batch_op.create_check_constraint(op.f(CHECK), NOT_NEGATIVE)
    if op.get_bind().dialect.name == "postgresql":
        # Rows lie as they were answered until they are written again.
        op.execute("CLUSTER frame USING pk_frame")
        op.execute("ALTER TABLE frame SET WITHOUT CLUSTER")
    job = sa.table("job", sa.column("kind"), sa.column("result", sa.JSON()))
    op.execute(job.update().where(job.c.kind.in_(TELLING_JOBS)).values(result={}))


def downgrade() -> None:
    """Take the change back; what jobs told is gone."""
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


def _changing_frame():  # noqa: ANN202 - alembic's own context
    """SQLite builds the table anew; it stays without row numbers."""
    return op.batch_alter_table("frame", table_kwargs={"sqlite_with_rowid": False})
