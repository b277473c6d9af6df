"""Whose a browser session is, as a hash, so that one user does not fill the table."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("sessions", sa.Column("owner", sa.String(length=64), nullable=False, server_default=""))
    op.create_index(op.f("ix_sessions_owner"), "sessions", ["owner"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index(op.f("ix_sessions_owner"), "sessions")
    op.drop_column("sessions", "owner")
