"""Writes a small object to a free key, and finds the setting of the location that prevents it."""

from dataclasses import replace

from recording_operator import checksums
from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store


def write_if_absent(store: S3Store, obj: ObjectSpec, body: bytes) -> bool:
    """Write the object if there is none at the key. Returns whether it was written. Raises TransferError."""
    if not store.capabilities.conditional_writes and store.head(obj.key) is not None:
        return False
    try:
        store.put(obj, body, crc64nvme=checksums.crc64nvme(body))
    except TransferError as error:
        if error.reason is Reason.STORE_KEY_CONFLICT:
            return False
        raise
    return True


def rejected_setting(store: S3Store, obj: ObjectSpec, body: bytes, rejection: TransferError) -> LocationError | None:
    """Find the setting that the store rejects, by writing without it; None if it is another problem.

    If a setting is returned, the object was written without it. `rejection` is the error of the write with all of them.
    """
    options = store.options
    without = []
    if options.tags:
        without.append((replace(options, tags=()), "spec.s3.tags", "grant s3:PutObjectTagging"))
    if options.acl:
        remedy = "grant s3:PutObjectAcl and enable ACLs in the bucket's Object Ownership"
        without.append((replace(options, acl=None), "spec.s3.acl", remedy))
    if options.encryption_type:
        plain = replace(options, encryption_type=None, kms_key_id=None, bucket_key_enabled=None)
        without.append((plain, "spec.s3.encryption", "repair the key or its policy"))
    reason = Reason.ACCESS_DENIED if rejection.reason is Reason.STORE_DENIED else Reason.STORE_UNSUPPORTED
    for other, field, remedy in without:
        try:
            write_if_absent(store.writing(other), obj, body)
        except TransferError:
            continue
        message = f"The store accepts objects only without {field}. Remove it, or {remedy}. {rejection.message}"
        return LocationError(reason, message)
    return None
