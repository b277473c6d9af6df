"""Writes entries. Writing one again changes nothing, and an older state never replaces a newer one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, delete, select, update

from recording_operator.catalog.entries import CatalogEntry, milliseconds, row_of
from recording_operator.catalog.rebuilt import former_uids
from recording_operator.catalog.tables import FEEDS, RECORDINGS, WORDS
from recording_operator.catalog.text import clean
from recording_operator.catalog.transactions import writing
from recording_operator.catalog.upserts import delete_rows, upsert

_ROWS_OF_A_STATEMENT: Final = 500
_T = TypeVar("_T")
_Row = dict[str, Any]
_Place = tuple[str, int, int]


class CatalogWriter:
    """Writes to the catalog. Every call raises CatalogUnavailable if the database does not respond."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, entries: Iterable[CatalogEntry]) -> None:
        """Insert or update entries."""
        newest: dict[str, _Row] = {}
        for row in map(row_of, entries):
            known = newest.get(row["uid"])
            if known is None or _is_newer(row, known):
                newest[row["uid"]] = row
        with writing(self._engine) as connection:
            for some in _batches(list(newest.values())):
                _put(connection, some)

    def gone(self, uids: Iterable[str] | Mapping[str, int]) -> None:
        """Note that these objects are no longer in Kubernetes. Their rows stay.

        With the version of the deletion, no state that was before it brings the object back.
        """
        versions = {clean(uid): version for uid, version in uids.items()} if isinstance(uids, Mapping) else {}
        table = RECORDINGS.c
        with writing(self._engine) as connection:
            for some in _batches([clean(uid) for uid in uids]):
                connection.execute(update(RECORDINGS).where(table.uid.in_(some)).values(in_cluster=False))
            for uid, version in versions.items():
                older = update(RECORDINGS).where(table.uid == uid, table.version < version)
                connection.execute(older.values(version=version))

    def remove(self, uids: Iterable[str]) -> None:
        """Remove the rows of these Recordings."""
        with writing(self._engine) as connection:
            remove_recordings(connection, uids)

    def fed(self, feed: str, *, complete: datetime) -> None:
        """Note that the feed knew everything at that time."""
        row = {"name": feed, "complete": milliseconds(complete)}
        with writing(self._engine) as connection:
            upsert(connection, FEEDS, [row], key=("name",))


def remove_recordings(connection: Connection, uids: Iterable[str]) -> None:
    """Remove the rows of these Recordings, and their words."""
    table = RECORDINGS.c
    for some in _batches([clean(uid) for uid in uids]):
        rows = connection.execute(select(table.id, table.created, table.search).where(table.uid.in_(some)))
        delete_rows(connection, WORDS, _places(place for row in rows for place in _words(row._asdict())))
        connection.execute(delete(RECORDINGS).where(table.uid.in_(some)))


def _is_newer(row: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether a row replaces the known one of the same uid. An object in Kubernetes is newer than its manifest."""
    if row["version"] == known["version"]:
        return row["in_cluster"] and not known["in_cluster"]
    return bool(row["version"] > known["version"])


def _put(connection: Connection, rows: Sequence[_Row]) -> None:
    """Write rows of different uids. No other transaction writes meanwhile, so what is read stays true."""
    table = RECORDINGS.c
    query = select(table.uid, table.id, table.version, table.in_cluster, table.created, table.search)
    known = {one["uid"]: dict(one) for one in connection.execute(_of_uids(query, rows)).mappings()}
    newer = [one for one in rows if one["uid"] not in known or _is_newer(one, known[one["uid"]])]
    if not newer:
        return
    upsert(connection, RECORDINGS, newer, key=("uid",))
    new = [one for one in newer if one["uid"] not in known]
    ids = {one.uid: one.id for one in connection.execute(_of_uids(select(table.uid, table.id), new))} if new else {}
    _put_words(connection, newer, ids | {uid: one["id"] for uid, one in known.items()}, known)
    rebuilt = [one["uid"] for one in new if one["uid"] != one["stored_uid"]]
    if rebuilt:
        remove_recordings(connection, former_uids(connection, rebuilt))


def _put_words(
    connection: Connection, rows: Sequence[_Row], ids: Mapping[str, int], known: Mapping[str, Mapping[str, Any]]
) -> None:
    added: list[_Place] = []
    removed: list[_Place] = []
    for row in rows:
        uid = row["uid"]
        had = _words(known[uid]) if uid in known else set()
        has = _words({**row, "id": ids[uid]})
        added += has - had
        removed += had - has
    delete_rows(connection, WORDS, _places(removed))
    upsert(connection, WORDS, _places(added), key=("word", "created", "id"))


def _words(row: Mapping[str, Any]) -> set[_Place]:
    return {(word, row["created"], row["id"]) for word in row["search"].split()}


def _places(places: Iterable[_Place]) -> list[_Row]:
    """Rows of `words`, in the order of the table."""
    return [{"word": word, "created": created, "id": number} for word, created, number in sorted(places)]


def _of_uids(query: Any, rows: Sequence[_Row]) -> Any:
    return query.where(RECORDINGS.c.uid.in_([one["uid"] for one in rows]))


def _batches(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), _ROWS_OF_A_STATEMENT):
        yield items[start : start + _ROWS_OF_A_STATEMENT]
