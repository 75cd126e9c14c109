"""fewer indexes: those nobody asks, and entries for empty cells, slowed every import."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Nothing is looked up by these.
UNUSED = (
    ("dossier", "agency_id"),
    ("dossier", "procedure_code"),
    ("invitation", "expires_at"),
    ("message", "token_hash"),
)
# Mostly empty.
SPARSE = ("case_id", "provider_id")


def upgrade() -> None:
    """Apply the change."""
    for table, column in UNUSED:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
    for column in SPARSE:
        some = sa.text(f"{column} IS NOT NULL")
        op.drop_index(f"ix_message_{column}", table_name="message")
        op.create_index(
            f"ix_message_{column}",
            "message",
            [column],
            sqlite_where=some,
            postgresql_where=some,
        )


def downgrade() -> None:
    """Take the change back."""
    for column in SPARSE:
        op.drop_index(f"ix_message_{column}", table_name="message")
        op.create_index(f"ix_message_{column}", "message", [column])
    for table, column in UNUSED:
        op.create_index(f"ix_{table}_{column}", table, [column])
