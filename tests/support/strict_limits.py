"""The limits of S3 for keys, metadata, tags and the headers of a new object.

Source: API reference, PutObject, CreateMultipartUpload and PutObjectTagging; user guide, "Naming Amazon S3 objects",
"Working with object metadata", "Categorizing your objects using tags", "Bucket naming rules" and "Locking objects with
Object Lock".
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.header import Header
from urllib.parse import parse_qsl

from tests.support.strict_bucket import Attributes, Bucket, Retention
from tests.support.strict_errors import S3Error, invalid_argument, not_implemented

MOST_KEY_BYTES = 1024
MOST_METADATA_BYTES = 2048
MOST_HEADER_BYTES = 8192
MOST_TAGS = 10
MOST_TAG_KEY = 128
MOST_TAG_VALUE = 256
MOST_PUT_BYTES = 5 * 2**30
_META = "x-amz-meta-"
_TAG_CATEGORIES = {"L", "N", "Z"}
_TAG_SIGNS = set("+-=._:/@")
_CANNED_ACLS = {
    "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
    "bucket-owner-full-control",
}  # fmt: skip
_HOLD = Retention(until=datetime.max.replace(tzinfo=UTC), legal_hold=True, stated=True)
_BUCKET_NAME = re.compile(r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]")
_NOT_BUCKETS = re.compile(r".*\.\..*|(\d+\.){3}\d+|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)")
_OF_PARTS_TOO = "x-amz-server-side-encryption-customer-"
# Kept with an object and given back by GET and HEAD.
_KEPT = ("cache-control", "content-disposition", "content-encoding", "content-language", "expires")
KEPT_HEADERS = (*_KEPT, "x-amz-website-redirect-location")


def check_bucket_name(name: str) -> None:
    """Raises S3Error."""
    if not _BUCKET_NAME.fullmatch(name) or _NOT_BUCKETS.fullmatch(name):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)


def check_key(key: str) -> None:
    """Raises S3Error."""
    size = len(key.encode())
    if size > MOST_KEY_BYTES:
        raise S3Error("KeyTooLongError", "Your key is too long", Size=size, MaxSizeAllowed=MOST_KEY_BYTES)


def check_owner(stated: str | None, owner: str) -> None:
    """`x-amz-expected-bucket-owner`. Raises S3Error."""
    if stated is None or stated == owner:
        return
    if not re.fullmatch(r"[0-9]{12}", stated):
        raise S3Error("InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner must be an account ID")
    raise S3Error("AccessDenied", "Access Denied")


def check_head_size(names_and_values: Sequence[tuple[str, str]]) -> None:
    """All headers together. Raises S3Error."""
    size = sum(len(name) + len(value) for name, value in names_and_values)
    if size > MOST_HEADER_BYTES:
        message = "Your request header section exceeds the maximum allowed size"
        raise S3Error("RequestHeaderSectionTooLarge", message, MaxSizeAllowed=MOST_HEADER_BYTES)


def attributes_of(headers: Mapping[str, str], bucket: Bucket, *, secure: bool) -> Attributes:
    """The attributes of the object, from the headers of PutObject or CreateMultipartUpload. Raises S3Error."""
    storage_class = headers.get("x-amz-storage-class", "STANDARD")
    if storage_class not in bucket.storage_classes:
        raise S3Error(
            "InvalidStorageClass", "The storage class you specified is not valid", StorageClassRequested=storage_class
        )
    return Attributes(
        content_type=headers.get("content-type") or "binary/octet-stream",
        metadata=_metadata(headers),
        headers=dict(headers),
        storage_class=storage_class,
        encryption=_encryption(headers, secure=secure),
        tags=tags_of_header(headers.get("x-amz-tagging", "")),
        kept=_kept(headers),
        retention=_retention(headers, bucket),
        acl=_acl(headers, bucket),
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    codings = [coding.strip() for coding in kept.pop("content-encoding", "").split(",")]
    if codings := [coding for coding in codings if coding not in ("", "aws-chunked")]:
        kept["content-encoding"] = ",".join(codings)
    redirect = kept.get("x-amz-website-redirect-location", "/")
    if not redirect.startswith(("/", "http://", "https://")) or len(redirect) > MOST_METADATA_BYTES:
        raise S3Error(
            "InvalidRedirectLocation", "The website redirect location must start with '/', 'http://' or 'https://'."
        )
    return kept


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    metadata = {name.removeprefix(_META): value for name, value in headers.items() if name.startswith(_META)}
    size = sum(len(name.encode()) + len(value.encode("utf-8", "surrogateescape")) for name, value in metadata.items())
    if size > MOST_METADATA_BYTES:
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise S3Error("MetadataTooLarge", message, Size=size, MaxSizeAllowed=MOST_METADATA_BYTES)
    if "" in metadata:
        raise invalid_argument(_META, "", "A metadata name is empty.")
    return metadata


def shown_metadata(value: str) -> str:
    """A value as HEAD returns it: encoded by RFC 2047 if it is not US-ASCII."""
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=MOST_HEADER_BYTES).encode()


# Tags


def tags_of_header(value: str) -> dict[str, str]:
    """`x-amz-tagging`. Raises S3Error."""
    try:
        pairs = parse_qsl(value, keep_blank_values=True, strict_parsing=bool(value), errors="strict")
    except ValueError:
        pairs = [("", ""), ("", "")]
    if len(dict(pairs)) != len(pairs) or "" in dict(pairs):
        message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters"
        raise invalid_argument("x-amz-tagging", value, f"{message} without tag name duplicates.")
    return checked_tags(pairs)


def checked_tags(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Raises S3Error for invalid tags."""
    if len(pairs) > MOST_TAGS:
        raise S3Error("BadRequest", "Object tags cannot be greater than 10")
    for key, value in pairs:
        if not 1 <= len(key) <= MOST_TAG_KEY or not _is_tag_text(key):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > MOST_TAG_VALUE or not _is_tag_text(value):
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key.lower().startswith("aws:"):
            raise S3Error("InvalidTag", "System tags cannot be added/updated by requester", TagKey=key)
    if len(dict(pairs)) != len(pairs):
        raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
    return dict(pairs)


