"""What a request means: its bucket, key and operation, from its request line and headers.

An unknown parameter of an operation is rejected, more strictly than by AWS, so that an unknown sub-resource is not
confused with the object itself.
Source: API reference, "Amazon S3 REST API Introduction" and each operation's request syntax; user guide, "Virtual
hosting of buckets".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

from tests.support.garble import JoinFault
from tests.support.strict_checksums import Checksum
from tests.support.strict_errors import S3Error, invalid_argument, not_implemented

_VIRTUAL_SUFFIX = ".localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The target of a request. Without a bucket: the service. Without a key: the bucket."""

    bucket: str
    key: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """A request whose form was checked. Header names are in lower case.

    `checksum` is the one that it states, already verified. `denied` are permissions that the sender does not have.
    """

    operation: str
    bucket_name: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    page_size: int
    region: str = "us-east-1"
    secure: bool = False
    checksum: Checksum | None = None
    denied: frozenset[str] = frozenset()
    join_fault: JoinFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A successful response."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


_LISTING = {"prefix", "delimiter", "encoding-type"}
_OBJECT: Mapping[tuple[str, str], str] = {
    ("PUT", ""): "PutObject",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("DELETE", ""): "DeleteObject",
    ("PUT", "uploadId"): "UploadPart",
    ("GET", "uploadId"): "ListParts",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "tagging"): "PutObjectTagging",
    ("GET", "tagging"): "GetObjectTagging",
    ("DELETE", "tagging"): "DeleteObjectTagging",
    ("GET", "attributes"): "GetObjectAttributes",
    ("POST", "restore"): "RestoreObject",
}
_BUCKET: Mapping[tuple[str, str], str] = {
    ("HEAD", ""): "HeadBucket",
    ("GET", ""): "ListObjects",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "versioning"): "GetBucketVersioning",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("GET", "object-lock"): "GetObjectLockConfiguration",
    ("GET", "lifecycle"): "GetBucketLifecycleConfiguration",
    ("PUT", "lifecycle"): "PutBucketLifecycleConfiguration",
    ("DELETE", "lifecycle"): "DeleteBucketLifecycle",
    ("POST", "delete"): "DeleteObjects",
}
# Sub-resources that AWS has and the strict store has not.
_ELSEWHERE = {
    "abac", "accelerate", "acl", "analytics", "append", "cors", "encryption", "intelligent-tiering", "inventory",
    "legal-hold", "logging", "metadataConfiguration", "metadataTable", "metrics", "notification",
    "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "renameObject", "replication",
    "requestPayment", "retention", "select", "select-type", "session", "torrent", "website",
}  # fmt: skip
_SUBRESOURCES = {name for _, name in (*_OBJECT, *_BUCKET) if name} | _ELSEWHERE
_OVERRIDES = {
    f"response-{name}"
    for name in (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
        "expires",
    )
}
_PARAMETERS: Mapping[str, set[str]] = {
    "GetObject": {"versionId", "partNumber", *_OVERRIDES},
    "HeadObject": {"versionId", "partNumber", *_OVERRIDES},
    "DeleteObject": {"versionId"},
    "UploadPart": {"partNumber"},
    "UploadPartCopy": {"partNumber"},
    "ListParts": {"max-parts", "part-number-marker"},
    "GetObjectTagging": {"versionId"},
    "PutObjectTagging": {"versionId"},
    "DeleteObjectTagging": {"versionId"},
    "GetObjectAttributes": {"versionId"},
    "RestoreObject": {"versionId"},
    "ListObjects": {*_LISTING, "marker", "max-keys"},
    "ListObjectsV2": {*_LISTING, "max-keys", "start-after", "continuation-token", "fetch-owner"},
    "ListObjectVersions": {*_LISTING, "max-keys", "key-marker", "version-id-marker"},
    "ListMultipartUploads": {*_LISTING, "max-uploads", "key-marker", "upload-id-marker"},
    "ListBuckets": {"max-buckets", "continuation-token", "prefix", "bucket-region"},
}


