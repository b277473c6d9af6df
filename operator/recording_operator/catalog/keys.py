"""Keys that all replicas of the console share. They are created when they are first needed."""

import secrets
from typing import Final

from sqlalchemy import Engine, insert, select

from recording_operator.catalog.tables import KEYS
from recording_operator.catalog.transactions import writing

_BYTES: Final = 32


def shared_key(engine: Engine, name: str) -> bytes:
    """The key with this name, the same for all processes with this database."""
    query = select(KEYS.c.value).where(KEYS.c.name == name)
    with writing(engine) as connection:
        found = connection.scalar(query)
        if found is None:
            found = secrets.token_bytes(_BYTES)
            connection.execute(insert(KEYS).values(name=name, value=found))
    return bytes(found)
