"""Downloads of Recordings, instead of whole usage samples."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Change the tables."""
    op.drop_table("usage_samples")
    op.create_table(
        "downloads",
        sa.Column("location", sa.String(length=253), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("location", "uid", name=op.f("pk_downloads")),
        comment="Recent downloads, by StorageLocation and the uid in the keys of the objects.",
    )
    op.create_index(op.f("ix_downloads_uid"), "downloads", ["uid"])
    for name in ("downloads", "downloaded_bytes"):
        op.add_column("recordings", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index(op.f("ix_recordings_downloads_id"), "recordings", ["downloads", "id"])
    op.create_index(op.f("ix_recordings_namespace_downloads_id"), "recordings", ["namespace", "downloads", "id"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index(op.f("ix_recordings_namespace_downloads_id"), "recordings")
    op.drop_index(op.f("ix_recordings_downloads_id"), "recordings")
    for name in ("downloaded_bytes", "downloads"):
        op.drop_column("recordings", name)
    op.drop_table("downloads")
    op.create_table(
        "usage_samples",
        sa.Column("location", sa.String(length=253), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("sample", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("location", "at", name=op.f("pk_usage_samples")),
    )
