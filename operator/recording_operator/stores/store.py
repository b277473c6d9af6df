"""What the data path needs of a store. S3 is the only implementation; a file system can be another."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHead:
    """An object at a key, as HEAD shows it. The marks are None on objects of others."""

    stored: StoredObject
    recording_uid: str | None
    artifact: str | None
    org: str | None = None
    source_etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteReceipt:
    """The object that a write made, as the response to the write names it."""

    etag: str
    version_id: str | None

    def is_at_key(self, stored: StoredObject) -> bool:
        """Whether HEAD shows exactly this object. A response that names nothing shows nothing."""
        if None not in (self.version_id, stored.version_id) and self.version_id != stored.version_id:
            return False
        return bool(self.etag) and self.etag == stored.etag


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """One part that the store holds. `crc64nvme` is None where the store shows none; `etag` has no quotes."""

    part_number: int
    size_bytes: int
    etag: str
    crc64nvme: int | None
    uploaded_at: datetime | None = field(default=None, compare=False)
    """When the part came; only a listing shows it, and not every store's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    """A multipart upload that is neither complete nor aborted."""

    key: str
    upload_id: str
    initiated_at: datetime


class PartBody(Protocol):
    """The bytes of one part. They can be read again after `seek(0)`; `read` may hand out more or less than `size`.

    What `read` hands out is good until the next `read`.
    """

    @property
    def crc64nvme(self) -> int:
        """The sum of what was handed out since the start."""

    @property
    def stop(self) -> StopSignal:
        """Set when nobody wants the part any more."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes | memoryview: ...

    def seek(self, offset: int, whence: int = 0) -> int: ...

    def tell(self) -> int: ...


class Store(Protocol):
    """One bucket (or directory) with its credentials. Safe for many threads. Every method may raise `TransferError`."""

    @property
    def capabilities(self) -> Capabilities:
        """What the store can do; the same for the whole life of this object."""

    def head(self, key: str) -> ObjectHead | None:
        """What is at the key now, or None."""

    def put(self, obj: ObjectSpec, body: bytes, *, crc64nvme: int) -> WriteReceipt:
        """Store a small object where none is yet; the store checks its sum, or its MD5 where it knows no sums.

        Raises TransferError(StoreKeyConflict) where an object is there already; a store without conditional writes
        overwrites it. The response is not enough: see `head`.
        """

    def create_upload(self, obj: ObjectSpec) -> str:
        """Open a multipart upload and return its id."""

    def upload_part(self, key: str, upload_id: str, *, part_number: int, body: PartBody) -> StoredPart:
        """Send one part; its bytes are compared with what `body` has at its end, as far as the store shows anything.

        A `BodyAborted` that `body.read` raises comes out unchanged. Raises TransferError: StoreUploadLost where the
        store no longer knows the upload, StoreIntegrity where other bytes arrived.
        """

    def list_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """Every part of an open upload, by part number. Raises TransferError(StoreUploadLost)."""

    def complete(
        self, obj: ObjectSpec, upload_id: str, parts: Sequence[StoredPart], *, size_bytes: int, crc64nvme: int
    ) -> WriteReceipt:
        """Join the parts where no object is yet (as `put`). The response is not enough: see `head`.

        Raises TransferError: StoreKeyConflict (an object is there), StoreUploadLost, StoreIntegrity, or another.
        """

    def abort(self, key: str, upload_id: str) -> bool:
        """Drop an open upload and its parts. False where there was none."""

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Every open upload whose key begins with `prefix`."""

    def read(self, stored: StoredObject, *, allow: Callable[[int], int] = int) -> Iterator[bytes]:
        """The bytes of exactly this version. `allow` returns how many of the next bytes may be read, at least one."""

    def delete(self, key: str, *, version_id: str | None, recording_uid: str) -> bool:
        """Remove exactly this version, if its own metadata says that it is the Recording's.

        Without `version_id` it is the version that is there now. False where it is not there or not the Recording's.
        """


class BodyAborted(BaseException):
    """Carries an error out of a part's `read` through the store's client.

    No Exception on purpose: the client takes those for failures of the store and tries again.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def metadata_of(obj: ObjectSpec) -> Mapping[str, str]:
    """What marks an object as ours."""
    marks = {
        UID_METADATA_KEY: obj.recording_uid,
        ARTIFACT_METADATA_KEY: obj.artifact,
        ORG_METADATA_KEY: None if obj.org is None else escape_id(obj.org),
        SOURCE_ETAG_METADATA_KEY: obj.source_etag,
    }
    return {name: value for name, value in marks.items() if value is not None}
