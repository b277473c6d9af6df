"""Recent downloads by StorageLocation and Recording, and their sums in the rows of the Recordings."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, delete, exists, func, or_, select, update

from recording_operator.catalog.entries import CatalogEntry, as_time, entry_of_row, milliseconds
from recording_operator.catalog.summaries import visible_conditions
from recording_operator.catalog.tables import DOWNLOADS, RECORDINGS
from recording_operator.catalog.transactions import reading, writing
from recording_operator.catalog.upserts import upsert
from recording_operator.catalog.wanted import VisibleNamespaces

_REST: Final = ""
"""The uid of the row of all Recordings that are not named. Every location that counts downloads has one."""


@dataclass(frozen=True, slots=True)
class DownloadSum:
    """Requests that were served, and their bytes."""

    requests: int = 0
    size_bytes: int = 0

    def plus(self, more: "DownloadSum") -> "DownloadSum":
        """Both."""
        return DownloadSum(self.requests + more.requests, self.size_bytes + more.size_bytes)

    def minus(self, part: "DownloadSum") -> "DownloadSum":
        """Without a part."""
        return DownloadSum(self.requests - part.requests, self.size_bytes - part.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationDownloads:
    """Recent downloads from a location: by uid, and of all Recordings that are not named."""

    since: datetime
    by_uid: Mapping[str, DownloadSum]
    rest: DownloadSum
    exact: bool = True
    """Whether there were no others of these Recordings: all days are counted, and no Recording is in the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDownloads:
    """All recent downloads from a location."""

    since: datetime
    total: DownloadSum
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedEntry:
    """A Recording, and the downloads of its objects at one location."""

    location: str
    entry: CatalogEntry
    sum: DownloadSum


def known_downloads(entry: CatalogEntry, counted: Mapping[str, bool]) -> DownloadSum | None:
    """The downloads of a Recording; None if they are not known. `counted` as from `DownloadTable.locations`."""
    exact = counted.get(entry.location)
    if exact is None or not (exact or entry.downloads):
        return None
    return DownloadSum(entry.downloads, entry.downloaded_bytes)


class DownloadTable:
    """Reads and writes recent downloads. Every call raises CatalogUnavailable if the database does not respond."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, location: str, found: LocationDownloads) -> None:
        """Replace what is known of a location."""
        since = milliseconds(found.since)
        sums = {**found.by_uid, _REST: found.rest}
        rows = [
            {
                "location": location,
                "uid": uid,
                "requests": one.requests,
                "bytes": one.size_bytes,
                "since": since,
                "exact": found.exact,
            }
            for uid, one in sums.items()
        ]
        with writing(self._engine) as connection:
            connection.execute(delete(DOWNLOADS).where(DOWNLOADS.c.location == location))
            upsert(connection, DOWNLOADS, rows, key=("location", "uid"))

    def remove(self, location: str) -> None:
        """Forget a location."""
        with writing(self._engine) as connection:
            connection.execute(delete(DOWNLOADS).where(DOWNLOADS.c.location == location))

    def keep_only(self, locations: Collection[str]) -> None:
        """Forget all other locations, and write the sums into the rows of the Recordings."""
        with writing(self._engine) as connection:
            connection.execute(delete(DOWNLOADS).where(DOWNLOADS.c.location.not_in(locations)))
            _note_sums(connection)

    def locations(self) -> Mapping[str, bool]:
        """The locations whose downloads are counted, and whether the number of each Recording is exact."""
        query = select(DOWNLOADS.c.location, DOWNLOADS.c.exact).where(DOWNLOADS.c.uid == _REST)
        with reading(self._engine) as connection:
            return {row.location: row.exact for row in connection.execute(query)}

    def counted(self) -> Mapping[str, CountedDownloads]:
        """All downloads of each location that counts them."""
        table = DOWNLOADS.c
        sums = (func.min(table.since), func.sum(table.requests), func.sum(table.bytes))
        with reading(self._engine) as connection:
            rows = connection.execute(select(table.location, table.exact, *sums).group_by(table.location, table.exact))
            return {
                location: CountedDownloads(since=at, total=DownloadSum(int(requests), int(size_bytes)), exact=exact)
                for location, exact, since, requests, size_bytes in rows
                if (at := as_time(since)) is not None
            }

    def most(self, visible: VisibleNamespaces, *, limit: int) -> tuple[DownloadedEntry, ...]:
        """The Recordings of which most bytes were downloaded, at each location by itself."""
        table, found = DOWNLOADS.c, dict[tuple[str, str], DownloadedEntry]()
        counted = (table.location.label("counted_at"), table.uid.label("of"), table.requests, table.bytes)
        query = select(*counted, RECORDINGS).join(RECORDINGS, RECORDINGS.c.stored_uid == table.uid)
        order = (table.bytes.desc(), table.location, table.uid, RECORDINGS.c.in_cluster)
        with reading(self._engine) as connection:
            for condition in visible_conditions(visible):
                wanted = query.where(condition, table.uid != _REST, table.bytes > 0).order_by(*order)
                # A Recording that was rebuilt has two rows for some time.
                for row in connection.execute(wanted.limit(2 * limit)).mappings():
                    found[row["counted_at"], row["of"]] = DownloadedEntry(
                        location=row["counted_at"],
                        entry=entry_of_row(row),
                        sum=DownloadSum(row["requests"], row["bytes"]),
                    )
        largest = sorted(found.values(), key=lambda one: (-one.sum.size_bytes, one.location, one.entry.uid))
        return tuple(largest[:limit])


def _note_sums(connection: Connection) -> None:
    """Write what has changed."""
    table, row = DOWNLOADS.c, RECORDINGS.c
    none = ~exists().where(table.uid == row.stored_uid)
    connection.execute(update(RECORDINGS).where(row.downloads > 0, none).values(downloads=0, downloaded_bytes=0))
    sums = (
        select(table.uid, func.sum(table.requests).label("requests"), func.sum(table.bytes).label("bytes"))
        .where(table.uid != _REST)
        .group_by(table.uid)
        .subquery("sums")
    )
    differs = or_(row.downloads != sums.c.requests, row.downloaded_bytes != sums.c.bytes)
    connection.execute(
        update(RECORDINGS)
        .where(row.stored_uid == sums.c.uid, differs)
        .values(downloads=sums.c.requests, downloaded_bytes=sums.c.bytes)
    )