def target_of(raw: str, host: str) -> Target:
    """Bucket, key and parameters of a request line, path style or virtual-hosted. Raises S3Error."""
    path, _, query = raw.partition("?")
    if not path.startswith("/"):
        raise S3Error("InvalidURI", "Couldn't parse the specified URI.")
    try:
        decoded = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI.") from None
    pairs = parse_qsl(query, keep_blank_values=True)
    if len({name for name, _ in pairs}) != len(pairs):
        raise S3Error("InvalidArgument", "A parameter is given twice.")
    name = host.rpartition(":")[0] or host
    if name.endswith(_VIRTUAL_SUFFIX):
        bucket, key = name.removesuffix(_VIRTUAL_SUFFIX), decoded[1:]
    else:
        bucket, _, key = decoded[1:].partition("/")
    _check_segments(key)
    return Target(bucket=bucket, key=key, query=dict(pairs))


def _check_segments(key: str) -> None:
    """User guide, "Naming Amazon S3 objects": a relative segment must not leave the segments before it."""
    depth = 0
    for segment in key.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(segment, 1)
        if depth < 0:
            raise S3Error("InvalidURI", "Couldn't parse the specified URI.")


def operation_of(method: str, target: Target) -> str:
    """The name of the operation that a request means; `Unknown` if there is none."""
    if not target.bucket:
        return "ListBuckets" if method == "GET" else "Unknown"
    return (_OBJECT if target.key else _BUCKET).get((method, _subresource(target)), "Unknown")


def copying(operation: str, headers: Mapping[str, str]) -> str:
    """The operation, if its bytes are those of another object."""
    if "x-amz-copy-source" not in headers:
        return operation
    copies = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
    if operation not in copies:
        raise not_implemented("x-amz-copy-source")
    return copies[operation]


def _subresource(target: Target) -> str:
    named = [name for name in target.query if name in _SUBRESOURCES]
    if "uploadId" in named:
        return "uploadId"
    return named[0] if named else ""


def check_meaning(operation: str, method: str, target: Target, headers: Mapping[str, str]) -> None:
    """Raises S3Error if the request is for an operation that is not implemented here, or for none."""
    named = [name for name in target.query if name in _SUBRESOURCES]
    if any(name in _ELSEWHERE for name in named):
        raise not_implemented(named[0])
    if len(named) > 1:
        raise invalid_argument("ResourceType", "&".join(named), "Conflicting query string parameters.")
    if operation == "Unknown":
        raise _no_operation(method, target, named)
    if operation == "UploadPart" and "partNumber" not in target.query:
        raise S3Error("MethodNotAllowed", Method=method, ResourceType="UPLOAD")
    if "partNumber" in target.query and operation == "PutObject":
        raise invalid_argument("partNumber", target.query["partNumber"], "partNumber needs an uploadId.")
    allowed = {*named, "x-id", *_PARAMETERS.get(operation, set())}
    unknown = [name for name in target.query if name not in allowed and not name.startswith("X-Amz-")]
    if unknown:
        raise not_implemented(unknown[0])
    if "x-amz-write-offset-bytes" in headers:
        raise not_implemented("x-amz-write-offset-bytes")


def _no_operation(method: str, target: Target, named: list[str]) -> S3Error:
    if target.bucket and not target.key and method == "POST" and named in ([], ["uploads"]):
        return S3Error("PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")
    if target.bucket and not target.key and method in ("PUT", "DELETE") and not named:
        return S3Error("NotImplemented", "The strict store has one bucket, which stays.")
    if named and method == "GET":
        # Such as GET ?uploads of a key: the sub-resource belongs to the other of bucket and object.
        return S3Error("InvalidRequest", f"Key is not expected for the {method} method ?{named[0]} subresource")
    return S3Error("MethodNotAllowed", Method=method, headers={"Allow": "GET, HEAD, PUT, POST, DELETE"})
