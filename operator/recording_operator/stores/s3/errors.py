"""Translate errors of botocore and S3 into StoreError. No other module knows botocore's errors or S3's error codes.

An error of a store is never an InternalError: an unknown code is classified by the HTTP status.
Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and codes that other stores are known to
use.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from recording_operator.api.reasons import Reason
from recording_operator.egress.errors import BlockedError
from recording_operator.stores.errors import StoreError
from recording_operator.stores.s3.retries import parse_retry_after

_CREDENTIALS: Final = (
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
    "InvalidSecurity", "InvalidTokenId", "InvalidClientTokenId", "ExpiredTokenException", "UnrecognizedClientException",
    "InvalidSignature",
)  # fmt: skip
_RIGHTS: Final = (
    "AccessDenied", "AllAccessDisabled", "AccountProblem", "UnauthorizedAccess", "NotSignedUp", "InvalidPayer",
    "UserProjectMissing", "UserProjectAccountProblem",
)  # fmt: skip
_REDIRECTS: Final = (
    "PermanentRedirect", "TemporaryRedirect", "Redirect", "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException", "InvalidRegion", "InvalidRegionName",
)  # fmt: skip
_QUOTAS: Final = (
    "QuotaExceeded", "StorageQuotaExceeded", "StorageLimitExceeded", "InsufficientStorage", "InsufficientCapacity",
    "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded",
)  # fmt: skip
_BUSY: Final = (
    "ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "IncompleteBody", "SlowDown", "SlowDownRead",
    "SlowDownWrite", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests",
    "BandwidthLimitExceeded", "ConnectionClosedByRequester",
    # Of an object that HEAD has just returned: it was removed, or the store is eventually consistent.
    "NoSuchKey", "NoSuchVersion",
)  # fmt: skip
# All parts are larger than the minimum: if a store calls one too small, it has not kept all of its bytes.
_OTHER_BYTES: Final = (
    "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "InvalidPart", "InvalidPartOrder", "EntityTooSmall",
)  # fmt: skip
_BY_CODE: Final[dict[str, Reason]] = {
    **dict.fromkeys(_CREDENTIALS, Reason.CREDENTIALS_INVALID),
    **dict.fromkeys(_RIGHTS, Reason.ACCESS_DENIED),
    **dict.fromkeys(_REDIRECTS, Reason.WRONG_REGION),
    **dict.fromkeys(_QUOTAS, Reason.STORE_QUOTA),
    **dict.fromkeys(_BUSY, Reason.STORE_UNAVAILABLE),
    **dict.fromkeys(_OTHER_BYTES, Reason.STORE_INTEGRITY),
    **dict.fromkeys(("NoSuchBucket", "InvalidBucketName"), Reason.BUCKET_NOT_FOUND),
    **dict.fromkeys(("RequestTimeTooSkewed", "RequestExpired"), Reason.CLOCK_SKEW),
    "NoSuchUpload": Reason.STORE_UPLOAD_LOST,
    "PreconditionFailed": Reason.STORE_KEY_CONFLICT,
    "InvalidObjectState": Reason.INTEGRITY_UNVERIFIABLE,
    "InvalidChunkSizeError": Reason.STORE_UNSUPPORTED,
    "NotImplemented": Reason.STORE_UNSUPPORTED,
}
# Codes of AWS KMS, returned by S3, and which of them are transient.
_KEY_SERVICE: Final = re.compile(r"(XMinio)?KMS\.?[A-Z]\w*")
_PASSES: Final = re.compile(r"Throttl|Internal|Timeout|Unavailable")
_BY_STATUS: Final[dict[int, Reason]] = {
    401: Reason.CREDENTIALS_INVALID,
    403: Reason.ACCESS_DENIED,
    **dict.fromkeys((408, 409, 425, 429), Reason.STORE_UNAVAILABLE),
    412: Reason.STORE_KEY_CONFLICT,
    501: Reason.STORE_UNSUPPORTED,
    507: Reason.STORE_QUOTA,
}
_REDIRECTED: Final = range(300, 400)
# Requests with a precondition. For any other, 412 does not mean that an object exists.
_CONDITIONAL: Final = frozenset({"PutObject", "CompleteMultipartUpload", "CopyObject"})
_ENTITY_TOO_LARGE: Final = 413
_BAD_REQUEST: Final = "400"  # botocore's code if there is none, because a response to HEAD has no body
_SERVER_ERROR: Final = 500
_MESSAGES: Final[dict[Reason, str]] = {
    Reason.CREDENTIALS_INVALID: "The store does not accept the location's credentials",
    Reason.ACCESS_DENIED: "The location's credentials lack the permission for this request",
    Reason.BUCKET_NOT_FOUND: "The location's bucket does not exist",
    Reason.WRONG_REGION: "The store redirects requests or expects another region, and does not say which. Check "
    "spec.s3.endpoint, spec.s3.region and the credentials",
    Reason.ENCRYPTION_KEY_NOT_USABLE: "The store cannot use the key of the location's or the bucket's encryption. "
    "Check that it exists, is enabled and in the bucket's region, and grant kms:GenerateDataKey and kms:Decrypt",
    Reason.STORE_UPLOAD_LOST: "The upload no longer exists in the store",
    Reason.STORE_KEY_CONFLICT: "An object is already at the key",
    Reason.CLOCK_SKEW: "The clocks of the operator and the store differ too much. Correct the clock of the node",
    Reason.STORE_INTEGRITY: "The bytes that the store received differ from those sent",
    Reason.STORE_QUOTA: "The store is full",
    Reason.STORE_UNAVAILABLE: "The store failed or is busy",
    Reason.STORE_UNSUPPORTED: "The store rejected the request",
    Reason.INTEGRITY_UNVERIFIABLE: "The object is archived and must be restored before it can be read",
}
_BODY_TOO_LARGE: Final = (
    "The body is larger than the store, or a proxy in front of it, accepts. Raise that limit (nginx: "
    "client_max_body_size) to at least 64 MiB"
)
# Permissions that a store may name in its message. Nothing else of that message is shown.
_NAMED_RIGHT: Final = re.compile(
    r"\b(s3:(?:PutObject|PutObjectTagging|PutObjectRetention|PutObjectLegalHold|GetObject|GetObjectVersion"
    r"|RestoreObject|DeleteObject|DeleteObjectVersion|ListBucket|ListBucketVersions|ListBucketMultipartUploads|AbortMultipartUpload"
    r"|ListMultipartUploadParts|GetLifecycleConfiguration|PutLifecycleConfiguration)"
    r"|kms:(?:GenerateDataKey|Decrypt|Encrypt|DescribeKey))\b(?!\w)"
)
_REGION: Final = re.compile(r"[a-z0-9-]{1,64}")
_REGION_IN_TEXT: Final = re.compile(
    r"\bs3[.-]([a-z0-9-]{1,64})\.amazonaws\.com|expecting '([a-z0-9-]{1,64})'|The ([a-z0-9-]{1,64}) location constraint"
)
BLOCKED_ENDPOINT: Final = "s3.endpoint leads to a link-local or cloud metadata address, which is never a store."

# Errors of botocore on the first request, when it searches for credentials or renews them.
_WITHOUT_CREDENTIALS: Final = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    boto.SSOError,
    boto.LoginError,
    boto.NoAuthTokenError,
    boto.TokenRetrievalError,
    boto.RefreshWithMFAUnsupportedError,
    boto.ProfileNotFound,
    boto.InvalidConfigError,
    boto.ConfigNotFound,
    boto.ConfigParseError,
    boto.InfiniteLoopConfigError,
    boto.UnknownCredentialError,
)


@contextmanager
def translated(doing: str, *, invalid: Reason = Reason.STORE_UNSUPPORTED) -> Iterator[None]:
    """Turn the client's errors into StoreError. `doing` is the name of the request, such as `UploadPart`.

    `invalid` is the reason for the code InvalidRequest: for CompleteMultipartUpload it means that the sizes differ.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _from_response(error, doing, invalid) from None
    except (boto.BotoCoreError, boto.HTTPClientError, OSError) as error:
        raise _from_client(error, doing) from None
    except (ResponseParserError, KeyError, ValueError, TypeError):
        raise StoreError(
            Reason.STORE_UNAVAILABLE,
            f"The store's response cannot be read ({doing}). Check that s3.endpoint is an S3 endpoint.",
        ) from None


