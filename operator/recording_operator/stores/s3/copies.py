"""Copies inside an S3 service: it reads the source itself, with the credentials of the destination.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html and API_UploadPartCopy.html
"""

import re
from typing import Any, Final

from recording_operator import checksums
from recording_operator.api.reasons import Reason
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.s3.attributes import attributes_of, etag_in
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.errors import translated
from recording_operator.stores.store import Span, Store, StoredPart, WriteReceipt

_MD5: Final = re.compile(r"[0-9a-f]{32}(?:-([0-9]{1,5}))?")


class CopyingBucket:
    """The copies of `S3Store`."""

    def __init__(self, options: S3Options, *, capabilities: Capabilities, client: Any) -> None:
        self.options: Final = options
        self.capabilities: Final = capabilities
        self._client: Final[Any] = client

    def copies_from(self, source: Store) -> bool:
        """Whether both are buckets of one service."""
        return isinstance(source, CopyingBucket) and source.options.endpoint == self.options.endpoint

    def md5_part_bytes(self, stored: StoredObject) -> int | None:
        """From HEAD of the first part, because S3 states no other sizes of parts without checksums."""
        count = _MD5.fullmatch(stored.etag)
        if count is None or not self.capabilities.md5_etags:
            return None
        part = {} if count[1] is None else {"PartNumber": 1}
        version = {} if stored.version_id is None else {"VersionId": stored.version_id}
        with translated("HeadObject"):
            response = self._client.head_object(
                Bucket=self.options.bucket, Key=stored.key, IfMatch=f'"{stored.etag}"', **part, **version
            )
            size_bytes = int(response["ContentLength"])
        # API reference, Object: the ETag of an object with another encryption is not an MD5.
        if response.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in response:
            return None
        parts = -(-stored.size_bytes // size_bytes) if size_bytes else 0
        return size_bytes if parts == int(count[1] or 1) else None

    def copy(self, obj: ObjectSpec, *, source: Store, stored: StoredObject) -> WriteReceipt:
        """Copy up to 5 GiB in one request."""
        checksum = {"ChecksumAlgorithm": "CRC64NVME"} if self.capabilities.request_checksums else {}
        with translated("CopyObject"):
            response = self._client.copy_object(
                Bucket=self.options.bucket,
                Key=obj.key,
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                **_source(source, stored),
                **checksum,
                **({"IfNoneMatch": "*"} if self.capabilities.conditional_writes else {}),
                **attributes_of(obj, self.options),
            )
            return WriteReceipt(etag=etag_in(response["CopyObjectResult"]), version_id=response.get("VersionId"))

    def copy_part(
        self, key: str, upload_id: str, *, part_number: int, source: Store, stored: StoredObject, span: Span
    ) -> StoredPart:
        """Copy one part of an open upload."""
        with translated("UploadPartCopy"):
            response = self._client.upload_part_copy(
                Bucket=self.options.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=part_number,
                CopySourceRange=f"bytes={span[0]}-{span[1] - 1}",
                **_source(source, stored),
            )
            result = response["CopyPartResult"]
        stated = result.get("ChecksumCRC64NVME") if self.capabilities.part_checksums else None
        return StoredPart(
            part_number=part_number,
            size_bytes=span[1] - span[0],
            etag=etag_in(result),
            crc64nvme=checksums.from_base64(stated),
        )


def _source(source: Store, stored: StoredObject) -> dict[str, Any]:
    if not isinstance(source, CopyingBucket):
        raise StoreError(Reason.STORE_UNSUPPORTED, "The store copies only objects of its own service.")
    named = {"Bucket": source.options.bucket, "Key": stored.key}
    version = {} if stored.version_id is None else {"VersionId": stored.version_id}
    return {"CopySource": {**named, **version}, "CopySourceIfMatch": f'"{stored.etag}"'}
