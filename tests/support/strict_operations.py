"""What each S3 operation does to a strict bucket: one function each, from a request to an answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.support.garble import JoinFault
from tests.support.strict_bucket import STORAGE_CLASSES, Attributes, Bucket, ListedPart, S3Error, Version, crc64nvme_of

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Request:
    """A request that passed every check of its form; header names in lower case."""

    operation: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    page_size: int
    join_fault: JoinFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that is no error."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str]


def operation_of(method: str, query: Mapping[str, str]) -> str:
    """The name of the operation that a request means."""
    with_upload = {
        "PUT": "UploadPart",
        "GET": "ListParts",
        "POST": "CompleteMultipartUpload",
        "DELETE": "AbortMultipartUpload",
    }
    plain = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
    if "uploadId" in query:
        return with_upload.get(method, "Unknown")
    if "versions" in query:
        return "ListObjectVersions"
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    return plain.get(method, "Unknown")


def perform(request: S3Request, bucket: Bucket) -> Reply:
    """Do what the request says. Raises S3Error."""
    if request.operation not in _OPERATIONS:
        raise S3Error(405, "MethodNotAllowed")
    return _OPERATIONS[request.operation](request, bucket)


def error_document(code: str) -> bytes:
    """An error as S3 writes it."""
    text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def false_answer(operation: str, key: str) -> bytes:
    """A success that never happened."""
    if operation == "CompleteMultipartUpload":
        return _document("CompleteMultipartUploadResult", Key=key, ETag='"0-1"')
    return b""


def untrue(reply: Reply, about: str) -> Reply:
    """The answer to HeadObject or ListParts with one fact changed."""
    headers, body = dict(reply.headers), reply.body
    if about == "absent":
        raise S3Error(404, "NoSuchKey")
    if about == "size":
        headers["Content-Length"] = str(int(headers.get("Content-Length", 0)) + 1)
        body = re.sub(rb"<Size>(\d+)<", lambda found: b"<Size>%d<" % (int(found[1]) + 1), body, count=1)
    if about == "sum":
        headers["x-amz-checksum-crc64nvme"] = crc64nvme_of(b"other")
        other = f"<ChecksumCRC64NVME>{crc64nvme_of(b'other')}<".encode()
        body = re.sub(rb"<ChecksumCRC64NVME>[^<]*<", other, body, count=1)
    if about == "owner":
        headers["x-amz-meta-recording-uid"] = "somebody else"
    return Reply(status=reply.status, headers=headers if reply.headers else {}, body=body)


def _put_object(request: S3Request, bucket: Bucket) -> Reply:
    said = request.headers.get("x-amz-checksum-crc64nvme")
    version = bucket.put(request.key, request.body, _attributes(request), if_absent=_if_absent(request), said=said)
    return Reply(headers=_version_headers(bucket, version))


def _head_object(request: S3Request, bucket: Bucket) -> Reply:
    version = bucket.find(request.key, request.query.get("versionId"))
    headers = {**_version_headers(bucket, version), "Content-Type": version.attributes.content_type}
    headers |= {f"x-amz-meta-{name}": value for name, value in version.attributes.metadata.items()}
    headers["Last-Modified"] = version.modified.strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers["Content-Length"] = str(len(version.body))
    if request.headers.get("x-amz-checksum-mode") != "ENABLED":
        headers.pop("x-amz-checksum-crc64nvme", None)
    return Reply(headers=headers)


def _get_object(request: S3Request, bucket: Bucket) -> Reply:
    version = bucket.find(request.key, request.query.get("versionId"))
    return Reply(body=version.body, headers=_head_object(request, bucket).headers)


def _delete_object(request: S3Request, bucket: Bucket) -> Reply:
    bucket.delete(request.key, request.query.get("versionId"))
    return Reply(status=204, headers={})


def _create_multipart_upload(request: S3Request, bucket: Bucket) -> Reply:
    full = request.headers.get("x-amz-checksum-algorithm") == "CRC64NVME"
    if full and request.headers.get("x-amz-checksum-type") not in (None, "FULL_OBJECT"):
        raise S3Error(400, "InvalidRequest")
    upload = bucket.create_upload(request.key, _attributes(request), full_object_crc=full)
    return Reply(
        body=_document("InitiateMultipartUploadResult", Key=request.key, UploadId=upload.upload_id), headers={}
    )


def _upload_part(request: S3Request, bucket: Bucket) -> Reply:
    number = int(request.query["partNumber"])
    said = request.headers.get("x-amz-checksum-crc64nvme")
    part = bucket.put_part(request.key, request.query["uploadId"], number, request.body, said=said)
    headers = {"ETag": part.etag}
    if _shows_part_sums(bucket) and part.crc64nvme:
        headers["x-amz-checksum-crc64nvme"] = part.crc64nvme
    return Reply(headers=headers)


def _list_parts(request: S3Request, bucket: Bucket) -> Reply:
    upload = bucket.upload(request.key, request.query["uploadId"])
    after = int(request.query.get("part-number-marker") or 0)
    rest = [(number, part) for number, part in sorted(upload.parts.items()) if number > after]
    page = rest[: request.page_size]
    shows = _shows_part_sums(bucket)
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(part.etag)}</ETag><Size>{len(part.body)}</Size>"
        f"{f'<ChecksumCRC64NVME>{part.crc64nvme}</ChecksumCRC64NVME>' if shows and part.crc64nvme else ''}</Part>"
        for number, part in page
    )
    truncated = len(rest) > len(page)
    marker = f"<NextPartNumberMarker>{page[-1][0]}</NextPartNumberMarker>" if page else ""
    inner = f"{rows}<IsTruncated>{str(truncated).lower()}</IsTruncated>{marker}"
    return Reply(body=f'<ListPartsResult xmlns="{_NAMESPACE}">{inner}</ListPartsResult>'.encode(), headers={})


def _complete_multipart_upload(request: S3Request, bucket: Bucket) -> Reply:
    try:
        root = ElementTree.fromstring(request.body)  # noqa: S314 - our own client's
    except ElementTree.ParseError:
        raise S3Error(400, "MalformedXML") from None
    listed = [
        ListedPart(
            part_number=int(_text(part, "PartNumber") or 0),
            etag=_text(part, "ETag") or "",
            crc64nvme=_text(part, "ChecksumCRC64NVME"),
        )
        for part in root
    ]
    size = request.headers.get("x-amz-mp-object-size")
    version = bucket.complete(
        request.key,
        request.query["uploadId"],
        listed,
        crc64nvme=request.headers.get("x-amz-checksum-crc64nvme"),
        size_bytes=None if size is None else int(size),
        if_absent=_if_absent(request),
        fault=request.join_fault,
    )
    headers = _version_headers(bucket, version)
    headers.pop("ETag")
    return Reply(body=_document("CompleteMultipartUploadResult", Key=request.key, ETag=version.etag), headers=headers)


def _abort_multipart_upload(request: S3Request, bucket: Bucket) -> Reply:
    bucket.upload(request.key, request.query["uploadId"])
    del bucket.uploads[request.query["uploadId"]]
    return Reply(status=204, headers={})


def _list_multipart_uploads(request: S3Request, bucket: Bucket) -> Reply:
    after = (request.query.get("key-marker", ""), request.query.get("upload-id-marker", ""))
    prefix = request.query.get("prefix", "")
    rest = sorted(
        (upload.key, upload.upload_id, upload)
        for upload in bucket.uploads.values()
        if upload.key.startswith(prefix) and (upload.key, upload.upload_id) > after
    )
    page = rest[: request.page_size]
    rows = "".join(
        f"<Upload><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
        f"<Initiated>{upload.initiated.isoformat()}</Initiated></Upload>"
        for key, upload_id, upload in page
    )
    truncated = str(len(rest) > len(page)).lower()
    last = page[-1] if page else ("", "", None)
    inner = (
        f"{rows}<IsTruncated>{truncated}</IsTruncated><NextKeyMarker>{escape(last[0])}</NextKeyMarker>"
        f"<NextUploadIdMarker>{last[1]}</NextUploadIdMarker>"
    )
    return Reply(
        body=f'<ListMultipartUploadsResult xmlns="{_NAMESPACE}">{inner}</ListMultipartUploadsResult>'.encode(),
        headers={},
    )


def _list_object_versions(request: S3Request, bucket: Bucket) -> Reply:
    prefix = request.query.get("prefix", "")
    rows = "".join(
        f"<Version><Key>{escape(key)}</Key><VersionId>{version.version_id}</VersionId><ETag>{escape(version.etag)}</ETag>"
        f"<Size>{len(version.body)}</Size><LastModified>{version.modified.isoformat()}</LastModified></Version>"
        for key, versions in sorted(bucket.versions.items())
        if key.startswith(prefix)
        for version in versions
    )
    inner = f"{rows}<IsTruncated>false</IsTruncated>"
    return Reply(body=f'<ListVersionsResult xmlns="{_NAMESPACE}">{inner}</ListVersionsResult>'.encode(), headers={})


_OPERATIONS: Mapping[str, Callable[[S3Request, Bucket], Reply]] = {
    "PutObject": _put_object,
    "HeadObject": _head_object,
    "GetObject": _get_object,
    "DeleteObject": _delete_object,
    "CreateMultipartUpload": _create_multipart_upload,
    "UploadPart": _upload_part,
    "ListParts": _list_parts,
    "CompleteMultipartUpload": _complete_multipart_upload,
    "AbortMultipartUpload": _abort_multipart_upload,
    "ListMultipartUploads": _list_multipart_uploads,
    "ListObjectVersions": _list_object_versions,
}


def _attributes(request: S3Request) -> Attributes:
    headers = request.headers
    if headers.get("x-amz-storage-class", "STANDARD") not in STORAGE_CLASSES:
        raise S3Error(400, "InvalidStorageClass")
    return Attributes(
        content_type=headers.get("content-type", "binary/octet-stream"),
        metadata={name[11:]: value for name, value in headers.items() if name.startswith("x-amz-meta-")},
        headers=dict(headers),
    )


def _shows_part_sums(bucket: Bucket) -> bool:
    return bucket.shows_part_checksums and bucket.dialect.shown != "objects"


def _if_absent(request: S3Request) -> bool:
    return request.headers.get("if-none-match") == "*"


def _version_headers(bucket: Bucket, version: Version) -> dict[str, str]:
    headers = {"ETag": version.etag}
    if bucket.shows_checksums and bucket.dialect.shown != "parts" and version.crc64nvme:
        headers["x-amz-checksum-crc64nvme"] = version.crc64nvme
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    if bucket.versioned:
        headers["x-amz-version-id"] = version.version_id
    return headers


def _document(root: str, **fields: str) -> bytes:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()


def _text(element: ElementTree.Element, name: str) -> str | None:
    found = element.find(f"{{{_NAMESPACE}}}{name}")
    return found.text if found is not None else element.findtext(name)
