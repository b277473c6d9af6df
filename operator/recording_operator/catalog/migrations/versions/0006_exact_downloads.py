"""Whether the downloads of each Recording are all that there were."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Change the tables."""
    op.add_column("downloads", sa.Column("exact", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Undo it."""
    op.drop_column("downloads", "exact")
