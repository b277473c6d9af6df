"""Whether a StorageLocation can be used, found out by using it; and whose its prefix is.

The probe writes below `<prefix>.recording-operator/` and removes what it wrote as far as it is permitted to.
"""

from contextlib import suppress
from dataclasses import replace
from mmap import mmap
from typing import Final
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import ChecksumUse
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.errors import BLOCKED_ENDPOINT
from recording_operator.stores.s3.probe.discovery import Discovery
from recording_operator.stores.s3.probe.first_write import write_if_absent
from recording_operator.stores.s3.transport.endpoint import EndpointBlocked, endpoint_addresses

FOLDER: Final = ".recording-operator/"
_OWNER_BYTES: Final = 256
_NO_URL: Final = "s3.endpoint is no http(s) URL."


# What a failure of one request says about a store as such.
_AS_LOCATION: Final = {
    Reason.STORE_UNAVAILABLE: Reason.ENDPOINT_UNREACHABLE,
    Reason.STORE_INTEGRITY: Reason.STORE_UNSUPPORTED,
    Reason.STORE_UPLOAD_LOST: Reason.STORE_UNSUPPORTED,
    Reason.STORE_KEY_CONFLICT: Reason.STORE_UNSUPPORTED,
    Reason.INTERNAL_ERROR: Reason.STORE_UNSUPPORTED,
    Reason.INTEGRITY_UNVERIFIABLE: Reason.STORE_UNSUPPORTED,
}


def probe(store: S3Store, *, name: str = "probe", joins: Joins | None = None) -> Capabilities:
    """Write, overwrite, upload in parts, list, join and abort, with right checksums and wrong ones; what works.

    `name` keeps the probes of several clusters in one bucket apart. `joins` is what is known of the store's joins; they
    are tried where nobody knows. Raises LocationError with a Reason and a message that says what to change.
    """
    check_bucket(store.options.bucket)
    check_endpoint(store.options.endpoint)
    if store.capabilities.found_out:
        joins = store.capabilities.joins
    obj = ObjectSpec(
        key=f"{store.options.prefix}{FOLDER}{name}",
        content_type="text/plain",
        kind="Other",
        recording_uid="probe",
        artifact=name,
    )
    try:
        found = Discovery(store, obj, joins=joins).run()
        _takes_bodies_again(store, replace(obj, key=f"{obj.key}-large"), found)
    except TransferError as error:
        raise _location_error(error) from None
    if store.options.checksums is ChecksumUse.REQUIRED and not found.existence_proves_object:
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "spec.s3.checksums is Required, and the store does not check and show CRC64NVME of whole objects. "
            "With Auto, objects are proved in another way.",
        )
    if found.proof is Reason.READ_BACK and not found.reads_back:
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "Objects in an archive class cannot be read back, and nothing else would verify them: the store shows "
            "neither the CRC64NVME of whole objects nor ETags that are MD5s. Set spec.s3.checksums to Auto, or choose "
            "a storage class that can be read at once.",
        )
    return found


def _takes_bodies_again(store: S3Store, obj: ObjectSpec, able: Capabilities) -> None:
    """Where a transfer's body was called too large, one of its size is sent once more. Raises TransferError."""
    size_bytes = store.refused_body_bytes
    if not size_bytes:
        return
    store = store.adapted(able)
    upload_id = store.create_upload(obj)
    try:
        store.upload_part(obj.key, upload_id, part_number=1, body=BufferedPart(memoryview(mmap(-1, size_bytes))))
    finally:
        with suppress(TransferError):
            store.abort(obj.key, upload_id)
    store.forget_refused_body()


def owner_marker(store: S3Store, *, owner_id: str) -> str:
    """Claim the prefix for `owner_id` if nobody has, and return the id of the cluster that owns it.

    The marker is written in the bucket's own storage class. HEAD tells whose it is; only one that was written by other
    means, without metadata, is read. Raises LocationError.
    """
    store = store.writing(replace(store.options, storage_class=None))
    obj = ObjectSpec(
        key=f"{store.options.prefix}{FOLDER}owner",
        content_type="text/plain",
        kind="Other",
        recording_uid=owner_id,
        artifact="owner",
    )
    body = owner_id.encode()
    try:
        write_if_absent(store, obj, body)
        seen = store.head(obj.key)
        if seen is None:
            raise TransferError(Reason.STORE_UNAVAILABLE, "The store confirmed the owner marker but does not show it.")
        if seen.recording_uid is not None:
            return seen.recording_uid
        return b"".join(store.read(seen.stored))[:_OWNER_BYTES].decode("utf-8", "replace").strip()
    except TransferError as error:
        raise _location_error(error) from None


def check_bucket(bucket: str) -> None:
    """Raises LocationError for a directory bucket (S3 Express One Zone), by the end of its name.

    Its listings are unsorted and only of prefixes that end in '/', its ETags are no MD5s, and each request needs a
    session.
    """
    if bucket.endswith("--x-s3"):
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "Directory buckets (S3 Express One Zone) are not supported; use a general purpose bucket.",
        )


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


def _location_error(error: TransferError) -> LocationError:
    reason = error.location_reason if isinstance(error, StoreError) else error.reason
    reason = _AS_LOCATION.get(reason, reason)
    hint = ""
    if reason is Reason.ACCESS_DENIED:
        hint = (
            " Needed: s3:PutObject, s3:GetObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts on the prefix;"
            " s3:ListBucket, s3:ListBucketMultipartUploads on the bucket."
        )
    return LocationError(reason, error.message + hint, retry_after_s=error.retry_after_s)
