"""The operations on multipart uploads of a strict bucket, from a request to a response.

Source: API reference, CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload.
"""

from xml.etree import ElementTree

from tests.support import strict_multipart as multipart
from tests.support.strict_bucket import Bucket
from tests.support.strict_checksums import ALGORITHMS, Checksum, upload_checksum
from tests.support.strict_errors import S3Error, not_implemented
from tests.support.strict_limits import attributes_of, check_no_encryption, check_summed
from tests.support.strict_listings import shown_part_checksum
from tests.support.strict_multipart import ListedPart, Whole
from tests.support.strict_objects import shows_object_checksum, version_headers, write_condition
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_xml import document, elements, malformed, parsed, required

_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


def create_multipart_upload(request: S3Request, bucket: Bucket) -> Reply:
    """CreateMultipartUpload."""
    _check_unconditional(request)
    checksum = upload_checksum(request.headers) if bucket.dialect.sums == "kept" else None
    attributes = attributes_of(request.headers, bucket, secure=request.secure)
    upload = multipart.create_upload(bucket, request.key, attributes, checksum)
    headers = dict(attributes.encryption)
    if upload.algorithm and upload.kind:
        headers |= {"x-amz-checksum-algorithm": upload.algorithm, "x-amz-checksum-type": upload.kind}
    named = {"Bucket": request.bucket_name, "Key": request.key, "UploadId": upload.upload_id}
    return Reply(body=document("InitiateMultipartUploadResult", elements(named)), headers=headers)


def upload_part(request: S3Request, bucket: Bucket) -> Reply:
    """UploadPart."""
    _check_unconditional(request)
    check_no_encryption(request.headers, secure=request.secure)
    number = multipart.part_number_of(request.query.get("partNumber", ""))
    upload = multipart.open_upload(bucket, request.key, request.query["uploadId"])
    retention = upload.attributes.retention
    locked = retention is not None and retention.stated
    check_summed(request.headers, bucket, of="Upload Part", locked=locked)
    multipart.check_part_checksum(bucket, upload, request.checksum)
    part = multipart.put_part(bucket, request.key, upload.upload_id, number, request.body, said=request.checksum)
    headers = {"ETag": part.etag, **upload.attributes.encryption}
    if part.checksum and shown_part_checksum(bucket, part.checksum, asked=upload.algorithm is not None):
        headers[part.checksum.header] = part.checksum.value
    return Reply(headers=headers)


def complete_multipart_upload(request: S3Request, bucket: Bucket) -> Reply:
    """CompleteMultipartUpload."""
    check_no_encryption(request.headers, secure=request.secure)
    if not request.body:
        raise S3Error("InvalidRequest", "You must specify at least one part")
    listed = [_listed(part) for part in parsed(request.body, "CompleteMultipartUpload")]
    if not listed:
        raise malformed()
    whole = Whole(
        checksum=request.checksum,
        kind=request.headers.get("x-amz-checksum-type"),
        size_bytes=_size(request.headers.get("x-amz-mp-object-size")),
        condition=write_condition(request),
    )
    upload_id = request.query["uploadId"]
    version = multipart.complete(bucket, request.key, upload_id, listed, whole, fault=request.join_fault)
    facts: dict[str, object] = {"Location": f"http://{request.bucket_name}.s3.amazonaws.com/{request.key}"}
    facts |= {"Bucket": request.bucket_name, "Key": request.key, "ETag": version.etag}
    if shows_object_checksum(bucket, version) and version.checksum:
        facts |= {version.checksum.element: version.checksum.value, "ChecksumType": version.checksum.kind}
    headers = version_headers(bucket, version)
    headers.pop("ETag")
    return Reply(body=document("CompleteMultipartUploadResult", elements(facts)), headers=headers)


def abort_multipart_upload(request: S3Request, bucket: Bucket) -> Reply:
    """AbortMultipartUpload."""
    upload = multipart.open_upload(bucket, request.key, request.query["uploadId"])
    del bucket.uploads[upload.upload_id]
    return Reply(status=204)


def _listed(part: ElementTree.Element) -> ListedPart:
    number = required(part, "PartNumber") if part.tag == "Part" else ""
    if not (number.isascii() and number.isdecimal()):
        raise malformed()
    stated = [(algorithm, part.findtext(f"Checksum{algorithm}")) for algorithm in ALGORITHMS]
    checksums = tuple(Checksum(algorithm=algorithm, value=value) for algorithm, value in stated if value is not None)
    known = {"PartNumber", "ETag", *(f"Checksum{algorithm}" for algorithm in ALGORITHMS)}
    if any(child.tag not in known for child in part):
        raise malformed()
    return ListedPart(part_number=int(number), etag=required(part, "ETag"), checksums=checksums)


def _size(stated: str | None) -> int | None:
    if stated is None:
        return None
    if not (stated.isascii() and stated.isdecimal()):
        raise S3Error("InvalidRequest", "Value for x-amz-mp-object-size header is invalid")
    return int(stated)


def _check_unconditional(request: S3Request) -> None:
    for name in _CONDITIONS:
        if name in request.headers:
            raise not_implemented(name)
