"""Each S3 operation by its name, the operations on the bucket itself, and the responses of faults."""

import re
from collections.abc import Callable, Mapping

from tests.support import strict_copies as copies
from tests.support import strict_lifecycle as lifecycle
from tests.support import strict_listings as listings
from tests.support import strict_objects as objects
from tests.support import strict_restores as restores
from tests.support import strict_uploads as uploads
from tests.support.strict_bucket import Bucket
from tests.support.strict_checksums import crc64nvme_of
from tests.support.strict_errors import S3Error
from tests.support.strict_request import Reply, S3Request
from tests.support.strict_xml import document, element, elements, malformed, parsed


def perform(request: S3Request, bucket: Bucket) -> Reply:
    """Execute the request. Raises S3Error."""
    return _OPERATIONS[request.operation](request, bucket)


def rights_of(operation: str, query: Mapping[str, str], headers: Mapping[str, str]) -> set[str]:
    """The permissions that the sender needs.

    Source: user guide, "Required permissions for Amazon S3 API operations".
    """
    rights = {operation}
    if operation in ("ListObjects", "ListObjectsV2", "HeadBucket"):
        rights.add("ListBucket")
    if operation == "ListObjectVersions":
        rights.add("ListBucketVersions")
    if "versionId" in query and operation in ("GetObject", "HeadObject", "DeleteObject"):
        rights.add("DeleteObjectVersion" if operation == "DeleteObject" else "GetObjectVersion")
    if "x-amz-copy-source" in headers:
        of_version = "versionId=" in headers["x-amz-copy-source"]
        rights |= {
            "GetObjectVersion" if of_version else "GetObject",
            operation.removesuffix("Copy").replace("Copy", "Put"),
        }
    rights |= _LIFECYCLE_RIGHTS.get(operation, set())
    if "x-amz-tagging" in headers:
        rights.add("PutObjectTagging")
    if "x-amz-acl" in headers:
        rights.add("PutObjectAcl")
    if "x-amz-object-lock-mode" in headers:
        rights.add("PutObjectRetention")
    if "x-amz-object-lock-legal-hold" in headers:
        rights.add("PutObjectLegalHold")
    if "x-amz-bypass-governance-retention" in headers:
        rights.add("BypassGovernanceRetention")
    return rights


_LIFECYCLE_RIGHTS: Mapping[str, set[str]] = {
    "GetBucketLifecycleConfiguration": {"GetLifecycleConfiguration"},
    "PutBucketLifecycleConfiguration": {"PutLifecycleConfiguration"},
    "DeleteBucketLifecycle": {"PutLifecycleConfiguration"},
}


def false_answer(operation: str, key: str) -> bytes:
    """A successful response to a request that was not executed."""
    if operation == "CompleteMultipartUpload":
        return document("CompleteMultipartUploadResult", elements({"Key": key, "ETag": '"0-1"'}))
    return b""


def untrue(reply: Reply, about: str) -> Reply:
    """The response to HeadObject or ListParts with one wrong value."""
    headers, body = dict(reply.headers), reply.body
    if about == "absent":
        raise S3Error("NoSuchKey")
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


def _list_buckets(request: S3Request, _: Bucket) -> Reply:
    owner = element("Owner", elements({"ID": "owner"}))
    bucket = element("Bucket", elements({"Name": request.bucket_name, "BucketRegion": request.region}))
    return Reply(body=document("ListAllMyBucketsResult", owner + element("Buckets", bucket)))


def _head_bucket(request: S3Request, _: Bucket) -> Reply:
    return Reply(headers={"x-amz-bucket-region": request.region})


def _get_bucket_location(request: S3Request, _: Bucket) -> Reply:
    return Reply(body=document("LocationConstraint", "" if request.region == "us-east-1" else request.region))


def _get_bucket_versioning(_: S3Request, bucket: Bucket) -> Reply:
    status = None if not bucket.versioned else "Suspended" if bucket.suspended else "Enabled"
    return Reply(body=document("VersioningConfiguration", elements({"Status": status})))


def _put_bucket_versioning(request: S3Request, bucket: Bucket) -> Reply:
    status = parsed(request.body, "VersioningConfiguration").findtext("Status")
    if status not in ("Enabled", "Suspended"):
        raise malformed()
    bucket.versioned, bucket.suspended = True, status == "Suspended"
    return Reply()


def _get_object_lock_configuration(_: S3Request, bucket: Bucket) -> Reply:
    if bucket.object_lock_days is None:
        raise S3Error("ObjectLockConfigurationNotFoundError")
    rule = ""
    if bucket.object_lock_days:
        retention = elements({"Mode": "COMPLIANCE", "Days": bucket.object_lock_days})
        rule = element("Rule", element("DefaultRetention", retention))
    return Reply(body=document("ObjectLockConfiguration", elements({"ObjectLockEnabled": "Enabled"}) + rule))


_OPERATIONS: Mapping[str, Callable[[S3Request, Bucket], Reply]] = {
    "PutObject": objects.put_object,
    "HeadObject": objects.head_object,
    "GetObject": objects.get_object,
    "DeleteObject": objects.delete_object,
    "DeleteObjects": objects.delete_objects,
    "PutObjectTagging": objects.put_object_tagging,
    "GetObjectTagging": objects.get_object_tagging,
    "DeleteObjectTagging": objects.delete_object_tagging,
    "GetObjectAttributes": objects.get_object_attributes,
    "RestoreObject": restores.restore_object,
    "CopyObject": copies.copy_object,
    "UploadPartCopy": copies.upload_part_copy,
    "CreateMultipartUpload": uploads.create_multipart_upload,
    "UploadPart": uploads.upload_part,
    "CompleteMultipartUpload": uploads.complete_multipart_upload,
    "AbortMultipartUpload": uploads.abort_multipart_upload,
    "ListParts": listings.list_parts,
    "ListMultipartUploads": listings.list_multipart_uploads,
    "ListObjects": listings.list_objects,
    "ListObjectsV2": listings.list_objects_v2,
    "ListObjectVersions": listings.list_object_versions,
    "ListBuckets": _list_buckets,
    "HeadBucket": _head_bucket,
    "GetBucketLocation": _get_bucket_location,
    "GetBucketVersioning": _get_bucket_versioning,
    "PutBucketVersioning": _put_bucket_versioning,
    "GetObjectLockConfiguration": _get_object_lock_configuration,
    "GetBucketLifecycleConfiguration": lifecycle.get_lifecycle,
    "PutBucketLifecycleConfiguration": lifecycle.put_lifecycle,
    "DeleteBucketLifecycle": lifecycle.delete_lifecycle,
}
