"""Documents in an S3 bucket, as `stores/documents.py` describes them."""

from dataclasses import replace as changed
from typing import Any, Final

from botocore.exceptions import ClientError

from recording_operator import checksums
from recording_operator.api.names import ARTIFACT_METADATA_KEY, UID_METADATA_KEY
from recording_operator.api.reasons import Reason
from recording_operator.stores.documents import DocumentOwner, DocumentTooLargeError, OwnedDocument
from recording_operator.stores.errors import StoreError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.errors import translated
from recording_operator.stores.s3.probe.first_write import write_if_absent

_NO_SUCH_KEY: Final = "NoSuchKey"
_WRITER: Final = "recording-operator"
"""What the metadata of a document says instead of a Recording's uid."""


def read(client: Any, *, bucket: str, key: str, most_bytes: int) -> OwnedDocument | None:
    """A document, or None. Raises StoreError, DocumentTooLargeError."""
    with translated("GetObject"):
        try:
            response = client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"].get("Code") == _NO_SUCH_KEY:
                return None
            raise
        with response["Body"] as body:
            data = bytes(body.read(most_bytes + 1)) if response["ContentLength"] <= most_bytes else None
    if data is None or len(data) > most_bytes:
        raise DocumentTooLargeError(key, most_bytes)
    # Some stores return header names in a different case.
    metadata = {name.lower(): value for name, value in response.get("Metadata", {}).items()}
    return OwnedDocument(
        data=data, recording_uid=metadata.get(UID_METADATA_KEY), name=metadata.get(ARTIFACT_METADATA_KEY)
    )


def create(store: S3Store, key: str, data: bytes, *, content_type: str, owner: DocumentOwner | None) -> bool:
    """Write a document to a free key, in the bucket's own storage class. Raises TransferError."""
    return write_if_absent(_writer(store), _document(key, content_type, owner), data)


def replace(
    store: S3Store, key: str, data: bytes, *, content_type: str, owner: DocumentOwner | None, if_match: str
) -> bool:
    """Write a document over the one with this ETag, in the bucket's own storage class. Raises TransferError."""
    writer, obj, crc = _writer(store), _document(key, content_type, owner), checksums.crc64nvme(data)
    if store.capabilities.conditional_writes:
        try:
            writer.put(obj, data, crc64nvme=crc, if_match=if_match)
        except StoreError as error:
            if error.reason is Reason.STORE_KEY_CONFLICT or error.code == _NO_SUCH_KEY:
                return False
            if error.reason is not Reason.STORE_UNSUPPORTED:
                raise
        else:
            return True
    # The store has no conditional writes, or only those to a free key.
    head = store.head(key)
    if head is None or head.stored.etag != if_match:
        return False
    writer.adapted(changed(store.capabilities, conditional_writes=False)).put(obj, data, crc64nvme=crc)
    return True


def _writer(store: S3Store) -> S3Store:
    return store.writing(store.options.of_documents)


def _document(key: str, content_type: str, owner: DocumentOwner | None) -> ObjectSpec:
    return ObjectSpec(
        key=key,
        content_type=content_type,
        kind="Other",
        recording_uid=owner.recording_uid if owner else _WRITER,
        artifact=owner.name if owner else "document",
        org=owner.org if owner else None,
    )


def delete(client: Any, *, bucket: str, key: str, version_id: str | None) -> None:
    """Delete exactly this version. Raises StoreError."""
    exactly = {} if version_id is None else {"VersionId": version_id}
    with translated("DeleteObject"):
        client.delete_object(Bucket=bucket, Key=key, **exactly)
