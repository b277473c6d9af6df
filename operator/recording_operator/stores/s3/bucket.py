"""An S3 bucket as a Store, through botocore."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from recording_operator import checksums
from recording_operator.api.names import (
    ARTIFACT_METADATA_KEY,
    ORG_METADATA_KEY,
    SOURCE_ETAG_METADATA_KEY,
    UID_METADATA_KEY,
)
from recording_operator.api.reasons import Reason
from recording_operator.stores.capabilities import UNKNOWN, Capabilities
from recording_operator.stores.errors import StoreError
from recording_operator.stores.inventory import AccessLogTally, ListedObject, LoggedDownload
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.s3 import cloudwatch, object_lock
from recording_operator.stores.s3.access_logs import logged_downloads
from recording_operator.stores.s3.attributes import attributes_of, etag_in, receipt_of
from recording_operator.stores.s3.client import S3Connection, S3Options, connect
from recording_operator.stores.s3.copies import CopyingBucket
from recording_operator.stores.s3.errors import status_of, translated
from recording_operator.stores.s3.listing import listed_objects, listed_versions, may_list, open_uploads
from recording_operator.stores.s3.retention import retention_of
from recording_operator.stores.s3.transport.framing import FramedBody, PlainBody
from recording_operator.stores.store import (
    ObjectHead,
    OpenUpload,
    PartBody,
    Span,
    StoredPart,
    WriteReceipt,
)

_NOT_FOUND: Final = 404
_READ_BYTES: Final = 256 * 2**10


class S3Store(CopyingBucket):
    """One bucket with one set of credentials. Safe for many threads. Raises the errors that `Store` describes."""

    def __init__(
        self, options: S3Options, *, capabilities: Capabilities | None = None, connection: S3Connection | None = None
    ) -> None:
        """Without `capabilities`, requests are made as for AWS S3, but no capability is relied on."""
        self._connection: Final = connection or connect(options)
        super().__init__(options, capabilities=capabilities or UNKNOWN, client=self._connection.client)

    def adapted(self, capabilities: Capabilities) -> Self:
        """The same client, for a store with these capabilities. `self` does not change."""
        return type(self)(self.options, capabilities=capabilities, connection=self._connection)

    def writing(self, options: S3Options) -> Self:
        """The same client, which writes objects with the attributes of other options."""
        return type(self)(options, capabilities=self.capabilities, connection=self._connection)

    @property
    def rejected_body_bytes(self) -> int | None:
        """Size of the last body that the store, or a proxy in front of it, rejected as too large; None if none was."""
        return self._connection.rejected.body_bytes

    @property
    def retry_after_s(self) -> float:
        """Remaining seconds of the last `Retry-After` of the store."""
        return self._connection.retries.retry_after_s

    def forget_rejected_body(self) -> None:
        """Reset `rejected_body_bytes`: the store has accepted a body of that size."""
        self._connection.rejected.body_bytes = None

    def check_object_lock(self) -> None:
        """Check that the bucket has S3 Object Lock. Raises LocationError and StoreError."""
        object_lock.check_bucket(self._client, bucket=self.options.bucket)

    def uri(self, key: str) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.options.bucket}/{key}"

    def close(self) -> None:
        """Drop idle connections."""
        self._connection.close()

    def head(self, key: str, *, version_id: str | None = None) -> ObjectHead | None:
        """The object at the key, or None. Without `version_id`, the current version."""
        with translated("HeadObject"):
            try:
                mode = {"ChecksumMode": "ENABLED"} if self.capabilities.request_checksums else {}
                response = self._client.head_object(Bucket=self.options.bucket, Key=key, **mode, **_version(version_id))
            except ClientError as error:
                if status_of(error) == _NOT_FOUND:
                    return None
                raise
            return self._object_head(key, response)

    def put(self, obj: ObjectSpec, body: bytes, *, crc64nvme: int, if_match: str | None = None) -> WriteReceipt:
        """Store a small object if the key is free, or over the one with this ETag. The store verifies the checksum."""
        checksum = {"ChecksumCRC64NVME": checksums.to_base64(crc64nvme)}
        if not self.capabilities.request_checksums:
            checksum = {"ContentMD5": _md5_header(body)}
        with self._connection.rejected.noting(len(body)), translated("PutObject"):
            response = self._client.put_object(
                Bucket=self.options.bucket,
                Key=obj.key,
                Body=body,
                **checksum,
                **(self._if_absent() if if_match is None else {"IfMatch": f'"{if_match}"'}),
                **attributes_of(obj, self.options),
            )
        return receipt_of(response)

    def create_upload(
        self,
        obj: ObjectSpec,
        *,
        part_size_bytes: int | None = None,  # noqa: ARG002 - S3 needs none
        by_client: bool = False,
    ) -> str:
        """Create a multipart upload with a checksum of the whole object. S3 then requires one of each part, too."""
        kind = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
        with translated("CreateMultipartUpload"):
            response = self._client.create_multipart_upload(
                Bucket=self.options.bucket,
                Key=obj.key,
                **(kind if self.capabilities.request_checksums and not by_client else {}),
                **attributes_of(obj, self.options),
            )
            return str(response["UploadId"])

    def upload_part(self, key: str, upload_id: str, *, part_number: int, body: PartBody) -> StoredPart:
        """Upload one part with its checksum in a trailer. If the store does not support that, compare its ETag."""
        supported = self.capabilities
        sent = FramedBody(body) if supported.checksum_trailers else PlainBody(body, md5=supported.md5_etags)
        with self._connection.rejected.noting(len(body)), translated("UploadPart"):
            response = self._client.upload_part(
                Bucket=self.options.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=part_number,
                Body=sent,
            )
            part = StoredPart(
                part_number=part_number,
                size_bytes=len(body),
                etag=_stated_etag(response),
                crc64nvme=self._part_checksum(response),
            )
        if isinstance(sent, PlainBody) and supported.md5_etags and part.etag != sent.md5_hex:
            raise StoreError(Reason.STORE_INTEGRITY, "The bytes in the store differ from those sent.")
        return part

    def upload_part_with_md5(self, key: str, upload_id: str, *, part_number: int, body: bytes) -> None:
        """Upload a small part with the header Content-MD5, which some stores require. Streamed parts cannot have it."""
        with translated("UploadPart"):
            self._client.upload_part(
                Bucket=self.options.bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=part_number,
                Body=body,
                ContentMD5=_md5_header(body),
            )

    def list_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """Every part of an open upload, by part number."""
        with translated("ListParts"):
            pages = self._client.get_paginator("list_parts").paginate(
                Bucket=self.options.bucket, Key=key, UploadId=upload_id
            )
            return [
                StoredPart(
                    part_number=int(part["PartNumber"]),
                    size_bytes=int(part["Size"]),
                    etag=etag_in(part),
                    crc64nvme=self._part_checksum(part),
                    uploaded_at=part.get("LastModified"),
                )
                for page in pages
                for part in page.get("Parts", [])
            ]

    def sent_parts(self, key: str, upload_id: str) -> Sequence[StoredPart]:
        """The same: the store reads nothing for a list."""
        return self.list_parts(key, upload_id)

    def complete(
        self, obj: ObjectSpec, upload_id: str, parts: Sequence[StoredPart], *, size_bytes: int, crc64nvme: int | None
    ) -> WriteReceipt:
        """Complete the upload if the key is free. The store verifies order, checksums and size."""
        with_checksums = self.capabilities.request_checksums and crc64nvme is not None
        listed = [
            {
                "PartNumber": part.part_number,
                "ETag": f'"{part.etag}"',
                **(
                    {"ChecksumCRC64NVME": checksums.to_base64(part.crc64nvme)}
                    if with_checksums and part.crc64nvme is not None
                    else {}
                ),
            }
            for part in parts
        ]
        whole: dict[str, Any] = {
            "ChecksumCRC64NVME": checksums.to_base64(crc64nvme or 0),
            "ChecksumType": "FULL_OBJECT",
            "MpuObjectSize": size_bytes,
        }
        with translated("CompleteMultipartUpload", invalid=Reason.STORE_INTEGRITY):
            response = self._client.complete_multipart_upload(
                Bucket=self.options.bucket,
                Key=obj.key,
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},
                **(whole if with_checksums else {}),
                **self._if_absent(),
            )
        return receipt_of(response)

    def abort(self, key: str, upload_id: str) -> bool:
        """Abort an open upload. False if it did not exist."""
        with translated("AbortMultipartUpload"):
            try:
                self._client.abort_multipart_upload(Bucket=self.options.bucket, Key=key, UploadId=upload_id)
            except ClientError as error:
                if status_of(error) == _NOT_FOUND and error.response["Error"].get("Code") == "NoSuchUpload":
                    return False
                raise
        return True

    def uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """Open uploads whose key begins with `prefix`. Of some stores only the first thousand, see `open_uploads`."""
        return open_uploads(self._client, bucket=self.options.bucket, prefix=prefix)

    def may_list(self, prefix: str) -> None:
        """List one key below `prefix`. Raises StoreError if that is not permitted or fails."""
        may_list(self._client, bucket=self.options.bucket, prefix=prefix)

    def objects(self, prefix: str) -> Iterator[ListedObject]:
        """Every object whose key begins with `prefix`, page by page. Raises StoreError."""
        return listed_objects(self._client, bucket=self.options.bucket, prefix=prefix)

    def versions(self, prefix: str) -> Iterator[ListedObject]:
        """Every version and delete marker whose key begins with `prefix`, page by page. Raises StoreError."""
        return listed_versions(self._client, bucket=self.options.bucket, prefix=prefix)

    def downloads(self, filter_id: str, *, begin: datetime, end: datetime) -> dict[date, int]:
        """Bytes downloaded from the bucket by day, from CloudWatch. Raises StoreError."""
        bucket, now = self.options.bucket, datetime.now(UTC)
        with cloudwatch.connected(self.options) as client:
            return cloudwatch.downloaded_bytes(
                client, bucket=bucket, filter_id=filter_id, begin=begin, end=end, now=now
            )

    def logged_downloads(
        self,
        tally: AccessLogTally,
        *,
        logs_bucket: str,
        logs_prefix: str,
        begin: datetime,
        end: datetime,
        stop: Callable[[], None],
    ) -> Iterator[LoggedDownload]:
        """Downloads from the bucket, from its server access logs. Raises StoreError."""
        return logged_downloads(
            self._client,
            tally,
            bucket=self.options.bucket,
            logs_bucket=logs_bucket,
            logs_prefix=logs_prefix,
            begin=begin,
            end=end,
            stop=stop,
        )

    def read(
        self, stored: StoredObject, *, span: Span | None = None, allow: Callable[[int], int] = int
    ) -> Iterator[bytes]:
        """Read exactly this version."""
        part = {} if span is None else {"Range": f"bytes={span[0]}-{span[1] - 1}", "IfMatch": f'"{stored.etag}"'}
        with translated("GetObject"):
            response = self._client.get_object(
                Bucket=self.options.bucket, Key=stored.key, **part, **_version(stored.version_id)
            )
            with response["Body"] as body:
                while data := body.read(allow(_READ_BYTES)):
                    yield data

    def delete(self, key: str, *, version_id: str | None, recording_uid: str) -> bool:
        """Delete exactly this version, if its metadata names the Recording."""
        head = self.head(key, version_id=version_id)
        if head is None or head.recording_uid != recording_uid:
            return False
        exactly = _version(version_id or head.stored.version_id)
        with translated("DeleteObject"):
            try:
                self._client.delete_object(Bucket=self.options.bucket, Key=key, **exactly)
            except ClientError as error:
                protected = retention_of(error, self._client, bucket=self.options.bucket, key=key, version=exactly)
                if protected is not None:
                    raise protected from None
                raise
        return True

    def _object_head(self, key: str, response: Any) -> ObjectHead:
        stated = response.get("ChecksumCRC64NVME") if self.capabilities.full_object_checksums else None
        crc = checksums.from_base64(stated)
        # Some stores return header names in a different case.
        metadata = {name.lower(): value for name, value in response.get("Metadata", {}).items()}
        return ObjectHead(
            stored=StoredObject(
                key=key,
                uri=self.uri(key),
                size_bytes=int(response["ContentLength"]),
                etag=_stated_etag(response),
                version_id=response.get("VersionId"),
                checksum="" if crc is None else checksums.to_text(crc),
                content_type=str(response.get("ContentType", "")),
                content_encoding=response.get("ContentEncoding"),
            ),
            recording_uid=metadata.get(UID_METADATA_KEY),
            artifact=metadata.get(ARTIFACT_METADATA_KEY),
            org=metadata.get(ORG_METADATA_KEY),
            source_etag=metadata.get(SOURCE_ETAG_METADATA_KEY),
        )

    def _if_absent(self) -> dict[str, str]:
        return {"IfNoneMatch": "*"} if self.capabilities.conditional_writes else {}

    def _part_checksum(self, response: Any) -> int | None:
        if not self.capabilities.part_checksums:
            return None
        return checksums.from_base64(response.get("ChecksumCRC64NVME"))


def _version(version_id: str | None) -> dict[str, str]:
    return {} if version_id is None else {"VersionId": version_id}


def _md5_header(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _stated_etag(response: Any) -> str:
    """The ETag in a response about an object or a part. Raises KeyError if there is none, as in a login page."""
    return str(response["ETag"]).strip('"')
