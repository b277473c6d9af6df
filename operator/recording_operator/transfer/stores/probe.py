"""Whether a StorageLocation can be used, found out by using it; and whose its prefix is.

The probe writes below `<prefix>.recording-operator/` and removes what it wrote as far as it is permitted to.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.transfer import checksums
from recording_operator.transfer.errors import LocationError, TransferError
from recording_operator.transfer.job import ObjectSpec
from recording_operator.transfer.stores.buffered import BufferedPart
from recording_operator.transfer.stores.endpoint import EndpointBlocked, endpoint_addresses
from recording_operator.transfer.stores.s3 import S3Store
from recording_operator.transfer.stores.store import SeenObject, StoredPart
from recording_operator.transfer.stores.translate import BLOCKED_ENDPOINT, StoreError

FOLDER: Final = ".recording-operator/"
_BODY: Final = b"Written by the recording-operator to check this location; safe to delete.\n"
_OWNER_BYTES: Final = 256
_NO_URL: Final = "s3.endpoint is no http(s) URL."


# What a failure of one request says about a store as such.
_AS_LOCATION: Final = {
    Reason.TARGET_UNAVAILABLE: Reason.ENDPOINT_UNREACHABLE,
    Reason.TARGET_INTEGRITY: Reason.STORE_UNSUPPORTED,
    Reason.TARGET_UPLOAD_LOST: Reason.STORE_UNSUPPORTED,
    Reason.INTERNAL_ERROR: Reason.STORE_UNSUPPORTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the store was seen to do."""

    conditional_writes: bool
    full_object_checksums: bool
    versioning: bool

    def as_status(self) -> dict[str, bool]:
        """As `status.capabilities` writes it."""
        return {
            "conditionalWrites": self.conditional_writes,
            "fullObjectChecksums": self.full_object_checksums,
            "versioning": self.versioning,
        }


def probe(store: S3Store, *, name: str = "probe") -> Capabilities:
    """Write, overwrite (must be refused), upload in parts, list and abort; return what works.

    `name` keeps the probes of several clusters in one bucket apart. Raises LocationError with a Reason and a message
    that says what to change.
    """
    check_endpoint(store.options.endpoint)
    obj = ObjectSpec(
        key=f"{store.options.prefix}{FOLDER}{name}",
        content_type="text/plain",
        kind="Other",
        recording_uid="probe",
        artifact=name,
    )
    try:
        return _probe(store, obj)
    except TransferError as error:
        raise _location_error(error) from None


def owner_marker(store: S3Store, *, owner_id: str) -> str:
    """Claim the prefix for `owner_id` if nobody has, and return the id of the cluster that owns it.

    Raises LocationError.
    """
    obj = ObjectSpec(
        key=f"{store.options.prefix}{FOLDER}owner",
        content_type="text/plain",
        kind="Other",
        recording_uid=owner_id,
        artifact="owner",
    )
    body = owner_id.encode()
    try:
        _write_if_absent(store, obj, body)
        seen = store.head(obj.key)
        if seen is None:
            raise TransferError(Reason.TARGET_UNAVAILABLE, "The store confirmed the owner marker but does not show it.")
        return b"".join(store.read(seen.stored))[:_OWNER_BYTES].decode("utf-8", "replace").strip()
    except TransferError as error:
        raise _location_error(error) from None


def check_endpoint(endpoint: str | None) -> None:
    """Raises LocationError where the endpoint is no URL, has no address, or one that no endpoint may have.

    For an answer that says so; what keeps connections from being made is `endpoint.wall_off`.
    """
    if endpoint is None:
        return
    try:
        parts = urlsplit(endpoint)
        port = parts.port or 443
    except ValueError:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, _NO_URL) from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, _NO_URL)
    try:
        endpoint_addresses(parts.hostname, port)
    except OSError:
        raise LocationError(Reason.ENDPOINT_UNREACHABLE, "The name in s3.endpoint does not resolve.") from None
    except EndpointBlocked:
        raise LocationError(Reason.ENDPOINT_BLOCKED, BLOCKED_ENDPOINT) from None


