"""The operations on objects of a strict bucket, from a request to a response.

Source: API reference, PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects, GetObjectAttributes,
PutObjectTagging; RFC 9110 sections 13 and 14 for conditions and ranges.
"""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from tests.support.strict_bucket import Bucket, Version, WriteIf, precondition_failed
from tests.support.strict_errors import S3Error, invalid_argument, not_implemented
from tests.support.strict_limits import (
    attributes_of,
    check_key,
    check_no_encryption,
    check_summed,
    checked_tags,
    shown_metadata,
)
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_restores import check_readable, restore_headers
from tests.support.strict_xml import document, element, elements, malformed, parsed, required

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_MOST_DELETED = 1000
_ATTRIBUTES = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}


def put_object(request: S3Request, bucket: Bucket) -> Reply:
    """PutObject."""
    check_summed(request.headers, bucket, of="Put Object")
    attributes = attributes_of(request.headers, bucket, secure=request.secure)
    bucket.check_write(request.key, write_condition(request))
    version = bucket.put(request.key, request.body, attributes, said=request.checksum)
    return Reply(headers={**version_headers(bucket, version), **checksum_headers(bucket, version)})


def head_object(request: S3Request, bucket: Bucket) -> Reply:
    """HeadObject: like GetObject without the body. It works for archived objects too."""
    return _read(request, _found(request, bucket), bucket)


def get_object(request: S3Request, bucket: Bucket) -> Reply:
    """GetObject."""
    version = _found(request, bucket)
    check_readable(version)
    return _read(request, version, bucket)


def delete_object(request: S3Request, bucket: Bucket) -> Reply:
    """DeleteObject: 204 even if there was no object."""
    condition = write_condition(request)
    if condition.absent:
        raise not_implemented("If-None-Match")
    if condition.etag == "*":
        if bucket.current(request.key) is None:
            raise precondition_failed("If-Match")
    else:
        bucket.check_write(request.key, condition)
    bypass = request.headers.get("x-amz-bypass-governance-retention", "false").lower() == "true"
    removed = bucket.delete(request.key, request.query.get("versionId"), bypass=bypass)
    headers = {}
    if removed is not None and (bucket.versioned or "versionId" in request.query):
        headers["x-amz-version-id"] = removed.version_id
    if removed is not None and removed.delete_marker:
        headers["x-amz-delete-marker"] = "true"
    return Reply(status=204, headers=headers)


def delete_objects(request: S3Request, bucket: Bucket) -> Reply:
    """DeleteObjects: an entry for each key, with the result or the error."""
    if request.checksum is None and "content-md5" not in request.headers:
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    root = parsed(request.body, "Delete")
    named = root.findall("Object")
    if not 1 <= len(named) <= _MOST_DELETED:
        raise malformed()
    quiet, rows = root.findtext("Quiet") == "true", []
    for entry in named:
        key, version_id = required(entry, "Key"), entry.findtext("VersionId")
        asked = {"Key": key, "VersionId": version_id}
        try:
            check_key(key)
            removed = bucket.delete(key, version_id)
        except S3Error as error:
            rows.append(element("Error", elements({**asked, "Code": error.code, "Message": error.message})))
            continue
        if removed is not None and removed.delete_marker:
            asked |= {"DeleteMarker": "true", "DeleteMarkerVersionId": removed.version_id}
        rows += [] if quiet else [element("Deleted", elements(asked))]
    return Reply(body=document("DeleteResult", "".join(rows)))


# Tags and attributes


def put_object_tagging(request: S3Request, bucket: Bucket) -> Reply:
    """PutObjectTagging: replace the tags."""
    sets = parsed(request.body, "Tagging").findall("TagSet")
    if len(sets) != 1:
        raise malformed()
    tags = checked_tags([(required(tag, "Key"), required(tag, "Value")) for tag in sets[0]])
    return Reply(headers=_version_id(bucket, bucket.tag(request.key, request.query.get("versionId"), tags)))


def get_object_tagging(request: S3Request, bucket: Bucket) -> Reply:
    """GetObjectTagging."""
    version = _found(request, bucket)
    tags = "".join(element("Tag", elements({"Key": k, "Value": v})) for k, v in version.attributes.tags.items())
    return Reply(body=document("Tagging", element("TagSet", tags)), headers=_version_id(bucket, version))


