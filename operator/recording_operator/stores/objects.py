"""An object as it is to be stored, and as it was seen in the store. Data only."""

from dataclasses import dataclass

from recording_operator.api.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSpec:
    """The object to create. `kind` is the artifact's kind of the API (Video, Audio, …), `org` the owner's.

    An existing object of this artifact is the result, even if its source has changed. With `pins_content` it is only
    if the source still has the same content; `source_etag`, a hash of the source's strong ETag, is kept with it.
    `content_encoding` names the codings that the bytes have, such as `gzip`.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A whole object that was seen in the store by HEAD.

    `checksum` is `crc64nvme:` and 16 hex digits; empty if the store returns none and nothing was verified.
    `verified_by` is how the bytes were verified; None: not yet. `proved_checksum` names the algorithm of the spec's
    checksum, once the bytes were verified to have it.
    """

    key: str
    uri: str
    size_bytes: int
    etag: str
    version_id: str | None
    checksum: str
    content_type: str
    verified_by: Reason | None = None
    proved_checksum: str | None = None
