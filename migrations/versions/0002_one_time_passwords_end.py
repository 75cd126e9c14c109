"""One-time passwords end: an account knows until when, instead of only that it has one."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STAFF = sa.table(
    "staff",
    sa.column("must_change_password", sa.Boolean()),
    sa.column("one_time_until", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    """Apply the change; passwords handed over so far end three days from now."""
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("one_time_until", sa.DateTime(timezone=True), nullable=True))
    until = datetime.now(UTC) + timedelta(hours=72)
    op.execute(STAFF.update().where(STAFF.c.must_change_password).values(one_time_until=until))
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_column("must_change_password")


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("must_change_password", sa.Boolean(), nullable=True))
    handed_over = STAFF.c.one_time_until.is_not(None)
    op.execute(STAFF.update().values(must_change_password=handed_over))
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.alter_column("must_change_password", existing_type=sa.Boolean(), nullable=False)
        batch_op.drop_column("one_time_until")
