"""What a failure of the store's client means. The one place that knows botocore's errors and S3's codes.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and what other stores were seen to answer.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore import exceptions as boto

from recording_operator.api.reasons import Reason
from recording_operator.transfer.errors import TransferError
from recording_operator.transfer.stores.endpoint import EndpointBlocked

_CREDENTIALS: Final = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
    "InvalidSecurity", "InvalidTokenId", "XAmzContentSHA256Mismatch",
)  # fmt: skip
_BY_CODE: Final[dict[str, Reason]] = {
    **dict.fromkeys(_CREDENTIALS, Reason.CREDENTIALS_INVALID),
    **dict.fromkeys(
        ("AccessDenied", "AllAccessDisabled", "AccountProblem", "UnauthorizedAccess"), Reason.ACCESS_DENIED
    ),
    **dict.fromkeys(("PermanentRedirect", "AuthorizationHeaderMalformed"), Reason.ACCESS_DENIED),
    "NoSuchBucket": Reason.BUCKET_NOT_FOUND,
    "NoSuchUpload": Reason.TARGET_UPLOAD_LOST,
    "PreconditionFailed": Reason.TARGET_KEY_CONFLICT,
    "RequestTimeTooSkewed": Reason.CLOCK_SKEW,
    **dict.fromkeys(("BadDigest", "InvalidDigest", "InvalidPart", "InvalidPartOrder"), Reason.TARGET_INTEGRITY),
    **dict.fromkeys(("QuotaExceeded", "InsufficientStorage", "XMinioStorageFull"), Reason.TARGET_QUOTA),
    **dict.fromkeys(("ConditionalRequestConflict", "OperationAborted", "RequestTimeout"), Reason.TARGET_UNAVAILABLE),
    **dict.fromkeys(("SlowDown", "Throttling", "ThrottlingException"), Reason.TARGET_UNAVAILABLE),
    **dict.fromkeys(("IncompleteBody", "RequestTimeout"), Reason.TARGET_UNAVAILABLE),
    "NotImplemented": Reason.STORE_UNSUPPORTED,
    # Parts are planned far above the least size: the store kept less of one than it was sent.
    "EntityTooSmall": Reason.TARGET_INTEGRITY,
}
_BY_STATUS: Final[dict[int, Reason]] = {
    401: Reason.CREDENTIALS_INVALID,
    403: Reason.ACCESS_DENIED,
    409: Reason.TARGET_UNAVAILABLE,
    412: Reason.TARGET_KEY_CONFLICT,
    429: Reason.TARGET_UNAVAILABLE,
    501: Reason.STORE_UNSUPPORTED,
    507: Reason.TARGET_QUOTA,
}
_SERVER_ERROR: Final = 500
_MESSAGES: Final[dict[Reason, str]] = {
    Reason.CREDENTIALS_INVALID: "The store does not accept the location's credentials",
    Reason.ACCESS_DENIED: "The store does not permit this to the location's credentials",
    Reason.BUCKET_NOT_FOUND: "The location's bucket does not exist",
    Reason.TARGET_UPLOAD_LOST: "The store no longer knows the upload",
    Reason.TARGET_KEY_CONFLICT: "An object is already at the key",
    Reason.CLOCK_SKEW: "The operator's clock and the store's differ too much; set the node's time",
    Reason.TARGET_INTEGRITY: "The store received other bytes than it was sent",
    Reason.TARGET_QUOTA: "The store has no room left",
    Reason.TARGET_UNAVAILABLE: "The store failed or is busy",
    Reason.STORE_UNSUPPORTED: "The store does not know this request",
    Reason.INTERNAL_ERROR: "The store refused a request of ours as wrong",
}
BLOCKED_ENDPOINT: Final = "s3.endpoint leads to a link-local or cloud metadata address, which is never a store."
# A transfer says TargetDenied to the tenant; which credentials and why is the administrator's to see.
_COARSE: Final = {Reason.CREDENTIALS_INVALID: Reason.TARGET_DENIED, Reason.ACCESS_DENIED: Reason.TARGET_DENIED}


class StoreError(TransferError):
    """A failure of the store. `location_reason` is what a probe reports: it tells bad keys from missing rights."""

    def __init__(self, location_reason: Reason, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(_COARSE.get(location_reason, location_reason), message, retry_after_s=retry_after_s)
        self.location_reason = location_reason


@contextmanager
def translated(doing: str, *, invalid: Reason = Reason.INTERNAL_ERROR) -> Iterator[None]:
    """Turn the client's errors into StoreError. `doing` names the request, such as `UploadPart`.

    `invalid` is what InvalidRequest means there: on Complete the store has counted other bytes than we have.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _from_answer(error, doing, invalid) from None
    except (boto.BotoCoreError, boto.HTTPClientError, OSError) as error:
        raise _from_client(error, doing) from None
    except RecursionError:
        # The client asks a store that redirects for the region of its bucket, and is redirected again, without end.
        raise StoreError(
            Reason.STORE_UNSUPPORTED, f"The store redirects instead of answering ({doing}); check s3.endpoint."
        ) from None


def status_of(error: boto.ClientError) -> int:
    """The HTTP status of an answer that was an error; 0 where there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _from_answer(error: boto.ClientError, doing: str, invalid: Reason) -> StoreError:
    status = status_of(error)
    code = str(error.response.get("Error", {}).get("Code", ""))
    reason = invalid if code == "InvalidRequest" else _BY_CODE.get(code) or _BY_STATUS.get(status)
    if reason is None:
        reason = Reason.TARGET_UNAVAILABLE if status >= _SERVER_ERROR else Reason.INTERNAL_ERROR
    shown = code if re.fullmatch(r"[A-Za-z0-9.]{1,64}", code) else str(status)
    return StoreError(reason, f"{_MESSAGES[reason]} ({doing}: {shown}).", retry_after_s=_retry_after_s(error.response))


def _retry_after_s(response: Any) -> float | None:
    value = str(response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", ""))
    return min(float(value), 900.0) if value.isascii() and value.isdecimal() else None


def _from_client(error: Exception, doing: str) -> StoreError:
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        return StoreError(Reason.CREDENTIALS_NOT_FOUND, "The operator has no ambient credentials for the store.")
    if isinstance(error, boto.SSLError):
        return StoreError(
            Reason.ENDPOINT_UNREACHABLE,
            f"The endpoint offers no acceptable TLS certificate ({doing}); see s3.caBundle.",
        )
    if isinstance(error, boto.HTTPClientError) and isinstance(error.kwargs.get("error"), EndpointBlocked):
        return StoreError(Reason.ENDPOINT_BLOCKED, BLOCKED_ENDPOINT)
    if isinstance(error, boto.ParamValidationError):
        return StoreError(Reason.INTERNAL_ERROR, f"A request of ours was malformed ({doing}).")
    if isinstance(error, boto.EndpointConnectionError | boto.ConnectTimeoutError):
        return StoreError(Reason.TARGET_UNAVAILABLE, f"No connection to the store could be made ({doing}).")
    return StoreError(Reason.TARGET_UNAVAILABLE, f"The store did not answer ({doing}: {type(error).__name__}).")
