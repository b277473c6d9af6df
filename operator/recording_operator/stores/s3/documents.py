"""Documents in an S3 bucket, as `stores/documents.py` describes them."""

from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import ClientError

from recording_operator.stores.documents import DocumentTooLargeError
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.errors import translated
from recording_operator.stores.s3.probe.first_write import write_if_absent

_WRITER: Final = "recording-operator"
"""What the metadata of a document says instead of a Recording's uid."""


def read(client: Any, *, bucket: str, key: str, most_bytes: int) -> bytes | None:
    """The bytes of a document, or None. Raises StoreError, DocumentTooLargeError."""
    with translated("GetObject"):
        try:
            response = client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"].get("Code") == "NoSuchKey":
                return None
            raise
        with response["Body"] as body:
            data = bytes(body.read(most_bytes + 1)) if response["ContentLength"] <= most_bytes else None
    if data is None or len(data) > most_bytes:
        raise DocumentTooLargeError(key, most_bytes)
    return data


def create(store: S3Store, key: str, data: bytes, *, content_type: str) -> bool:
    """Write a document to a free key, in the bucket's own storage class. Raises TransferError."""
    obj = ObjectSpec(key=key, content_type=content_type, kind="Other", recording_uid=_WRITER, artifact="document")
    return write_if_absent(store.writing(replace(store.options, storage_class=None)), obj, data)


def delete(client: Any, *, bucket: str, key: str, version_id: str | None) -> None:
    """Delete exactly this version. Raises StoreError."""
    exactly = {} if version_id is None else {"VersionId": version_id}
    with translated("DeleteObject"):
        client.delete_object(Bucket=bucket, Key=key, **exactly)