def delete_object_tagging(request: S3Request, bucket: Bucket) -> Reply:
    """DeleteObjectTagging."""
    version = bucket.tag(request.key, request.query.get("versionId"), {})
    return Reply(status=204, headers=_version_id(bucket, version))


def get_object_attributes(request: S3Request, bucket: Bucket) -> Reply:
    """GetObjectAttributes."""
    asked = {name.strip() for name in request.headers.get("x-amz-object-attributes", "").split(",")}
    if not asked <= _ATTRIBUTES:
        raise invalid_argument("x-amz-object-attributes", ",".join(asked), "Invalid attribute name specified.")
    version = _found(request, bucket)
    rows = elements({"ETag": version.etag.strip('"')}) if "ETag" in asked else ""
    if "Checksum" in asked and version.checksum is not None and bucket.dialect.sums == "kept":
        inner = {version.checksum.element: version.checksum.value, "ChecksumType": version.checksum.kind}
        rows += element("Checksum", elements(inner))
    if "ObjectParts" in asked and version.part_sizes:
        rows += element("ObjectParts", elements({"PartsCount": len(version.part_sizes)}))
    facts = {"StorageClass": version.attributes.storage_class, "ObjectSize": len(version.body)}
    rows += elements({name: value for name, value in facts.items() if name in asked})
    headers = {"Last-Modified": _http_date(version.modified), **_version_id(bucket, version)}
    return Reply(body=document("GetObjectAttributesResponse", rows), headers=headers)


# Reading


def _found(request: S3Request, bucket: Bucket) -> Version:
    """The requested version. Without permission to list the bucket, a missing key results in 403."""
    try:
        return bucket.find(request.key, request.query.get("versionId"))
    except S3Error as error:
        if error.code == "NoSuchKey" and "ListBucket" in request.denied:
            raise S3Error("AccessDenied", "Access Denied") from None
        raise


def _read(request: S3Request, version: Version, bucket: Bucket) -> Reply:
    check_no_encryption(request.headers, secure=request.secure)
    _check_conditions(request, version)
    asked = _range_of(request, version)
    partial = asked is not None
    first, past = asked or (0, len(version.body))
    headers = {**_object_headers(bucket, version), **_lock_headers(request, version), **_overrides(request)}
    headers["Content-Length"] = str(past - first)
    mode = request.headers.get("x-amz-checksum-mode", "ENABLED")
    if mode.upper() != "ENABLED":
        raise invalid_argument("x-amz-checksum-mode", mode)
    if "x-amz-checksum-mode" in request.headers and (first, past) == (0, len(version.body)):
        headers |= checksum_headers(bucket, version)
    if partial:
        headers["Content-Range"] = f"bytes {first}-{past - 1}/{len(version.body)}"
    if "partNumber" in request.query and version.part_sizes:
        headers["x-amz-mp-parts-count"] = str(len(version.part_sizes))
    return Reply(status=206 if partial else 200, body=version.body[first:past], headers=headers)


def _range_of(request: S3Request, version: Version) -> tuple[int, int] | None:
    """First byte, and the one after the last; None if no single range is requested."""
    size = len(version.body)
    number = request.query.get("partNumber")
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if number is not None:
        if found:
            raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        return _part_range(number, version)
    if not found or found.groups() == ("", ""):
        return None
    if found[1] == "":
        first, past = max(size - int(found[2]), 0), size
        satisfiable = int(found[2]) > 0 and size > 0
    else:
        first, past = int(found[1]), min(int(found[2] or size) + 1, size) if found[2] else size
        if found[2] and int(found[2]) < first:
            return None
        satisfiable = first < size
    if not satisfiable:
        raise S3Error(
            "InvalidRange",
            "The requested range is not satisfiable",
            RangeRequested=found[0],
            ActualObjectSize=size,
            headers={"Content-Range": f"bytes */{size}"},
        )
    return first, past


def _part_range(number: str, version: Version) -> tuple[int, int]:
    sizes = version.part_sizes or (len(version.body),)
    if not (number.isascii() and number.isdecimal() and int(number) >= 1):
        raise invalid_argument("partNumber", number, "Part number must be an integer between 1 and 10000, inclusive")
    if int(number) > len(sizes):
        raise S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable")
    first = sum(sizes[: int(number) - 1])
    return first, first + sizes[int(number) - 1]


