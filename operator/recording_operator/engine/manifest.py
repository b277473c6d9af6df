"""The manifest of a Recording: a JSON document beside its objects that describes them, for readers of the bucket.

It contains no URL of a source and no Secret. docs/manifest.md describes the format and the key.
"""

import hashlib
import json
from typing import Final

from pydantic import Field, ValidationError

from recording_operator.api.keytemplate import PLACEHOLDER
from recording_operator.api.masking import mask_urls
from recording_operator.api.meta import ApiModel, DeletionPolicy, Duration, Time
from recording_operator.api.names import MANIFEST_FILE, RESERVED_FOLDER
from recording_operator.api.recording import ArtifactKind, Phase, Recording, StatusReason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.engine.identity import created_at, recording_uid
from recording_operator.engine.placement import key_of, placement_of

SCHEMA: Final = "recordings.dev/manifest/v1"
CONTENT_TYPE: Final = "application/json"
MOST_BYTES: Final = 2**20
"""No manifest is larger: 64 artifacts and 64 labels take 300 kB at most."""


class ManifestFormatError(ValueError):
    """The document is not a manifest, or has a schema that this version cannot read."""


class ManifestOwner(ApiModel):
    """Who the recording belongs to."""

    org: str
    user: str | None = None
    project: str | None = None


class ManifestArtifact(ApiModel):
    """A stored file."""

    name: str
    kind: ArtifactKind
    optional: bool = False
    key: str
    size: int
    content_type: str | None = None
    etag: str | None = None
    version_id: str | None = None
    checksum: str | None = None
    integrity: StatusReason = None
    proved_checksum: str | None = None


class MissingArtifact(ApiModel):
    """A file of the Recording that is not stored."""

    name: str
    kind: ArtifactKind
    optional: bool = False
    reason: StatusReason = None


class Manifest(ApiModel):
    """The document."""

    schema_version: str = Field(default=SCHEMA, alias="schema")
    uid: str
    namespace: str
    name: str
    title: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    owner: ManifestOwner
    storage_location: str
    bucket: str | None = None
    deletion_policy: DeletionPolicy = DeletionPolicy.RETAIN
    ttl_after_finished: Duration | None = None
    phase: Phase
    created_at: Time
    started_at: Time | None = None
    completed_at: Time | None = None
    artifacts: tuple[ManifestArtifact, ...] = ()
    missing: tuple[MissingArtifact, ...] = ()


def manifest_of(recording: Recording) -> Manifest:
    """The manifest of a Recording that is Complete or Failed. Raises ValueError for an unfinished one."""
    meta, spec, status = recording.metadata, recording.spec, recording.status
    if status.phase is None or recording.location is None:
        raise ValueError("only a Recording that was placed and has ended has a manifest")
    specs = {artifact.name: artifact for artifact in spec.artifacts}
    known = [(specs[state.name], state) for state in status.artifacts if state.name in specs]
    return Manifest(
        uid=recording_uid(recording),
        namespace=meta.namespace,
        name=meta.name,
        title=mask_urls(spec.title),
        labels=dict(sorted(meta.labels.items())),
        owner=ManifestOwner(org=spec.owner.org, user=spec.owner.user, project=spec.owner.project),
        storage_location=recording.location,
        bucket=status.bucket,
        deletion_policy=spec.deletion_policy,
        ttl_after_finished=spec.ttl_after_finished,
        phase=status.phase,
        created_at=created_at(recording),
        started_at=status.started_at,
        completed_at=status.completed_at,
        artifacts=tuple(
            ManifestArtifact(
                name=artifact.name,
                kind=artifact.kind,
                optional=artifact.optional,
                key=state.key or "",
                size=state.bytes_total or state.bytes_done or 0,
                content_type=state.content_type,
                etag=state.etag,
                version_id=state.version_id,
                checksum=state.checksum,
                integrity=state.integrity,
                proved_checksum=state.proved_checksum,
            )
            for artifact, state in known
            if state.is_stored
        ),
        missing=tuple(
            MissingArtifact(name=artifact.name, kind=artifact.kind, optional=artifact.optional, reason=state.reason)
            for artifact, state in known
            if not state.is_stored
        ),
    )


def encode(manifest: Manifest) -> bytes:
    """The document. Equal manifests give equal bytes."""
    fields = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
    return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode()


def decode(data: bytes) -> Manifest:
    """Read a document that anyone may have written. Raises ManifestFormatError."""
    if len(data) > MOST_BYTES:
        raise ManifestFormatError(f"a manifest has at most {MOST_BYTES} bytes")
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        problems = ", ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()[:3])
        raise ManifestFormatError(f"not a manifest ({problems})") from None
    if manifest.schema_version != SCHEMA:
        raise ManifestFormatError(f"its schema is not {SCHEMA}")
    return manifest


def revision_of(recording: Recording) -> str:
    """A hash of everything in the manifest that can change after the end of a Recording.

    Not of the document: a later version of the operator may write more fields, and must not write all manifests again.
    """
    spec, status = recording.spec, recording.status
    stored = [(state.name, state.key, state.etag, state.version_id) for state in status.artifacts if state.is_stored]
    missing = [(state.name, state.reason) for state in status.artifacts if not state.is_stored]
    where = (status.storage_location, status.bucket, status.phase, spec.deletion_policy, missing)
    ttl = spec.ttl_after_finished
    kept = () if ttl is None else (ttl.total_seconds(),)
    facts = (spec.title, sorted(recording.metadata.labels.items()), where, stored, *kept)
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=8).hexdigest()


def manifest_key(recording: Recording, location: StorageLocation) -> str:
    """The key of the manifest. It depends only on what cannot be changed.

    It is in the folder of the Recording, if it has one of its own: one that its uid names. Otherwise, or if an artifact
    has that key, it is in the operator's own folder.
    """
    base, uid = location.store.prefix, recording_uid(recording)
    folder = placement_of(recording, location.metadata.name, location).prefix or ""
    key = f"{folder}{MANIFEST_FILE}"
    is_own = folder.endswith("/") and uid in folder.removeprefix(base).split("/")
    after_artifact = location.spec.key_template.partition("{artifact}")[2]
    is_taken = PLACEHOLDER.sub("", after_artifact) == ".json" or any(
        key_of(recording, artifact.name, location) == key for artifact in recording.spec.artifacts
    )
    return key if is_own and not is_taken else f"{base}{RESERVED_FOLDER}/manifests/{uid}.json"