def no_credentials() -> StoreError:
    """There are no credentials, or they can no longer be renewed."""
    return StoreError(Reason.CREDENTIALS_NOT_FOUND, "The pod of the operator has no credentials for the store.")


def status_of(error: boto.ClientError) -> int:
    """The HTTP status of an error response; 0 if it is not known."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _from_response(error: boto.ClientError, doing: str, invalid: Reason) -> StoreError:
    response: Any = error.response
    status, headers = status_of(error), response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    details = response.get("Error", {})
    code = str(details.get("Code") or "")
    right = _NAMED_RIGHT.search(str(details.get("Message", "")))
    reason = invalid if code == "InvalidRequest" else _reason_of(status, code)
    if reason is Reason.STORE_KEY_CONFLICT and doing not in _CONDITIONAL:
        reason = Reason.STORE_UNSUPPORTED
    if reason is Reason.ACCESS_DENIED and right is not None and right[1].startswith("kms:"):
        reason = Reason.ENCRYPTION_KEY_NOT_USABLE
    message = _MESSAGES[reason]
    too_large = status == _ENTITY_TOO_LARGE or code == "EntityTooLarge"
    if too_large:
        message = _BODY_TOO_LARGE
    elif reason is Reason.WRONG_REGION:
        message = _region_message(_named_region(headers, details)) or message
    elif code == _BAD_REQUEST:
        message = f"{message} and did not say why. It does so for expired session tokens too"
    elif right is not None:
        message = f"{message}. The missing permission is {right[1]}"
    shown = code if re.fullmatch(r"[A-Za-z0-9.]{1,64}", code) else str(status)
    return StoreError(
        reason,
        f"{message} ({doing}: {shown}).",
        retry_after_s=parse_retry_after(headers),
        code=shown,
        body_too_large=too_large,
    )


def _reason_of(status: int, code: str) -> Reason:
    known = _BY_CODE.get(code)
    if known is not None:
        return known
    if _KEY_SERVICE.fullmatch(code):
        return Reason.STORE_UNAVAILABLE if _PASSES.search(code) else Reason.ENCRYPTION_KEY_NOT_USABLE
    if status in _REDIRECTED:
        return Reason.WRONG_REGION
    unknown = Reason.STORE_UNAVAILABLE if status >= _SERVER_ERROR else Reason.STORE_UNSUPPORTED
    return _BY_STATUS.get(status, unknown)


def _named_region(headers: Mapping[str, str], details: Mapping[str, Any]) -> str:
    """The region that a redirect names in a header or an element, or else in its endpoint or message."""
    region = headers.get("x-amz-bucket-region") or details.get("Region")
    if region:
        return str(region)
    found = _REGION_IN_TEXT.search(f"{details.get('Endpoint', '')} {details.get('Message', '')}")
    return next(filter(None, found.groups())) if found else ""


def _region_message(region: str) -> str:
    if not _REGION.fullmatch(region):
        return ""
    return f"The bucket is in region {region}. Set spec.s3.region to it"


def _from_client(error: Exception, doing: str) -> StoreError:
    if isinstance(error, _WITHOUT_CREDENTIALS):
        return no_credentials()
    if isinstance(error, boto.SSLError):
        return StoreError(
            Reason.ENDPOINT_UNREACHABLE,
            f"The endpoint has no acceptable TLS certificate ({doing}). Check s3.caBundle.",
        )
    if isinstance(error, boto.HTTPClientError) and isinstance(error.kwargs.get("error"), BlockedError):
        return StoreError(Reason.ENDPOINT_BLOCKED, BLOCKED_ENDPOINT)
    if isinstance(error, boto.InvalidRegionError):  # a redirect named an invalid region
        return StoreError(Reason.WRONG_REGION, f"{_MESSAGES[Reason.WRONG_REGION]} ({doing}).")
    if isinstance(error, boto.ParamValidationError):
        return StoreError(Reason.INTERNAL_ERROR, f"The operator sent a malformed request ({doing}). Please report it.")
    if isinstance(error, boto.EndpointConnectionError | boto.ConnectTimeoutError):
        return StoreError(Reason.STORE_UNAVAILABLE, f"No connection to the store could be made ({doing}).")
    return StoreError(Reason.STORE_UNAVAILABLE, f"The store did not respond ({doing}: {type(error).__name__}).")
