"""The check of a location: whether its directory can do what transfers need."""

import secrets
from collections.abc import Callable
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.errors import StoreError
from recording_operator.stores.filesystem.directory import FilesystemStore
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.store import StoredPart

_PART: Final = secrets.token_bytes(4096)
_AS_LOCATION: Final = {
    Reason.STORE_INTEGRITY: Reason.STORE_UNSUPPORTED,
    Reason.STORE_KEY_CONFLICT: Reason.STORE_UNSUPPORTED,
    Reason.STORE_UPLOAD_LOST: Reason.STORE_UNSUPPORTED,
}


def location_error(error: TransferError) -> LocationError:
    """Turn the error of a step into an error of the location."""
    reason = error.location_reason if isinstance(error, StoreError) else error.reason
    return LocationError(_AS_LOCATION.get(reason, reason), error.message)


def probe(store: FilesystemStore, obj: ObjectSpec) -> None:
    """Test an upload of several parts, links that do not overwrite, locks, and reading back. Raises LocationError."""
    try:
        _remove(store, obj)  # of a check that was interrupted
        _test_upload(store, obj)
        _remove(store, obj)
    except TransferError as error:
        raise location_error(error) from None


def _test_upload(store: FilesystemStore, obj: ObjectSpec) -> None:
    body = _PART + _PART[:100]
    crc = crc64nvme(body)
    first, second = (_begun(store, obj) for _ in range(2))
    try:
        parts = [_sent(store, obj, first, number, piece) for number, piece in ((2, body[4096:]), (1, _PART))][::-1]
        _expect(list(store.list_parts(obj.key, first)) == parts, "lists other parts than were written")
        _rejected(
            Reason.STORE_INTEGRITY,
            lambda: store.complete(obj, first, parts, size_bytes=len(body), crc64nvme=crc ^ 1),
            "accepts a wrong checksum",
        )
        receipt = store.complete(obj, first, parts, size_bytes=len(body), crc64nvme=crc)
        other = [_sent(store, obj, second, 1, body[:10])]
        _rejected(
            Reason.STORE_KEY_CONFLICT,
            lambda: store.complete(obj, second, other, size_bytes=10, crc64nvme=crc64nvme(body[:10])),
            "overwrites a file",
        )
        head = store.head(obj.key)
        if head is None or not receipt.is_at_key(head.stored) or head.recording_uid != obj.recording_uid:
            raise StoreError(Reason.STORE_UNSUPPORTED, "The filesystem does not keep the time of a file exactly.")
        _expect(b"".join(store.read(head.stored)) == body, "returns other bytes than were written")
    finally:
        for upload in list(store.uploads(obj.key)):
            if upload.key == obj.key:
                store.abort(obj.key, upload.upload_id)


def _begun(store: FilesystemStore, obj: ObjectSpec) -> str:
    return store.create_upload(obj, part_size_bytes=len(_PART))


def _sent(store: FilesystemStore, obj: ObjectSpec, upload_id: str, number: int, body: bytes) -> StoredPart:
    return store.upload_part(obj.key, upload_id, part_number=number, body=BufferedPart(body))


def _rejected(reason: Reason, run: Callable[[], object], otherwise: str) -> None:
    try:
        run()
    except TransferError as error:
        if error.reason is not reason:
            raise
    else:
        _expect(False, otherwise)


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoreError(Reason.STORE_UNSUPPORTED, f"The filesystem {otherwise}.")


def _remove(store: FilesystemStore, obj: ObjectSpec) -> None:
    store.delete(obj.key, version_id=None, recording_uid=obj.recording_uid)
    for upload in list(store.uploads(obj.key)):
        if upload.key == obj.key:
            store.abort(obj.key, upload.upload_id)
