"""The parameters of requests that create an object, and the ETag and version in their responses."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3 import object_lock
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.store import WriteReceipt, metadata_of


def attributes_of(obj: ObjectSpec, options: S3Options) -> dict[str, Any]:
    """What a new object is besides its bytes: type, metadata, tags, storage class, encryption, access, retention."""
    attributes: dict[str, Any] = {
        "ContentType": obj.content_type,
        "ContentEncoding": obj.content_encoding,
        "ContentDisposition": _disposition(obj.key),
        "Metadata": dict(metadata_of(obj)),
        "StorageClass": options.storage_class,
        "ServerSideEncryption": options.encryption_type,
        "SSEKMSKeyId": options.kms_key_id,
        "BucketKeyEnabled": options.bucket_key_enabled,
        "ACL": options.acl,
        **object_lock.headers(options.lock, now=datetime.now(UTC)),
        "Tagging": urlencode(options.tags) or None,
    }
    return {name: value for name, value in attributes.items() if value is not None}


def receipt_of(response: Any) -> WriteReceipt:
    """The ETag and version of the object that was written."""
    return WriteReceipt(etag=etag_in(response), version_id=response.get("VersionId"))


def etag_in(response: Any) -> str:
    """The ETag without quotes; empty if there is none."""
    return str(response.get("ETag", "")).strip('"')


def _disposition(key: str) -> str:
    name = key.rpartition("/")[2]
    if name.isascii() and name.isprintable() and not set(name) & set('"\\;'):
        return f'inline; filename="{name}"'
    return f"inline; filename*=UTF-8''{quote(name, safe='')}"
