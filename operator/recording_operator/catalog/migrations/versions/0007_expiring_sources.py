"""Recordings in the order in which their sources expire, for the first page."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Change the tables."""
    op.create_index(
        "ix_recordings_expiring",
        "recordings",
        ["expires", "uid", "phase"],
        sqlite_where=sa.text("in_cluster = 1"),
        postgresql_where=sa.text("in_cluster"),
    )


def downgrade() -> None:
    """Undo it."""
    op.drop_index("ix_recordings_expiring", "recordings")
