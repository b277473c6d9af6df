"""The check of a StorageLocation: a test of everything that transfers need.

The probe writes below `<prefix>.recording-operator/`, and removes its test objects if the credentials permit it.
"""

from contextlib import suppress
from dataclasses import replace
from mmap import mmap

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation_store import ChecksumUse
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import Capabilities, Joins
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.bucket_names import check_is_general_purpose
from recording_operator.stores.s3.probe.discovery import Discovery
from recording_operator.stores.s3.probe.endpoint import check_endpoint
from recording_operator.stores.s3.probe.failure import location_error


def probe(store: S3Store, *, name: str = "probe", joins: Joins | None = None) -> Capabilities:
    """Test writes, overwrites, multipart uploads, listings and aborts, with right and wrong checksums.

    `name` distinguishes the probes of several clusters in one bucket. `joins` is the result of an earlier probe about
    joined objects; if it is None, joins are tested. Raises LocationError with a message that says what to change.
    """
    check_is_general_purpose(store.options.bucket)
    check_endpoint(store.options.endpoint)
    if store.capabilities.was_probed:
        joins = store.capabilities.joins
    obj = ObjectSpec(
        key=f"{store.options.prefix}{RESERVED_FOLDER}/{name}",
        content_type="text/plain",
        kind="Other",
        recording_uid="probe",
        artifact=name,
    )
    try:
        found = Discovery(store, obj, joins=joins).run()
        _test_rejected_body_size(store, replace(obj, key=f"{obj.key}-large"), found)
    except TransferError as error:
        raise location_error(error) from None
    if store.options.checksums is ChecksumUse.REQUIRED and not found.existence_verifies_object:
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "spec.s3.checksums is Required, and the store does not verify and return the CRC64NVME of whole objects. "
            "With Auto, objects are verified in another way.",
        )
    if found.verified_by is Reason.READ_BACK and not found.reads_back:
        raise LocationError(
            Reason.STORE_UNSUPPORTED,
            "Objects in an archive class cannot be read back, and nothing else can verify them: the store returns "
            "neither the CRC64NVME of whole objects nor ETags that are MD5s. Set spec.s3.checksums to Auto, or choose "
            "a storage class that can be read at once.",
        )
    return found


def _test_rejected_body_size(store: S3Store, obj: ObjectSpec, found: Capabilities) -> None:
    """If a body of a transfer was rejected as too large, send a body of this size again. Raises TransferError."""
    size_bytes = store.rejected_body_bytes
    if not size_bytes:
        return
    store = store.adapted(found)
    upload_id = store.create_upload(obj)
    try:
        store.upload_part(obj.key, upload_id, part_number=1, body=BufferedPart(memoryview(mmap(-1, size_bytes))))
    finally:
        with suppress(TransferError):
            store.abort(obj.key, upload_id)
    store.forget_rejected_body()
