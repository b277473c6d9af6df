"""Rows of Recordings that are long gone from Kubernetes: their manifests in the buckets say what they were."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, Select, Text, cast, delete, exists, func, or_, select, update

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import Phase
from recording_operator.catalog.entries import CatalogArtifact, CatalogEntry, entry_of_row
from recording_operator.catalog.rebuilt import OWNER, former_uids
from recording_operator.catalog.tables import MANIFESTS, RECORDINGS
from recording_operator.catalog.text import clean
from recording_operator.catalog.transactions import transaction, writing
from recording_operator.catalog.upserts import upsert
from recording_operator.catalog.writing import CatalogWriter, remove_recordings
from recording_operator.engine.manifest import Manifest, ManifestArtifact, MissingArtifact

_ROWS: Final = 500
_LARGEST: Final = 2**62
_MOST_UNPROVEN: Final = 10_000
"""The next run takes others: those whose files are stored stay, so they are not always the same ones."""


class UnlikelyManifestError(ValueError):
    """No operator has written such a manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRead:
    """A manifest that was found; `entry` is None if it cannot be used. Without an ETag it is read again next time."""

    key: str
    etag: str
    uid: str
    entry: CatalogEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnprovenRow:
    """A row of a Recording that is gone from Kubernetes, and that no manifest is known of."""

    uid: str
    stored_uid: str
    keys: tuple[str, ...]
    """Of the files that were stored."""


def entry_of_manifest(manifest: Manifest, *, location: str) -> CatalogEntry:
    """What a manifest that was found at a location says. Raises UnlikelyManifestError."""
    sizes = [one.size for one in manifest.artifacts]
    if not 0 <= sum(sizes) < _LARGEST or min(sizes, default=0) < 0:
        raise UnlikelyManifestError("A size is not one.")
    artifacts = [*map(_stored, manifest.artifacts), *map(_missing, manifest.missing)]
    return CatalogEntry(
        uid=manifest.uid,
        namespace=manifest.namespace,
        name=manifest.name,
        org=manifest.owner.org,
        user=manifest.owner.user or "",
        project=manifest.owner.project or "",
        title=manifest.title,
        labels=dict(manifest.labels),
        phase=manifest.phase.value,
        progress="100.0%" if manifest.phase is Phase.COMPLETE else "",
        location=location,
        created=manifest.created_at,
        completed=manifest.completed_at,
        size_bytes=sum(sizes),
        bytes_done=sum(sizes),
        artifacts=tuple(artifacts),
        stored_uid=manifest.uid,
        in_cluster=False,
    )


class Forgotten(NamedTuple):
    """What a complete listing of a location did not have."""

    removed: int
    moved_to: frozenset[str]
    """Other locations that have manifests of the same Recordings, and are to be read again."""


