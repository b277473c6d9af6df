"""The listings of a strict bucket: keys, versions, uploads and parts, page by page.

Source: API reference, ListObjects, ListObjectsV2, ListObjectVersions, ListMultipartUploads, ListParts.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from tests.support.strict_bucket import Bucket, Version
from tests.support.strict_checksums import Checksum
from tests.support.strict_errors import invalid_argument
from tests.support.strict_multipart import open_upload
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_xml import document, element, elements

_MOST_ROWS = 1000
_LARGEST = 2**31 - 1
_OWNER = element("Owner", elements({"ID": "owner", "DisplayName": "owner"}))
_INITIATOR = element("Initiator", elements({"ID": "owner", "DisplayName": "owner"}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a listing. `second` distinguishes rows of one key."""

    key: str
    second: str
    xml: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows, common prefixes, and the marker of the next page."""

    rows: tuple[Row, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    last: tuple[str, str]

    def __len__(self) -> int:
        return len(self.rows) + len(self.prefixes)


def page_of(rows: Iterable[Row], *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """A page of rows that come after the marker, sorted by key in the binary order of UTF-8.

    The marker `after` may be a common prefix that the page before ended with.
    """
    shown: list[Row] = []
    prefixes: list[str] = []
    last = ("", "")
    for row in rows:
        group = _group(row.key, prefix, delimiter)
        if not row.key.startswith(prefix) or (group and (group == after or group in prefixes)):
            continue
        if len(shown) + len(prefixes) == limit:
            return Page(rows=tuple(shown), prefixes=tuple(prefixes), truncated=limit > 0, last=last)
        if group:
            prefixes.append(group)
            last = (group, "")
        else:
            shown.append(row)
            last = (row.key, row.second)
    return Page(rows=tuple(shown), prefixes=tuple(prefixes), truncated=False, last=last)


def _group(key: str, prefix: str, delimiter: str) -> str:
    place = key.find(delimiter, len(prefix)) if delimiter else -1
    return key[: place + len(delimiter)] if place >= 0 else ""


def _binary(text: str) -> bytes:
    return text.encode()


def _limit(request: S3Request, name: str) -> int:
    stated = request.query.get(name)
    if stated is None:
        return min(_MOST_ROWS, request.page_size)
    if not (stated.isascii() and stated.isdecimal() and int(stated) <= _LARGEST):
        raise invalid_argument(name, stated, f"Provided {name} not an integer or within integer range")
    return min(int(stated), _MOST_ROWS, request.page_size)


class _Names:
    """Keys in the encoding that the request specifies."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self.encoding = query.get("encoding-type")
        if self.encoding not in (None, "url"):
            raise invalid_argument("encoding-type", self.encoding, "Invalid Encoding Method specified in Request")

    def __call__(self, name: str) -> str:
        return quote(name, safe="/") if self.encoding else name


def _page(request: S3Request, rows: Iterable[Row], *, after: str, limit: int) -> Page:
    query = request.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    return page_of(rows, prefix=prefix, delimiter=delimiter, after=after, limit=limit)


def _head(request: S3Request, names: _Names) -> str:
    query = request.query
    stated = {"Name": request.bucket_name, "Prefix": names(query.get("prefix", ""))}
    delimiter = query.get("delimiter")
    return elements({**stated, "Delimiter": delimiter and names(delimiter), "EncodingType": names.encoding})


def _tail(page: Page, names: _Names) -> str:
    rows = "".join(row.xml for row in page.rows)
    prefixes = "".join(element("CommonPrefixes", elements({"Prefix": names(prefix)})) for prefix in page.prefixes)
    return elements({"IsTruncated": page.truncated}) + rows + prefixes


# Objects and versions


def _sorted_keys(bucket: Bucket) -> list[str]:
    return sorted(bucket.versions, key=_binary)


def _facts(bucket: Bucket, version: Version) -> dict[str, object]:
    facts: dict[str, object] = {"LastModified": version.modified, "ETag": version.etag}
    if version.checksum is not None and bucket.dialect.sums == "kept":
        facts |= {"ChecksumAlgorithm": version.checksum.algorithm, "ChecksumType": version.checksum.kind}
    return {**facts, "Size": len(version.body), "StorageClass": version.attributes.storage_class}


