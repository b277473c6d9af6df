"""Whether two stores are one place: two StorageLocations may name one bucket, or one by two endpoints."""

import secrets
from contextlib import suppress
from dataclasses import replace

from recording_operator.checksums import crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.store import Store


def is_same_place(store: Store, other: Store, obj: ObjectSpec) -> bool:
    """Write a small object beside that of `obj` in `store`, and look for it in `other`. Raises TransferError."""
    mark = secrets.token_hex(8)
    marker = replace(obj, key=f"{obj.key}.{mark}", content_type="text/plain", content_encoding=None, source_etag=None)
    written = store.put(marker, mark.encode(), crc64nvme=crc64nvme(mark.encode()))
    try:
        return other.head(marker.key) is not None
    finally:
        with suppress(TransferError):
            store.delete(marker.key, version_id=written.version_id, recording_uid=obj.recording_uid)
