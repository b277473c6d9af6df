"""The interface of a store for transfers, of any kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from recording_operator.api.keytemplate import escape_id
from recording_operator.api.names import (
    ARTIFACT_METADATA_KEY,
    ORG_METADATA_KEY,
    SOURCE_ETAG_METADATA_KEY,
    UID_METADATA_KEY,
)
from recording_operator.stopping import StopSignal
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.objects import ObjectSpec, StoredObject

Span = tuple[int, int]
"""The offset of the first byte, and of the one after the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHead:
    """An object at a key, as HEAD returns it. Metadata that the operator did not write is None."""

    stored: StoredObject
    recording_uid: str | None
    artifact: str | None
    org: str | None = None
    source_etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReceipt:
    """The ETag and version in the response to a write."""

    etag: str
    version_id: str | None

    def is_at_key(self, stored: StoredObject) -> bool:
        """Whether HEAD returned exactly this object. False if the response to the write contained no ETag."""
        if None not in (self.version_id, stored.version_id) and self.version_id != stored.version_id:
            return False
        return bool(self.etag) and self.etag == stored.etag


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """One part in the store. `crc64nvme` is None if the store does not return it; `etag` has no quotes."""

    part_number: int
    size_bytes: int
    etag: str
    crc64nvme: int | None
    uploaded_at: datetime | None = field(default=None, compare=False)
    """When the part was uploaded. Only listings return it, and not in every store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """A multipart upload that is neither complete nor aborted."""

    key: str
    upload_id: str
    initiated_at: datetime


class PartBody(Protocol):
    """The bytes of one part. They can be read again after `seek(0)`; `read` may return more or fewer bytes than `size`.

    The result of `read` is valid until the next `read`.
    """

    @property
    def crc64nvme(self) -> int:
        """Checksum of the bytes read since the start."""

    @property
    def stop(self) -> StopSignal:
        """Set when the part is no longer needed."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes | memoryview: ...

    def seek(self, offset: int, whence: int = 0) -> int: ...

    def tell(self) -> int: ...


class Store(Protocol):
    """One bucket (or directory) with its credentials. Safe for many threads. Every method may raise `TransferError`."""

    @property
    def capabilities(self) -> Capabilities:
        """What the store can do. It never changes for this object."""

    def head(self, key: str, *, version_id: str | None = None) -> ObjectHead | None:
        """The object at the key, or None. Without `version_id`, the current version."""

    def put(self, obj: ObjectSpec, body: bytes, *, crc64nvme: int) -> WriteReceipt:
        """Store a small object if the key is free. The store verifies its CRC64NVME or its MD5.

        Raises TransferError(StoreKeyConflict) if the key is taken; a store without conditional writes overwrites the
        object. Do not rely on the response alone: verify the object with `head`.
        """

    def create_upload(self, obj: ObjectSpec, *, part_size_bytes: int, by_client: bool = False) -> str:
        """Create a multipart upload and return its id. `by_client`: its parts may be sent without checksums.

        `part_size_bytes` is the size of each part but the last, or of the first parts if the store supports unequal
        ones. A store that writes parts at their offsets in a file needs it.
        """

    def upload_part(self, key: str, upload_id: str, *, part_number: int, body: PartBody) -> StoredPart:
        """Upload one part, and compare the checksum of `body` with the one that the store returns, if any.

        A `BodyAborted` that `body.read` raises is not caught. Raises TransferError: StoreUploadLost if the upload no
        longer exists in the store, StoreIntegrity if the store received different bytes.
        """

    def list_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """Every part of an open upload, by part number. Raises TransferError(StoreUploadLost)."""

    def complete(
        self, obj: ObjectSpec, upload_id: str, parts: Sequence[StoredPart], *, size_bytes: int, crc64nvme: int | None
    ) -> WriteReceipt:
        """Complete the upload if the key is free (see `put`). Verify the object with `head`.

        `crc64nvme` is None for an upload that was created with `by_client`.

        Raises TransferError: StoreKeyConflict (the key is taken), StoreUploadLost, StoreIntegrity or others.
        """

    def abort(self, key: str, upload_id: str) -> bool:
        """Abort an open upload. False if it did not exist."""

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Every open upload whose key begins with `prefix`."""

    def read(
        self, stored: StoredObject, *, span: Span | None = None, allow: Callable[[int], int] = int
    ) -> Iterator[bytes]:
        """Read exactly this version. `allow` returns how many of the next bytes may be read, at least one.

        `span`: only these bytes, at least one.
        """

    def copies_from(self, source: "Store") -> bool:
        """Whether this store may be able to copy objects of `source` itself, if its credentials may read them."""

    def md5_part_bytes(self, stored: StoredObject) -> int | None:
        """Size of the equal parts from whose MD5s the ETag of this version is made; that of the whole without parts.

        None if the ETag is made of something else, as that of an object encrypted with a KMS key, or if the parts had
        different sizes.
        """

    def copy(self, obj: ObjectSpec, *, source: "Store", stored: StoredObject) -> WriteReceipt:
        """Copy exactly this version of `source` inside the store, if the key is free (see `put`).

        Metadata, type and tags are those of `obj`, not of the source. Verify the object with `head`: not every store
        that supports the condition for `put` supports it for a copy. Raises StoreError (StoreUnsupported, AccessDenied
        or others) if the store cannot copy it; then read it.
        """

    def copy_part(
        self,
        key: str,
        upload_id: str,
        *,
        part_number: int,
        source: "Store",
        stored: StoredObject,
        span: Span,
    ) -> StoredPart:
        """Copy the bytes of the span as one part of an open upload. Raises the same errors as `copy`."""

    def delete(self, key: str, *, version_id: str | None, recording_uid: str) -> bool:
        """Delete exactly this version, if its metadata names the Recording.

        Without `version_id`, the current version. False if it does not exist or belongs to another Recording. Raises
        TransferError(RetentionInForce) if the store protects it from deletion, and others.
        """


class BodyAborted(BaseException):
    """Carries an error out of a part's `read` through the store's client.

    Not a subclass of Exception, because the client would treat that as a failure of the store and retry.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def metadata_of(obj: ObjectSpec) -> Mapping[str, str]:
    """The metadata by which the operator recognises its objects."""
    metadata = {
        UID_METADATA_KEY: obj.recording_uid,
        ARTIFACT_METADATA_KEY: obj.artifact,
        ORG_METADATA_KEY: None if obj.org is None else escape_id(obj.org),
        SOURCE_ETAG_METADATA_KEY: obj.source_etag,
    }
    return {name: value for name, value in metadata.items() if value is not None}
