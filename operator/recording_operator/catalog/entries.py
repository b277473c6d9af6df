"""What the catalog knows about a Recording. It contains no URL of a source and no Secret."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import RowMapping, String

from recording_operator.api.masking import mask_urls
from recording_operator.api.recording import ArtifactSpec, ArtifactStatus, Phase, Recording
from recording_operator.catalog.tables import RECORDINGS
from recording_operator.catalog.text import LONGEST_TEXT, clean, clean_json, words_of
from recording_operator.engine.identity import recording_uid

_UNKNOWN_SIZE: Final = -1
_MOST: Final = 2**63 - 1
_COUNTED: Final = frozenset({"downloads", "downloaded_bytes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogArtifact:
    """A file of a Recording."""

    name: str
    kind: str
    optional: bool = False
    phase: str = Phase.PENDING.value
    reason: str = ""
    message: str = ""
    key: str = ""
    size_bytes: int | None = None
    bytes_done: int | None = None
    content_type: str = ""
    checksum: str = ""
    integrity: str = ""
    etag: str = ""
    version_id: str | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogEntry:
    """A Recording. Times are in UTC."""

    uid: str
    namespace: str
    name: str
    org: str
    user: str = ""
    project: str = ""
    title: str = ""
    labels: Mapping[str, str]
    phase: str
    reason: str = ""
    message: str = ""
    progress: str = ""
    location: str = ""
    suspended: bool = False
    cancelled: bool = False
    created: datetime
    completed: datetime | None = None
    expires: datetime | None = None
    size_bytes: int | None = None
    bytes_done: int | None = None
    artifacts: tuple[CatalogArtifact, ...] = ()
    stored_uid: str
    """The uid in the metadata of its objects."""
    stored_created: datetime | None = None
    """The creation time in their keys, if it is another one: the Recording was rebuilt."""
    in_cluster: bool
    version: int = 0
    downloads: int = 0
    """Recent requests for its files, where they are counted. Written by DownloadTable only, like their bytes."""
    downloaded_bytes: int = 0


def entry_of(recording: Recording) -> CatalogEntry:
    """The entry of an object as the API server stores it. Raises ValueError for one that it never stored."""
    meta, spec, status = recording.metadata, recording.spec, recording.status
    if meta.creation_timestamp is None:
        raise ValueError("a stored object has a creationTimestamp")
    states = {state.name: state for state in status.artifacts}
    return CatalogEntry(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        org=spec.owner.org,
        user=spec.owner.user or "",
        project=spec.owner.project or "",
        title=mask_urls(spec.title),
        labels=dict(meta.labels),
        phase=(status.phase or Phase.PENDING).value,
        reason="" if status.reason is None else status.reason.value,
        message=mask_urls(status.message or ""),
        progress=status.progress or "",
        location=recording.location or "",
        suspended=spec.suspend,
        cancelled=spec.cancel,
        created=meta.creation_timestamp,
        completed=status.completed_at,
        expires=status.expires_at,
        size_bytes=status.bytes_total,
        bytes_done=status.bytes_done,
        artifacts=tuple(_artifact(one, states.get(one.name)) for one in spec.artifacts),
        stored_uid=recording_uid(recording),
        stored_created=None if spec.identity is None else spec.identity.created_at,
        in_cluster=True,
        version=meta.version,
    )


def _artifact(spec: ArtifactSpec, state: ArtifactStatus | None) -> CatalogArtifact:
    if state is None:
        return CatalogArtifact(name=spec.name, kind=spec.kind.value, optional=spec.optional)
    return CatalogArtifact(
        name=spec.name,
        kind=spec.kind.value,
        optional=spec.optional,
        phase=state.phase.value,
        reason="" if state.reason is None else state.reason.value,
        message=mask_urls(state.message or ""),
        key=state.key or "",
        size_bytes=state.bytes_total,
        bytes_done=state.bytes_done,
        content_type=state.content_type or "",
        checksum=state.checksum or "",
        integrity="" if state.integrity is None else state.integrity.value,
        etag=state.etag or "",
        version_id=state.version_id,
        stored=state.is_stored,
    )


def milliseconds(time: datetime | None) -> int | None:
    """A time as the tables have it."""
    return None if time is None else round(time.timestamp() * 1000)


def as_time(value: int | None) -> datetime | None:
    """A time of a table."""
    return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


def row_of(entry: CatalogEntry) -> dict[str, Any]:
    """The row of an entry, without its id. Everything in it is clean: each database accepts it."""
    row = {name: _fitting(name, getattr(entry, name)) for name in entry.__slots__ if name not in _COUNTED}
    row["labels"] = clean_json(entry.labels)
    row["artifacts"] = [_without_defaults(one) for one in entry.artifacts]
    row["size_order"] = _UNKNOWN_SIZE if row["size_bytes"] is None else row["size_bytes"]
    row["search"] = f" {' '.join(words_of(entry.title, entry.name, entry.org, entry.user))} "
    return row


def entry_of_row(row: RowMapping) -> CatalogEntry:
    """The entry of a row. One that was read without its long columns has no labels and artifacts."""
    values = _NOT_READ | dict(row)
    fields = {name: values[name] for name in CatalogEntry.__slots__}
    fields |= {name: as_time(values[name]) for name in ("created", "completed", "expires", "stored_created")}
    fields["artifacts"] = tuple(CatalogArtifact(**one) for one in values["artifacts"])
    return CatalogEntry(**fields)


def _fitting(column: str, value: Any) -> Any:
    """A value that fits the column."""
    if isinstance(value, str):
        return clean(value, most=_LENGTHS[column] or LONGEST_TEXT)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return max(min(value, _MOST), -_MOST)
    return milliseconds(value) if isinstance(value, datetime) else value


def _without_defaults(artifact: CatalogArtifact) -> dict[str, Any]:
    given = {name: getattr(artifact, name) for name in CatalogArtifact.__slots__}
    return {name: clean_json(value) for name, value in given.items() if value != _DEFAULTS.get(name)}


_NOT_READ: Final[dict[str, Any]] = {"labels": {}, "artifacts": ()}
_LENGTHS: Final = {column.name: column.type.length for column in RECORDINGS.columns if isinstance(column.type, String)}
_DEFAULTS: Final = {one.name: one.default for one in dataclasses.fields(CatalogArtifact) if one.name != "name"}