def _contents(bucket: Bucket, names: _Names, after: str, *, with_owner: bool) -> Iterable[Row]:
    for key in _sorted_keys(bucket):
        version = bucket.current(key)
        if version is not None and _binary(key) > _binary(after):
            inner = elements({"Key": names(key), **_facts(bucket, version)}) + (_OWNER if with_owner else "")
            yield Row(key=key, second="", xml=element("Contents", inner))


def list_objects(request: S3Request, bucket: Bucket) -> Reply:
    """ListObjects, the first version of it."""
    names, limit = _Names(request.query), _limit(request, "max-keys")
    marker = request.query.get("marker", "")
    page = _page(request, _contents(bucket, names, marker, with_owner=True), after=marker, limit=limit)
    following = names(page.last[0]) if page.truncated and request.query.get("delimiter") else None
    stated = elements({"Marker": names(marker), "NextMarker": following, "MaxKeys": limit})
    return Reply(body=document("ListBucketResult", _head(request, names) + stated + _tail(page, names)))


def list_objects_v2(request: S3Request, bucket: Bucket) -> Reply:
    """ListObjectsV2."""
    query = request.query
    if query["list-type"] != "2":
        raise invalid_argument("list-type", query["list-type"], "Invalid List Type specified in Request")
    names, limit, token = _Names(query), _limit(request, "max-keys"), query.get("continuation-token")
    after = query.get("start-after", "") if token is None else _token_text(token)
    with_owner = query.get("fetch-owner", "false")
    if with_owner not in ("true", "false"):
        raise invalid_argument("fetch-owner", with_owner)
    rows = _contents(bucket, names, after, with_owner=with_owner == "true")
    page = _page(request, rows, after=after, limit=limit)
    start = query.get("start-after")
    stated = elements(
        {
            "StartAfter": start and names(start),
            "ContinuationToken": token,
            "NextContinuationToken": _token(page.last[0]) if page.truncated else None,
            "KeyCount": len(page),
            "MaxKeys": limit,
        }
    )
    return Reply(body=document("ListBucketResult", _head(request, names) + stated + _tail(page, names)))


def _token(key: str) -> str:
    return base64.b64encode(b"after:" + key.encode()).decode()


def _token_text(token: str) -> str:
    try:
        made = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        made = ""
    if not made.startswith("after:"):
        raise invalid_argument("continuation-token", token, "The continuation token provided is incorrect")
    return made.removeprefix("after:")


def list_object_versions(request: S3Request, bucket: Bucket) -> Reply:
    """ListObjectVersions. The newest version of each key is first."""
    query = request.query
    names, limit = _Names(query), _limit(request, "max-keys")
    marker, version_marker = query.get("key-marker", ""), query.get("version-id-marker")
    if version_marker is not None and not marker:
        message = "A version-id marker cannot be specified without a key marker."
        raise invalid_argument("version-id-marker", version_marker, message)
    if version_marker == "":
        raise invalid_argument("version-id-marker", "", "A version-id marker cannot be empty.")
    page = _page(request, _versions(bucket, names, marker, version_marker), after=marker, limit=limit)
    key, version_id = page.last if page.truncated else (None, None)
    stated = elements(
        {
            "KeyMarker": names(marker),
            "VersionIdMarker": version_marker or "",
            "NextKeyMarker": key and names(key),
            "NextVersionIdMarker": version_id or None,
            "MaxKeys": limit,
        }
    )
    return Reply(body=document("ListVersionsResult", _head(request, names) + stated + _tail(page, names)))


