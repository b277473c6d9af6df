"""Whether a StorageLocation can be used, found out by using it; and whose its prefix is.

The probe writes below `<prefix>.recording-operator/` and removes what it wrote as far as it is permitted to.
"""

from typing import Final
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import ChecksumUse
from recording_operator.transfer.errors import LocationError, TransferError
from recording_operator.transfer.job import ObjectSpec
from recording_operator.transfer.stores.capabilities import Capabilities
from recording_operator.transfer.stores.discovery import Discovery, write_if_absent
from recording_operator.transfer.stores.endpoint import EndpointBlocked, endpoint_addresses
from recording_operator.transfer.stores.s3 import S3Store
from recording_operator.transfer.stores.translate import BLOCKED_ENDPOINT, StoreError

FOLDER: Final = ".recording-operator/"
_OWNER_BYTES: Final = 256
_NO_URL: Final = "s3.endpoint is no http(s) URL."


# What a failure of one request says about a store as such.
_AS_LOCATION: Final = {
    Reason.TARGET_UNAVAILABLE: Reason.ENDPOINT_UNREACHABLE,
    Reason.TARGET_INTEGRITY: Reason.STORE_UNSUPPORTED,
    Reason.TARGET_UPLOAD_LOST: Reason.STORE_UNSUPPORTED,
    Reason.INTERNAL_ERROR: Reason.STORE_UNSUPPORTED,
}


def probe(store: S3Store, *, name: str = "probe") -> Capabilities:
    """Write, overwrite, upload in parts, list, join and abort, with right checksums and wrong ones; what works.

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
        found = Discovery(store, obj).run()
    except TransferError as error:
        raise _location_error(error) from None
    if store.options.checksums is ChecksumUse.REQUIRED and not found.existence_proves_object:
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "spec.s3.checksums is Required, and the store does not check and show CRC64NVME of whole objects. "
            "With Auto, objects are proved in another way.",
        )
    return found


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
        write_if_absent(store, obj, body)
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