def _write_if_absent(store: S3Store, obj: ObjectSpec, body: bytes) -> bool:
    """Write unless an object is there; whether it was written."""
    try:
        store.put(obj, body, crc64nvme=checksums.crc64nvme(body))
    except TransferError as error:
        if error.reason is Reason.TARGET_KEY_CONFLICT:
            return False
        raise
    return True


def _probe(store: S3Store, obj: ObjectSpec) -> Capabilities:
    # A write first: its refusal says why, a HEAD's has no body.
    _write_if_absent(store, obj, _BODY)
    try:
        if store.head(f"{obj.key}-absent") is not None:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store shows an object that was never written.")
        first = _seen(store, obj)
        if _write_if_absent(store, obj, _BODY):
            raise _overwrites("PutObject")
        _probe_multipart(store, obj, checksums.crc64nvme(_BODY))
    finally:
        with suppress(TransferError):
            store.delete(obj.key, version_id=None, recording_uid=obj.recording_uid)
    return Capabilities(
        conditional_writes=True, full_object_checksums=True, versioning=first.stored.version_id not in (None, "null")
    )


def _seen(store: S3Store, obj: ObjectSpec) -> SeenObject:
    seen = store.head(obj.key)
    if seen is None:
        raise TransferError(Reason.TARGET_UNAVAILABLE, "The store confirmed an object but does not show it.")
    if seen.stored.checksum != checksums.to_text(checksums.crc64nvme(_BODY)):
        raise _no_checksums()
    if seen.recording_uid != obj.recording_uid:
        raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not keep an object's metadata.")
    return seen


def _probe_multipart(store: S3Store, obj: ObjectSpec, crc: int) -> None:
    upload_id = store.create_upload(obj)
    try:
        sent = store.upload_part(obj.key, upload_id, part_number=1, body=BufferedPart(_BODY))
        listed = list(store.list_parts(obj.key, upload_id))
        if [(part.part_number, part.size_bytes) for part in listed] != [(1, len(_BODY))]:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not list the parts of an upload as sent.")
        if listed[0].crc64nvme != crc:
            raise _no_checksums()
        uploads = [upload.upload_id for upload in store.uploads(obj.key) if upload.key == obj.key]
        if upload_id not in uploads:
            raise LocationError(Reason.STORE_UNSUPPORTED, "The store does not list open multipart uploads.")
        _abort_left_over(store, obj, [other for other in uploads if other != upload_id])
        part = StoredPart(part_number=1, size_bytes=len(_BODY), etag=sent.etag, crc64nvme=crc)
        try:
            store.complete(obj, upload_id, [part], size_bytes=len(_BODY), crc64nvme=crc)
        except TransferError as error:
            if error.reason is not Reason.TARGET_KEY_CONFLICT:
                raise
        else:
            raise _overwrites("CompleteMultipartUpload")
    finally:
        store.abort(obj.key, upload_id)


def _abort_left_over(store: S3Store, obj: ObjectSpec, uploads: Sequence[str]) -> None:
    """Abort what a process that was killed in its probe left open: nobody else looks below the operator's folder."""
    for upload_id in uploads:
        with suppress(TransferError):
            store.abort(obj.key, upload_id)


def _overwrites(request: str) -> LocationError:
    return LocationError(
        Reason.STORE_UNSUPPORTED,
        f"The store ignores If-None-Match on {request}: it would overwrite an object that is already there. "
        "Use a store with conditional writes.",
    )


def _no_checksums() -> LocationError:
    return LocationError(
        Reason.STORE_UNSUPPORTED,
        "The store does not keep CRC64NVME checksums of whole objects, so what is stored could not be proved. "
        "Use a store that does.",
    )


def _location_error(error: TransferError) -> LocationError:
    reason = error.location_reason if isinstance(error, StoreError) else error.reason
    reason = _AS_LOCATION.get(reason, reason)
    hint = ""
    if reason is Reason.ACCESS_DENIED:
        hint = (
            " Needed: s3:PutObject, s3:GetObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts on the prefix;"
            " s3:ListBucket, s3:ListBucketMultipartUploads on the bucket."
        )
    return LocationError(reason, error.message + hint)
