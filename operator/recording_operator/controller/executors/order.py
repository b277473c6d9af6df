"""An order for one transfer: plain data, which can be serialised and read in another process.

An order contains the names of Secrets, never their values. It contains the URL if the spec of the Recording does, so it
is as confidential as the Recording.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pydantic import TypeAdapter

from recording_operator.api.recording import ArtifactSpec, Recording, SourceFacts, SourceRef, SourceUpload
from recording_operator.engine.actions import ObjectToCopy, StartTransfer
from recording_operator.engine.former import former_of
from recording_operator.engine.identity import FormerRecording, recording_uid
from recording_operator.engine.source_revision import spec_revision
from recording_operator.stores.objects import ObjectSpec
from recording_operator.transfer.observer import UploadState


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """A key of a Secret."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRef:
    """A file of a recording that a provider keeps. The RecordingSource is in the namespace of the Recording."""

    recording_source: str
    recording_id: str
    media: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOrder:
    """The source of an artifact and its expectations, as in the spec. Secrets are in the namespace of the Recording."""

    namespace: str
    recording_uid: str
    created_at: datetime
    revision: str
    """The source as in the spec."""
    url: str | None = field(repr=False)
    url_secret: SecretKey | None
    headers_secret: str | None
    size_bytes: int | None
    checksum: str | None
    expires_at: datetime | None
    provider: MediaRef | None = None
    known_source: str | None = None
    """See StartTransfer."""

    @property
    def has_own_url(self) -> bool:
        """Whether the source names a URL itself."""
        return self.url is not None or self.url_secret is not None

    @classmethod
    def of(cls, recording: Recording, artifact: ArtifactSpec, *, known_source: str | None) -> Self:
        """The source of an artifact."""
        source, meta = artifact.source, recording.metadata
        if source is None or meta.creation_timestamp is None:
            raise ValueError("a stored Recording and an artifact with a source have one")
        ref = source.url_secret_ref
        return cls(
            namespace=meta.namespace,
            recording_uid=meta.uid,
            created_at=meta.creation_timestamp,
            revision=spec_revision(meta.uid, artifact),
            url=source.url,
            url_secret=SecretKey(name=ref.name, key=ref.key) if ref else None,
            headers_secret=source.headers_secret_ref.name if source.headers_secret_ref else None,
            size_bytes=source.size,
            checksum=source.checksum,
            expires_at=source.expires_at,
            provider=_media_ref(source),
            known_source=known_source if source.provider is not None else None,
        )


def _media_ref(source: SourceRef) -> MediaRef | None:
    provider = source.provider
    if provider is None:
        return None
    return MediaRef(recording_source=provider.recording_source, recording_id=provider.id, media=provider.media)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyOrder:
    """The object to copy, in the store of a location. `owner_uid` is None if its owner is not checked."""

    location: str
    location_uid: str
    key: str
    version_id: str | None
    size_bytes: int | None
    checksum: str | None
    owner_uid: str | None

    @classmethod
    def of(cls, found: ObjectToCopy, *, recording_uid: str) -> Self:
        """The object of an action."""
        return cls(
            location=found.location.metadata.name,
            location_uid=found.location.metadata.uid,
            key=found.key,
            version_id=found.version_id,
            size_bytes=found.size_bytes,
            checksum=found.checksum,
            owner_uid=recording_uid if found.is_own else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientUploadOrder:
    """An upload that a client makes, as in the spec. The last two are those of `finish`; None before."""

    max_size_bytes: int
    content_types: tuple[str, ...]
    size_bytes: int | None
    checksum: str | None

    @classmethod
    def of(cls, upload: SourceUpload) -> Self:
        """The upload of a source."""
        finish = upload.finish
        return cls(
            max_size_bytes=upload.max_size,
            content_types=upload.content_types,
            size_bytes=finish.size if finish is not None else None,
            checksum=finish.checksum if finish is not None else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOrder:
    """Transfer one artifact into a store.

    One of `source`, `client`, `inline`, `content_secret` and `copy` is set; none if it is stored already.
    """

    uid: str
    """Of the Recording in Kubernetes. That of a rebuilt one differs from the uid in its objects."""
    namespace: str
    recording: str
    location: str
    location_uid: str
    obj: ObjectSpec
    source: SourceOrder | None = None
    client: ClientUploadOrder | None = None
    inline: str | None = field(default=None, repr=False)
    content_secret: SecretKey | None = None
    copy: CopyOrder | None = None
    resume: UploadState | None = None
    find_only: bool = False
    """Transfer nothing: only find an object that an earlier process has stored."""
    has_quota: bool = False
    """Report the size, and wait for the response, before anything is uploaded."""
    former: FormerRecording | None = None
    """What the store has to confirm before anything else."""

    @property
    def artifact(self) -> str:
        """Its name within the Recording."""
        return self.obj.artifact

    @property
    def has_no_content(self) -> bool:
        """Whether the object is stored already, by a lost Recording."""
        contents = (self.source, self.client, self.inline, self.content_secret, self.copy)
        return all(one is None for one in contents)

    @classmethod
    def of(cls, action: StartTransfer) -> Self:
        """Create the order for an action of the engine."""
        recording, location, copy = action.recording, action.location, action.copy
        artifact = next(spec for spec in recording.spec.artifacts if spec.name == action.artifact)
        upload = artifact.source.upload if artifact.source is not None and copy is None else None
        has_source = artifact.source is not None and copy is None and upload is None
        secret = artifact.content_secret_ref
        return cls(
            uid=recording.metadata.uid,
            namespace=recording.metadata.namespace,
            recording=recording.metadata.name,
            location=location.metadata.name,
            location_uid=location.metadata.uid,
            obj=ObjectSpec(
                key=action.key,
                content_type=artifact.content_type,
                kind=artifact.kind,
                recording_uid=recording_uid(recording),
                artifact=artifact.name,
                org=recording.spec.owner.org,
                max_size_bytes=location.spec.limits.max_artifact_size,
                allowed_types=location.spec.limits.content_types,
            ),
            source=SourceOrder.of(recording, artifact, known_source=action.known_source) if has_source else None,
            client=ClientUploadOrder.of(upload) if upload is not None else None,
            inline=artifact.inline if copy is None else None,
            content_secret=SecretKey(name=secret.name, key=secret.key) if secret and copy is None else None,
            copy=CopyOrder.of(copy, recording_uid=recording_uid(recording)) if copy else None,
            resume=_resume(action),
            find_only=action.only_look,
            has_quota=action.has_quota,
            former=former_of(recording, copy.location if copy is not None and copy.is_own else location),
        )

    def to_json(self) -> bytes:
        """Serialise the order."""
        return TypeAdapter(type(self)).dump_json(self)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Parse the result of `to_json`. Raises ValueError."""
        return TypeAdapter(cls).validate_json(text)


def _resume(action: StartTransfer) -> UploadState | None:
    if action.upload_id is None or not action.part_size_bytes:
        return None
    source = action.source or SourceFacts()
    return UploadState(
        upload_id=action.upload_id,
        part_size_bytes=action.part_size_bytes,
        size_bytes=source.size,
        etag=source.etag,
        last_modified=source.last_modified,
    )