def _versions(bucket: Bucket, names: _Names, marker: str, version_marker: str | None) -> Iterable[Row]:
    """After a key, or after one version of it."""
    for key in _sorted_keys(bucket):
        versions = bucket.versions[key]
        shown = [*reversed(versions)] if _binary(key) > _binary(marker) else []
        if key == marker and version_marker is not None:
            ids = [version.version_id for version in reversed(versions)]
            shown = [*reversed(versions)][ids.index(version_marker) + 1 :] if version_marker in ids else []
        for version in shown:
            facts: dict[str, object] = {"Key": names(key), "VersionId": version.version_id}
            facts["IsLatest"] = version is versions[-1]
            facts |= {"LastModified": version.modified} if version.delete_marker else _facts(bucket, version)
            name = "DeleteMarker" if version.delete_marker else "Version"
            yield Row(key=key, second=version.version_id, xml=element(name, elements(facts) + _OWNER))


# Uploads and parts


def list_multipart_uploads(request: S3Request, bucket: Bucket) -> Reply:
    """ListMultipartUploads, sorted by key, then by when they were begun."""
    query = request.query
    names, limit = _Names(query), _limit(request, "max-uploads")
    marker = query.get("key-marker", "")
    upload_marker = query.get("upload-id-marker") if marker else None
    page = _page(request, _uploads(bucket, names, marker, upload_marker), after=marker, limit=limit)
    key, upload_id = page.last if page.truncated else (None, None)
    stated = elements(
        {
            "Bucket": request.bucket_name,
            "KeyMarker": names(marker),
            "UploadIdMarker": upload_marker or "",
            "NextKeyMarker": key and names(key),
            "NextUploadIdMarker": upload_id or None,
            "MaxUploads": limit,
        }
    )
    return Reply(body=document("ListMultipartUploadsResult", _head(request, names) + stated + _tail(page, names)))


def _uploads(bucket: Bucket, names: _Names, marker: str, upload_marker: str | None) -> Iterable[Row]:
    for upload in sorted(bucket.uploads.values(), key=lambda upload: (_binary(upload.key), upload.upload_id)):
        same_key = upload.key == marker and upload_marker and upload.upload_id > upload_marker
        if _binary(upload.key) <= _binary(marker) and not same_key:
            continue
        facts: dict[str, object] = {"Key": names(upload.key), "UploadId": upload.upload_id}
        facts |= {"StorageClass": upload.attributes.storage_class, "Initiated": upload.initiated}
        facts |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.kind}
        xml = element("Upload", elements(facts) + _OWNER + _INITIATOR)
        yield Row(key=upload.key, second=upload.upload_id, xml=xml)


def list_parts(request: S3Request, bucket: Bucket) -> Reply:
    """ListParts."""
    query = request.query
    upload = open_upload(bucket, request.key, query["uploadId"])
    limit, marker = _limit(request, "max-parts"), query.get("part-number-marker", "0")
    if not (marker.isascii() and marker.isdecimal() and int(marker) <= _LARGEST):
        raise invalid_argument("part-number-marker", marker)
    rest = [(number, part) for number, part in sorted(upload.parts.items()) if number > int(marker)]
    page = rest[:limit]
    facts = {
        "Bucket": request.bucket_name,
        "Key": request.key,
        "UploadId": upload.upload_id,
        "StorageClass": upload.attributes.storage_class,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1][0] if page else 0,
        "MaxParts": limit,
        "IsTruncated": bool(page) and len(rest) > len(page),
        "ChecksumAlgorithm": upload.algorithm,
        "ChecksumType": upload.kind,
    }
    rows = "".join(
        element(
            "Part",
            elements(
                {
                    "PartNumber": number,
                    "LastModified": part.modified,
                    "ETag": part.etag,
                    "Size": len(part.body),
                    **shown_part_checksum(bucket, part.checksum, asked=upload.algorithm is not None),
                }
            ),
        )
        for number, part in page
    )
    return Reply(body=document("ListPartsResult", elements(facts) + _INITIATOR + _OWNER + rows))


def shown_part_checksum(bucket: Bucket, checksum: Checksum | None, *, asked: bool) -> dict[str, object]:
    """A part's checksum as an element, if the store returns it: for an upload that was created with a checksum."""
    shows = bucket.shows_part_checksums and bucket.dialect.shown != "objects"
    if checksum is None or not shows or not (asked or bucket.dialect.sums == "echoed"):
        return {}
    return {checksum.element: checksum.value}
