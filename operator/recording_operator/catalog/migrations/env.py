"""Alembic runs this file for each command, on the connection of `catalog.database.upgrade`."""

from alembic import context

from recording_operator.catalog.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
