"""Writes entries. Writing one again changes nothing, and an older state never replaces a newer one."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, and_, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from recording_operator.catalog.entries import CatalogEntry, milliseconds, row_of
from recording_operator.catalog.tables import FEEDS, RECORDINGS

_ROWS_OF_A_STATEMENT: Final = 500
_T = TypeVar("_T")


class CatalogWriter:
    """Writes to the catalog."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, entries: Iterable[CatalogEntry]) -> None:
        """Insert or update entries of objects in Kubernetes."""
        with self._engine.begin() as connection:
            for some in _batches([row_of(one) for one in entries]):
                _upsert(connection, some)

    def gone(self, uids: Sequence[str]) -> None:
        """Note that these objects are no longer in Kubernetes. Their rows stay."""
        with self._engine.begin() as connection:
            for some in _batches(uids):
                connection.execute(update(RECORDINGS).where(RECORDINGS.c.uid.in_(some)).values(in_cluster=False))

    def fed(self, feed: str, *, complete: datetime) -> None:
        """Note that the feed knew everything at that time."""
        row = {"name": feed, "complete": milliseconds(complete)}
        with self._engine.begin() as connection:
            insert = _insert(connection)(FEEDS).values(row)
            connection.execute(
                insert.on_conflict_do_update(index_elements=["name"], set_={"complete": row["complete"]})
            )


def _upsert(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    insert = _insert(connection)(RECORDINGS).values(list(rows))
    new = insert.excluded
    newest = {column.name: new[column.name] for column in RECORDINGS.columns if column.name != "uid"}
    is_newer = or_(
        new.version > RECORDINGS.c.version,
        and_(new.version == RECORDINGS.c.version, new.in_cluster, ~RECORDINGS.c.in_cluster),
    )
    connection.execute(insert.on_conflict_do_update(index_elements=["uid"], set_=newest, where=is_newer))


def _insert(connection: Connection) -> Any:
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _ROWS_OF_A_STATEMENT):
        yield items[start : start + _ROWS_OF_A_STATEMENT]