class ManifestRows:
    """Remembers which manifests were read, and keeps their rows. Thread-safe.

    A Recording in Kubernetes says itself what it is: its row is left alone.
    """

    def __init__(self, engine: Engine, writer: CatalogWriter) -> None:
        self._engine = engine
        self._writer = writer

    def unread(self, location: str, found: Mapping[str, str], *, run: int) -> set[str]:
        """Of these keys with their ETags: those that were not read yet. The others are noted as seen in this run."""
        table = MANIFESTS.c
        here = (table.location == location) & table.key.in_(list(found))
        with writing(self._engine) as connection:
            known = connection.execute(select(table.key, table.etag).where(here)).all()
            same = [row.key for row in known if row.etag == found[row.key]]
            mine = (table.location == location) & table.key.in_(same) & (table.seen < run)
            if same:
                connection.execute(update(MANIFESTS).where(mine).values(seen=run))
        return found.keys() - set(same)

    def put(self, location: str, read: Sequence[ManifestRead], *, run: int) -> None:
        """Keep what these manifests say."""
        if not read:
            return
        entries = {one.entry.uid: one.entry for one in read if one.entry is not None}
        kept, replaced = self._chosen(entries)
        self._writer.put(kept)
        self._writer.remove(replaced)
        rows = [
            {"location": location, "key": one.key, "etag": clean(one.etag, most=128), "uid": one.uid, "seen": run}
            for one in read
        ]
        with writing(self._engine) as connection:
            # Another console may have seen it in a later run.
            upsert(connection, MANIFESTS, rows, key=("location", "key"), growing=("seen",))

    def forget_unseen(self, location: str, *, run: int) -> Forgotten:
        """The listing is complete: manifests that it does not have are gone, and the rows that were made of them."""
        table, removed, moved_to = MANIFESTS.c, 0, set[str]()
        old = (table.location == location) & (table.seen < run)
        while True:
            with transaction(self._engine) as connection:
                rows = connection.execute(select(table.key, table.uid).where(old).limit(_ROWS)).all()
                gone, moved = _gone(connection, location, {row.uid for row in rows}, run=run)
            if not rows:
                return Forgotten(removed, frozenset(moved_to))
            self._writer.remove(gone)
            with writing(self._engine) as connection:
                connection.execute(delete(MANIFESTS).where(old, table.key.in_([row.key for row in rows])))
                others = select(table.location).where(table.uid.in_(moved), table.location != location)
                moved_to.update(connection.scalars(others))
                connection.execute(delete(MANIFESTS).where(table.uid.in_(moved)))  # they are read again
            removed += len(rows)

    def without_manifest(self, location: str) -> tuple[str, ...]:
        """The uids of rows that no manifest is known for, though nothing else says what they are; at most so many.

        Those without a location were gone from Kubernetes before they had one.
        """
        with transaction(self._engine) as connection:
            return tuple(connection.scalars(_unproven(location).order_by(func.random()).limit(_MOST_UNPROVEN)))

    def forget_without_manifest(
        self, location: str, uids: Sequence[str], *, stored: Callable[[Sequence[UnprovenRow]], set[str]]
    ) -> int:
        """Remove those of these rows that still have no manifest, and whose files are not stored any more.

        The listing, which began after `without_manifest`, is complete. `stored` returns the uids of rows with files.
        """
        removed = 0
        for start in range(0, len(uids), _ROWS):
            some = RECORDINGS.c.uid.in_(uids[start : start + _ROWS])
            with transaction(self._engine) as connection:
                query = _unproven(location).add_columns(RECORDINGS.c.stored_uid, RECORDINGS.c.artifacts).where(some)
                rows = [_unproven_row(row.uid, row.stored_uid, row.artifacts) for row in connection.execute(query)]
            kept = stored(rows)
            with writing(self._engine) as connection:
                still = RECORDINGS.c.uid.in_([row.uid for row in rows if row.uid not in kept])
                gone = list(connection.scalars(_unproven(location).where(still)))
                remove_recordings(connection, gone)
            removed += len(gone)
        return removed

    def forget_unstored_rebuilds(self) -> None:
        """Remove rows of rebuilt Recordings that are gone before anything was stored for them.

        They hide what a manifest says of the Recording before: that is read again.
        """
        with writing(self._engine) as connection:
            rows = connection.execute(_unstored_rebuilds().limit(_MOST_UNPROVEN)).all()
            for start in range(0, len(rows), _ROWS):
                some = rows[start : start + _ROWS]
                former = MANIFESTS.c.uid.in_([row.stored_uid for row in some])
                connection.execute(update(MANIFESTS).where(former).values(etag=""))
                remove_recordings(connection, [row.uid for row in some])

    def forget_rebuilt(self) -> None:
        """Remove rows that were made of manifests of Recordings that were rebuilt since, with another uid."""
        with transaction(self._engine) as connection:
            uids = former_uids(connection)
        if uids:
            self._writer.remove(uids)

    def _chosen(self, entries: Mapping[str, CatalogEntry]) -> tuple[list[CatalogEntry], list[str]]:
        """The entries to write, and the uids of rows that others have replaced."""
        table = RECORDINGS.c
        uids = list(entries)
        with transaction(self._engine) as connection:
            query = select(RECORDINGS).where(or_(table.uid.in_(uids), table.stored_uid.in_(uids)))
            rows = [entry_of_row(row) for row in connection.execute(query).mappings()]
            places = _places(connection, uids)
        own = {row.uid: row for row in rows}
        rebuilt = {
            row.stored_uid for row in rows if row.uid != row.stored_uid and _is_same(row, entries.get(row.stored_uid))
        }
        kept, replaced = [], []
        for uid, entry in entries.items():
            known = own.get(uid)
            if uid in rebuilt:
                replaced += [uid] if known is not None and not known.in_cluster else []
            elif known is None:
                kept.append(entry)
            elif not known.in_cluster and _is_same(known, entry) and _may_replace(known, entry, places.get(uid, set())):
                kept.append(_after(known, entry))
        return kept, replaced


