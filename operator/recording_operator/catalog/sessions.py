"""Browser sessions in the database of the catalog, so that every console on the same database knows them."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, delete, insert, select, update

from recording_operator.catalog.entries import milliseconds
from recording_operator.catalog.tables import SESSIONS
from recording_operator.catalog.transactions import transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A row. `sealed` is encrypted with a key that is not in the database. `owner` is the same for one user."""

    id: str
    owner: str
    sealed: bytes = field(repr=False)
    expires: datetime


class SessionTable:
    """Reads and writes sessions. Thread-safe. Every call raises CatalogUnavailable if the database does not respond."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, session: StoredSession, *, most: int) -> None:
        """Insert a new session. Of its owner's others, the `most` - 1 that last longest stay."""
        row = {
            "id": session.id,
            "owner": session.owner,
            "sealed": session.sealed,
            "expires": milliseconds(session.expires),
        }
        own = SESSIONS.c.owner == session.owner
        beyond = select(SESSIONS.c.id).where(own).order_by(SESSIONS.c.expires.desc(), SESSIONS.c.id).offset(most - 1)
        with transaction(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.id.in_(beyond)))
            connection.execute(insert(SESSIONS).values(row))

    def sealed(self, session_id: str, *, now: datetime) -> tuple[bytes, int] | None:
        """What is sealed in a session that has not expired, and the milliseconds until it expires."""
        table, now_ms = SESSIONS.c, milliseconds(now) or 0
        query = select(table.sealed, table.expires).where(table.id == session_id, table.expires > now_ms)
        with transaction(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else (bytes(row.sealed), int(row.expires) - now_ms)

    def extend(self, session_id: str, *, expires: datetime) -> None:
        """Let a session expire later."""
        with transaction(self._engine) as connection:
            connection.execute(
                update(SESSIONS).where(SESSIONS.c.id == session_id).values(expires=milliseconds(expires))
            )

    def remove(self, session_id: str) -> None:
        """Delete a session, if it is there."""
        with transaction(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.id == session_id))

    def remove_expired(self, *, now: datetime) -> None:
        """Delete all sessions that have expired."""
        with transaction(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.expires <= milliseconds(now)))
