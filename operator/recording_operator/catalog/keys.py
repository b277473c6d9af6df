"""Keys that all replicas of the console share. They are created when they are first needed."""

import secrets
from typing import Final

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite

from recording_operator.catalog.tables import KEYS

_BYTES: Final = 32


def shared_key(engine: Engine, name: str) -> bytes:
    """The key with this name, the same for all processes with this database."""
    query = select(KEYS.c.value).where(KEYS.c.name == name)
    with engine.begin() as connection:
        found = connection.scalar(query)
        if found is None:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            row = {"name": name, "value": secrets.token_bytes(_BYTES)}
            connection.execute(insert(KEYS).values(row).on_conflict_do_nothing())
            found = connection.scalar(query)
    return bytes(found or b"")