def _is_tag_text(text: str) -> bool:
    return all(unicodedata.category(sign)[0] in _TAG_CATEGORIES or sign in _TAG_SIGNS for sign in text)


# Encryption, access lists, locks


def check_no_encryption(headers: Mapping[str, str], *, secure: bool) -> None:
    """Check requests for an existing object or a part: its encryption was already chosen. Raises S3Error."""
    for name, value in headers.items():
        if name.startswith("x-amz-server-side-encryption") and not name.startswith(_OF_PARTS_TOO):
            raise invalid_argument(name, value, f"{name} header is not supported for this operation.")
    _check_no_customer_key(headers, secure=secure)


def _check_no_customer_key(headers: Mapping[str, str], *, secure: bool) -> None:
    found = [name for name in headers if name.startswith(_OF_PARTS_TOO)]
    if found and not secure:
        message = "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure"
        raise S3Error("InvalidRequest", f"{message} connection.")
    if found:
        raise not_implemented(found[0])


def _encryption(headers: Mapping[str, str], *, secure: bool) -> dict[str, str]:
    """The headers of the encryption, which responses repeat."""
    _check_no_customer_key(headers, secure=secure)
    prefix = "x-amz-server-side-encryption"
    kind = headers.get(prefix, "AES256")
    if kind not in ("AES256", "aws:kms", "aws:kms:dsse"):
        raise invalid_argument(prefix, kind, "The encryption method specified is not supported")
    key = headers.get(f"{prefix}-aws-kms-key-id")
    if kind == "AES256":
        for name in (f"{prefix}-aws-kms-key-id", f"{prefix}-context"):
            if name in headers:
                message = "Server Side Encryption with AWS KMS managed key requires HTTP header"
                raise invalid_argument(name, headers[name], f"{message} {prefix} : aws:kms")
    enabled = headers.get(f"{prefix}-bucket-key-enabled", "false")
    if enabled.lower() not in ("true", "false"):
        raise invalid_argument(f"{prefix}-bucket-key-enabled", enabled)
    if enabled.lower() == "true" and kind == "aws:kms:dsse":  # user guide: Bucket Keys are not supported for DSSE-KMS
        raise invalid_argument(f"{prefix}-bucket-key-enabled", enabled)
    made = {prefix: kind}
    if kind != "AES256":
        made[f"{prefix}-aws-kms-key-id"] = key or "arn:aws:kms:us-east-1:123456789012:alias/aws/s3"
        if enabled.lower() == "true":
            made[f"{prefix}-bucket-key-enabled"] = "true"
    return made


def _acl(headers: Mapping[str, str], bucket: Bucket) -> str:
    acl = headers.get("x-amz-acl")
    if acl is not None and acl not in _CANNED_ACLS:
        raise invalid_argument("x-amz-acl", acl)
    granted = any(name.startswith("x-amz-grant-") for name in headers)
    if not bucket.acls and (acl not in (None, "bucket-owner-full-control") or granted):
        raise S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs")
    if granted:
        raise not_implemented("x-amz-grant-")
    return acl or "private"


def _retention(headers: Mapping[str, str], bucket: Bucket) -> Retention | None:
    prefix = "x-amz-object-lock"
    stated = {name: value for name, value in headers.items() if name.startswith(f"{prefix}-")}
    if not stated:
        return bucket.default_retention()
    if not bucket.object_lock:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
    hold = stated.pop(f"{prefix}-legal-hold", "OFF")
    if hold not in ("ON", "OFF"):
        raise invalid_argument(f"{prefix}-legal-hold", hold)
    mode, until = stated.pop(f"{prefix}-mode", None), stated.pop(f"{prefix}-retain-until-date", None)
    if stated:
        raise not_implemented(next(iter(stated)))
    if (mode is None) != (until is None):
        raise invalid_argument(
            prefix, mode or until, f"{prefix}-retain-until-date and {prefix}-mode must both be supplied"
        )
    if mode is None or until is None:
        return _HOLD if hold == "ON" else bucket.default_retention()
    if mode not in ("GOVERNANCE", "COMPLIANCE"):
        raise invalid_argument(f"{prefix}-mode", mode, "Unknown wormMode directive.")
    try:
        instant = datetime.fromisoformat(until)
    except ValueError:
        raise invalid_argument(f"{prefix}-retain-until-date", until) from None
    if instant.tzinfo is None or instant <= datetime.now(tz=UTC):
        raise invalid_argument(f"{prefix}-retain-until-date", until, "The retain until date must be in the future!")
    return _HOLD if hold == "ON" else Retention(until=instant, mode=mode, stated=True)


def check_summed(headers: Mapping[str, str], bucket: Bucket, *, of: str, locked: bool = False) -> None:
    """With Object Lock, a write must state a checksum. `of` names the request. Raises S3Error."""
    locks = (
        locked
        or bool(bucket.object_lock_days)
        or bucket.dialect.sums_needed
        or any(name.startswith("x-amz-object-lock-") for name in headers)
    )
    summed = "content-md5" in headers or "x-amz-trailer" in headers
    summed = summed or any(name.startswith("x-amz-checksum-") for name in headers)
    if locks and not summed:
        message = (
            f"Content-MD5 OR x-amz-checksum- HTTP header is required for {of} requests with Object Lock parameters"
        )
        raise S3Error("InvalidRequest", message)