def _gone(connection: Connection, location: str, uids: set[str], *, run: int) -> tuple[list[str], list[str]]:
    """Of the manifests with these uids, which the location has lost: the rows to remove, and the uids of those that
    another location has. Such a row names the location that it was moved from.

    A row stays if the run has seen another object with its uid: an artifact may have the key of a manifest.
    """
    table, manifest = RECORDINGS.c, MANIFESTS.c
    others = select(manifest.uid, manifest.location).where(
        manifest.uid.in_(uids), (manifest.location != location) | (manifest.seen >= run)
    )
    found = connection.execute(others).all()
    here = {row.uid for row in found if row.location == location}
    kept = {row.uid for row in found} - here
    uids = uids - here
    query = select(table.uid, table.stored_uid).where(
        table.stored_uid.in_(uids), ~table.in_cluster, table.location == location
    )
    rows = connection.execute(query).all()
    return (
        [row.uid for row in rows if row.stored_uid not in kept],
        [row.stored_uid for row in rows if row.stored_uid in kept],
    )


def _unproven(location: str) -> Select[Any]:
    table = RECORDINGS.c
    has_manifest = exists().where(MANIFESTS.c.uid == table.stored_uid)
    return select(table.uid).where(table.location.in_([location, ""]), ~table.in_cluster, ~has_manifest)


def _unstored_rebuilds() -> Select[Any]:
    table = RECORDINGS.c
    has_manifest = exists().where(MANIFESTS.c.uid == table.stored_uid)
    text = cast(table.artifacts, Text)  # PostgreSQL keeps it as it was written, without spaces
    is_stored = or_(text.contains('"stored": true'), text.contains('"stored":true'))
    return select(table.uid, table.stored_uid).where(
        table.uid != table.stored_uid, ~table.in_cluster, has_manifest, ~is_stored
    )


def _unproven_row(uid: str, stored_uid: str, artifacts: Sequence[Mapping[str, Any]]) -> UnprovenRow:
    keys = tuple(one["key"] for one in artifacts if one.get("stored") and one.get("key"))
    return UnprovenRow(uid=uid, stored_uid=stored_uid, keys=keys)


def _places(connection: Connection, uids: Iterable[str]) -> dict[str, set[str]]:
    """The locations that have a manifest of each."""
    found: dict[str, set[str]] = {}
    table = MANIFESTS.c
    for row in connection.execute(select(table.uid, table.location).where(table.uid.in_(list(uids)))):
        found.setdefault(row.uid, set()).add(row.location)
    return found


def _is_same(row: CatalogEntry, entry: CatalogEntry | None) -> bool:
    """Whether both are about the Recording of the same owner."""
    return entry is not None and _owner(row) == _owner(entry)


def _owner(entry: CatalogEntry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in OWNER)


def _may_replace(known: CatalogEntry, entry: CatalogEntry, places: set[str]) -> bool:
    """Whether the manifest says something else. One that was left behind by a move does not count."""
    is_elsewhere = known.location not in {"", entry.location} and known.location in places
    return not is_elsewhere and _facts(known) != _facts(entry)


def _facts(entry: CatalogEntry) -> tuple[Any, ...]:
    stored = sorted((one.name, one.key, one.etag) for one in entry.artifacts if one.stored)
    return entry.phase, entry.location, entry.title, dict(entry.labels), stored


def _after(known: CatalogEntry, entry: CatalogEntry) -> CatalogEntry:
    """The next state of a row. What only Kubernetes knew stays, if it is still true."""
    is_same = known.phase == entry.phase
    return replace(
        entry,
        version=known.version + 1,
        reason=known.reason if is_same else "",
        message=known.message if is_same else "",
    )


def _stored(artifact: ManifestArtifact) -> CatalogArtifact:
    return CatalogArtifact(
        name=artifact.name,
        kind=artifact.kind.value,
        optional=artifact.optional,
        phase=Phase.COMPLETE.value,
        key=artifact.key,
        size_bytes=artifact.size,
        bytes_done=artifact.size,
        content_type=artifact.content_type or "",
        checksum=artifact.checksum or "",
        integrity="" if artifact.integrity is None else artifact.integrity.value,
        etag=artifact.etag or "",
        version_id=artifact.version_id,
        stored=True,
    )


def _missing(artifact: MissingArtifact) -> CatalogArtifact:
    expired = artifact.reason is Reason.EXPIRED
    return CatalogArtifact(
        name=artifact.name,
        kind=artifact.kind.value,
        optional=artifact.optional,
        phase=(Phase.COMPLETE if expired else Phase.FAILED).value,
        reason="" if artifact.reason is None else artifact.reason.value,
    )
