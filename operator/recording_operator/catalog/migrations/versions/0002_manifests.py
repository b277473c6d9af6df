"""Manifests that were read, and an index of the uids in the buckets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "manifests",
        sa.Column("location", sa.String(length=253), nullable=False),
        sa.Column("key", sa.String(length=1024), nullable=False),
        sa.Column("etag", sa.String(length=128), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("location", "key", name=op.f("pk_manifests")),
        comment="The manifests in the buckets that were read, each with the time of the last listing that had it.",
    )
    op.create_index(op.f("ix_manifests_location_seen"), "manifests", ["location", "seen"])
    op.create_index(op.f("ix_manifests_uid"), "manifests", ["uid"])
    op.create_index(op.f("ix_recordings_stored_uid"), "recordings", ["stored_uid"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index(op.f("ix_recordings_stored_uid"), "recordings")
    op.drop_table("manifests")