def _check_conditions(request: S3Request, version: Version) -> None:
    headers = request.headers
    etag, modified = version.etag.strip('"'), version.modified.replace(microsecond=0)
    if (wanted := headers.get("if-match")) is not None:
        if not _names_etag(wanted, etag):
            raise precondition_failed("If-Match")
    elif (since := _instant(headers.get("if-unmodified-since"))) is not None and modified > since:
        raise precondition_failed("If-Unmodified-Since")
    if (unwanted := headers.get("if-none-match")) is not None:
        unchanged = _names_etag(unwanted, etag)
    else:
        since = _instant(headers.get("if-modified-since"))
        unchanged = since is not None and modified <= since
    if unchanged:
        raise S3Error("NotModified", headers={"ETag": version.etag, "Last-Modified": _http_date(version.modified)})


def _names_etag(stated: str, etag: str) -> bool:
    return stated == "*" or etag in [one.strip().removeprefix("W/").strip('"') for one in stated.split(",")]


def _instant(stated: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(stated or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _object_headers(bucket: Bucket, version: Version) -> dict[str, str]:
    attributes = version.attributes
    headers = {
        **version_headers(bucket, version),
        **attributes.kept,
        **restore_headers(version),
        "Content-Type": attributes.content_type,
        "Last-Modified": _http_date(version.modified),
        "Accept-Ranges": "bytes",
    }
    headers |= {f"x-amz-meta-{name}": shown_metadata(value) for name, value in attributes.metadata.items()}
    if attributes.storage_class != "STANDARD":
        headers["x-amz-storage-class"] = attributes.storage_class
    if attributes.tags:
        headers["x-amz-tagging-count"] = str(len(attributes.tags))
    return headers


def _lock_headers(request: S3Request, version: Version) -> dict[str, str]:
    """API reference, HeadObject: each header only for a sender with the permission to read it."""
    retention = version.attributes.retention
    if retention is None:
        return {}
    if retention.legal_hold:
        return {} if "GetObjectLegalHold" in request.denied else {"x-amz-object-lock-legal-hold": "ON"}
    if "GetObjectRetention" in request.denied:
        return {}
    until = retention.until.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {"x-amz-object-lock-mode": retention.mode, "x-amz-object-lock-retain-until-date": until}


def _overrides(request: S3Request) -> dict[str, str]:
    prefix = "response-"
    return {name.removeprefix(prefix): value for name, value in request.query.items() if name.startswith(prefix)}


def _http_date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)


# What several operations share


def write_condition(request: S3Request) -> WriteIf:
    """`If-None-Match` and `If-Match` of a write. Raises S3Error for conditions that S3 does not support."""
    headers = request.headers
    unmatched, matched = headers.get("if-none-match"), headers.get("if-match")
    for name in ("if-modified-since", "if-unmodified-since"):
        if name in headers:
            raise not_implemented(name)
    if unmatched not in (None, "*") or (unmatched is not None and matched is not None):
        raise not_implemented("If-None-Match")
    if matched == "*" and request.operation != "DeleteObject":
        raise not_implemented("If-Match")
    return WriteIf(absent=unmatched == "*", etag=matched)


def version_headers(bucket: Bucket, version: Version) -> dict[str, str]:
    """ETag, encryption and version of an object."""
    return {"ETag": version.etag, **version.attributes.encryption, **_version_id(bucket, version)}


def _version_id(bucket: Bucket, version: Version) -> dict[str, str]:
    return {"x-amz-version-id": version.version_id} if bucket.versioned else {}


def checksum_headers(bucket: Bucket, version: Version) -> dict[str, str]:
    """The checksum of an object, if the store returns it."""
    if not shows_object_checksum(bucket, version) or version.checksum is None:
        return {}
    return {version.checksum.header: version.checksum.value, "x-amz-checksum-type": version.checksum.kind}


def shows_object_checksum(bucket: Bucket, version: Version) -> bool:
    """Whether HEAD and Complete return the checksum of this object."""
    return bucket.shows_checksums and bucket.dialect.shown != "parts" and version.checksum is not None
