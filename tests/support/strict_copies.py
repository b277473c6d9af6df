"""CopyObject and UploadPartCopy of a strict bucket. The source is in the same bucket.

Source: API reference, CopyObject, UploadPartCopy; user guide, "Copying, moving, and renaming objects".
"""

import re
from dataclasses import replace
from urllib.parse import parse_qsl, unquote

from tests.support import strict_multipart as multipart
from tests.support.strict_bucket import ARCHIVED_CLASSES, Bucket, Version, precondition_failed
from tests.support.strict_checksums import algorithm_named, checksum_of
from tests.support.strict_errors import S3Error, invalid_argument, not_implemented
from tests.support.strict_limits import MOST_PUT_BYTES, attributes_of, check_no_encryption
from tests.support.strict_listings import shown_part_checksum
from tests.support.strict_objects import shows_object_checksum, version_headers, write_condition
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_xml import document, elements

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")
_DIRECTIVES = ("COPY", "REPLACE")


def copy_object(request: S3Request, bucket: Bucket) -> Reply:
    """CopyObject: metadata and tags are the source's, unless they are to be replaced."""
    source = copied_version(request, bucket)
    if len(source.body) > MOST_PUT_BYTES:
        raise S3Error("InvalidRequest", "The specified copy source is larger than the maximum allowable size")
    attributes = attributes_of(request.headers, bucket, secure=request.secure)
    if _directive(request, "x-amz-metadata-directive") == "COPY":
        kept = source.attributes
        attributes = replace(attributes, content_type=kept.content_type, metadata=kept.metadata, kept=kept.kept)
    if _directive(request, "x-amz-tagging-directive") == "COPY":
        if "x-amz-tagging" in request.headers:
            raise S3Error("InvalidRequest", "x-amz-tagging needs the tagging directive REPLACE.")
        attributes = replace(attributes, tags=source.attributes.tags)
    bucket.check_write(request.key, write_condition(request))
    name = request.headers.get("x-amz-checksum-algorithm")
    kept_algorithm = source.checksum.algorithm if source.checksum else "CRC64NVME"
    algorithm = algorithm_named(name) if name else kept_algorithm
    checksum = checksum_of(source.body, algorithm) if bucket.dialect.sums == "kept" else None
    etag = bucket.etag(source.body, attributes)
    version = bucket.keep(request.key, source.body, attributes, etag=etag, checksum=checksum)
    facts: dict[str, object] = {"ETag": version.etag, "LastModified": _instant(version)}
    if checksum is not None and shows_object_checksum(bucket, version):
        facts |= {checksum.element: checksum.value, "ChecksumType": checksum.kind}
    headers = version_headers(bucket, version)
    headers.pop("ETag")
    return Reply(body=document("CopyObjectResult", elements(facts)), headers=headers)


def upload_part_copy(request: S3Request, bucket: Bucket) -> Reply:
    """UploadPartCopy."""
    check_no_encryption(request.headers, secure=request.secure)
    number = multipart.part_number_of(request.query.get("partNumber", ""))
    upload = multipart.open_upload(bucket, request.key, request.query["uploadId"])
    body = _ranged(request, copied_version(request, bucket).body)
    part = multipart.put_part(bucket, request.key, upload.upload_id, number, body)
    facts: dict[str, object] = {"ETag": part.etag}
    if part.checksum and shown_part_checksum(bucket, part.checksum, asked=upload.algorithm is not None):
        facts[part.checksum.element] = part.checksum.value
    return Reply(body=document("CopyPartResult", elements(facts)), headers=dict(upload.attributes.encryption))


def copied_version(request: S3Request, bucket: Bucket) -> Version:
    """The version that is to be copied, after its conditions. Raises S3Error."""
    stated = request.headers["x-amz-copy-source"].removeprefix("/")
    path, _, query = stated.partition("?")
    name, _, key = unquote(path).partition("/")
    if not key:
        raise invalid_argument("x-amz-copy-source", stated, "Copy Source must mention the source bucket and key")
    if name != request.bucket_name:
        raise S3Error("NoSuchBucket", "The specified bucket does not exist", BucketName=name)
    version = bucket.find(key, dict(parse_qsl(query, keep_blank_values=True)).get("versionId"))
    if version.attributes.storage_class in ARCHIVED_CLASSES:
        raise S3Error("InvalidObjectState", "Operation is not valid for the source object's storage class")
    wanted = request.headers.get("x-amz-copy-source-if-match")
    if wanted is not None and wanted.strip('"') != version.etag.strip('"'):
        raise precondition_failed("x-amz-copy-source-If-Match")
    for name in ("if-none-match", "if-modified-since", "if-unmodified-since"):
        if f"x-amz-copy-source-{name}" in request.headers:
            raise not_implemented(f"x-amz-copy-source-{name}")
    return version


def _ranged(request: S3Request, body: bytes) -> bytes:
    stated = request.headers.get("x-amz-copy-source-range")
    if stated is None:
        return body
    found = _RANGE.fullmatch(stated)
    if found is None or int(found[1]) > int(found[2]) or int(found[2]) >= len(body):
        raise invalid_argument("x-amz-copy-source-range", stated, "Range specified is not valid for source object")
    return body[int(found[1]) : int(found[2]) + 1]


def _directive(request: S3Request, name: str) -> str:
    stated = request.headers.get(name, "COPY")
    if stated not in _DIRECTIVES:
        raise invalid_argument(name, stated, "Unknown directive.")
    return stated


def _instant(version: Version) -> str:
    return version.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z")
