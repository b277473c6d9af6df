"""Gives a database the tables of this version.

Alembic and what it imports take a tenth of the console's memory, so it is imported only to change something.
"""

from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from recording_operator.catalog.migrations import newest_revision
from recording_operator.catalog.tables import METADATA
from recording_operator.catalog.transactions import writing

_VERSIONS: Final = "alembic_version"


def prepare(engine: Engine, *, keeps: bool) -> None:
    """Create or change the tables. Several processes may do it at the same time. Raises CatalogError.

    `keeps`: whether a later version of this program will find the tables again.
    """
    with writing(engine) as connection:
        revision = _revision(connection)
        if revision == newest_revision():
            return
        if revision is None and not keeps:
            METADATA.create_all(connection)
            return
    from recording_operator.catalog.migrating import upgrade  # noqa: PLC0415 - see above

    upgrade(engine)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSIONS}"))  # noqa: S608 - our name
    return found
