"""The owner of a prefix: the first cluster writes a marker object below it."""

from typing import Final

from recording_operator.api.names import RESERVED_FOLDER
from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.probe.failure import location_error
from recording_operator.stores.s3.probe.first_write import write_if_absent

_OWNER_BYTES: Final = 256


def claim_prefix(store: S3Store, *, owner_id: str) -> str:
    """Claim the prefix for `owner_id` if it is free, and return the id of the cluster that owns it.

    The marker has the bucket's default storage class. HEAD returns its owner. Only a marker without metadata, which was
    not written by the operator, is read. Raises LocationError.
    """
    store = store.writing(store.options.of_documents)
    obj = ObjectSpec(
        key=f"{store.options.prefix}{RESERVED_FOLDER}/owner",
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
            raise TransferError(
                Reason.STORE_UNAVAILABLE, "The store confirmed the owner marker but does not return it."
            )
        if seen.recording_uid is not None:
            return seen.recording_uid
        return b"".join(store.read(seen.stored))[:_OWNER_BYTES].decode("utf-8", "replace").strip()
    except TransferError as error:
        raise location_error(error) from None
