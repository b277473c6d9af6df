"""An object to be stored, and an object in the store. Data only."""

from dataclasses import dataclass

from recording_operator.api.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSpec:
    """The object to create. `kind` is the artifact's kind of the API (Video, Audio, …), `org` the owner's.

    If an object of this artifact exists already, it is the result, even if the source has changed since. With
    `pins_content` it is the result only if the source still has the same content. `source_etag`, a hash of the source's
    strong ETag, is stored in its metadata. `content_encoding` names the encodings of the bytes, such as `gzip`.
    `allowed_types` are the media types that the location stores, such as `video/*`; empty means any.
    """

    key: str
    content_type: str
    kind: str
    recording_uid: str
    artifact: str
    org: str | None = None
    max_size_bytes: int | None = None
    content_encoding: str | None = None
    pins_content: bool = False
    source_etag: str | None = None
    allowed_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A complete object in the store, as HEAD returns it.

    `checksum` is `crc64nvme:` and 16 hex digits; empty if the store returns none and nothing was verified.
    `verified_by` is how the bytes were verified; None if they were not yet. `proved_checksum` is the algorithm of the
    spec's checksum, if the bytes were verified against it.
    """

    key: str
    uri: str
    size_bytes: int
    etag: str
    version_id: str | None
    checksum: str
    content_type: str
    content_encoding: str | None = None
    verified_by: Reason | None = None
    proved_checksum: str | None = None
