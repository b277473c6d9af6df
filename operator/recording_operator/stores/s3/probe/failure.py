"""What a failed request means for the location."""

from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import LocationError, TransferError
from recording_operator.stores.errors import StoreError

_AS_LOCATION: Final = {
    Reason.STORE_UNAVAILABLE: Reason.ENDPOINT_UNREACHABLE,
    Reason.STORE_INTEGRITY: Reason.STORE_UNSUPPORTED,
    Reason.STORE_UPLOAD_LOST: Reason.STORE_UNSUPPORTED,
    Reason.STORE_KEY_CONFLICT: Reason.STORE_UNSUPPORTED,
    Reason.INTERNAL_ERROR: Reason.STORE_UNSUPPORTED,
    Reason.INTEGRITY_UNVERIFIABLE: Reason.STORE_UNSUPPORTED,
}


def location_error(error: TransferError) -> LocationError:
    """Turn the error of a request into an error of the location."""
    reason = error.location_reason if isinstance(error, StoreError) else error.reason
    reason = _AS_LOCATION.get(reason, reason)
    hint = ""
    if reason is Reason.ACCESS_DENIED:
        hint = (
            " Needed: s3:PutObject, s3:GetObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts on the prefix;"
            " s3:ListBucket, s3:ListBucketMultipartUploads on the bucket."
        )
    return LocationError(reason, error.message + hint, retry_after_s=error.retry_after_s)
