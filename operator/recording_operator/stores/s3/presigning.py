"""Presigned URLs: of objects in an S3 bucket, after a check that the object can be read, and of parts of uploads."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from recording_operator.api.names import UID_METADATA_KEY
from recording_operator.stores.presigning import (
    CdnKey,
    NotPresignableError,
    PresignedPart,
    PresignedUrl,
    disposition,
)
from recording_operator.stores.s3 import cdn as cloudfront
from recording_operator.stores.s3.archive import head_or_none, state_in
from recording_operator.stores.s3.attributes import etag_in
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.errors import translated

LONGEST: Final = timedelta(days=7)
"""The limit of Signature Version 4."""
_SHORTEST: Final = timedelta(seconds=1)


@dataclass(slots=True)
class _Lifetime:
    """How long the URL works, and why not for as long as requested."""

    until: datetime
    notes: tuple[str, ...] = ()

    def limit(self, to: datetime, why: str) -> None:
        if to < self.until:
            self.until = to
            self.notes = (*self.notes, f"The URL expires at {to:%Y-%m-%d %H:%M:%S} UTC: {why}.")


def presigned(
    client: Any,
    options: S3Options,
    key: str,
    *,
    version_id: str | None,
    recording_uid: str,
    etag: str | None,
    expires: timedelta,
    attachment: str | None,
    cdn: CdnKey | None,
) -> PresignedUrl:
    """As `Presigner` says."""
    now = datetime.now(UTC)
    lifetime = _Lifetime(until=now + min(expires, LONGEST))
    head = _head(client, options.bucket, key, version_id=version_id if cdn is None else None)
    if _metadata(head).get(UID_METADATA_KEY) != recording_uid:
        raise NotPresignableError("The object at the key does not belong to this Recording.")
    if etag and etag_in(head) != etag:
        raise NotPresignableError("The object at the key was replaced: it has another ETag than the one stored.")
    _check_archive(head, lifetime, now=now)
    saved_as = None if attachment is None else disposition(attachment)
    if cdn is not None:
        if version_id is not None and head.get("VersionId") != version_id:
            raise NotPresignableError(
                "The newest version at the key is not the one that was stored, and a CDN serves only the newest. "
                "Use a URL of the store itself (--no-cdn)."
            )
        query = {} if saved_as is None else {"response-content-disposition": saved_as}
        url = cloudfront.signed_url(cdn, key, expires_at=lifetime.until, query=query)
        return PresignedUrl(url=url, expires_at=lifetime.until, notes=lifetime.notes)
    seconds = _seconds(client, options, lifetime, now=now)
    fields = {
        "Bucket": options.bucket,
        "Key": key,
        "VersionId": version_id,
        "ResponseContentDisposition": saved_as,
    }
    wanted = {name: value for name, value in fields.items() if value is not None}
    with translated("GetObject"):
        url = str(client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds))
    return PresignedUrl(url=url, expires_at=lifetime.until, notes=lifetime.notes)


def presigned_part(
    client: Any,
    options: S3Options,
    key: str,
    upload_id: str,
    *,
    part_number: int,
    size_bytes: int,
    expires: timedelta,
    md5: bytes | None,
) -> PresignedPart:
    """As `Presigner` says."""
    now = datetime.now(UTC)
    lifetime = _Lifetime(until=now + min(expires, LONGEST))
    seconds = _seconds(client, options, lifetime, now=now)
    fields: dict[str, Any] = {
        "Bucket": options.bucket,
        "Key": key,
        "UploadId": upload_id,
        "PartNumber": part_number,
        "ContentLength": size_bytes,
    }
    headers = {"Content-Length": str(size_bytes)}
    if md5 is not None:
        fields["ContentMD5"] = headers["Content-MD5"] = base64.b64encode(md5).decode()
    with translated("UploadPart"):
        url = str(client.generate_presigned_url("upload_part", Params=fields, ExpiresIn=seconds))
    return PresignedPart(url=url, headers=headers, expires_at=lifetime.until, notes=lifetime.notes)


def _seconds(client: Any, options: S3Options, lifetime: _Lifetime, *, now: datetime) -> int:
    """How long a URL works that is signed now."""
    _check_credentials(client, options, lifetime)
    seconds = int((lifetime.until - now).total_seconds())
    if seconds < 1:
        raise NotPresignableError("The credentials have expired. Renew them.")
    return seconds


def _head(client: Any, bucket: str, key: str, *, version_id: str | None) -> Any:
    head = head_or_none(client, bucket=bucket, key=key, version_id=version_id)
    if head is None:
        what = "The object" if version_id is None else "This version of the object"
        message = f"{what} no longer exists in the store: a lifecycle rule or a person removed it."
        raise NotPresignableError(message, is_gone=True)
    return head


def _metadata(head: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in head.get("Metadata", {}).items()}


def _check_archive(head: Any, lifetime: _Lifetime, *, now: datetime) -> None:
    """Archived objects cannot be downloaded before they are restored, and a restored copy has an end."""
    state = state_in(head)
    if state.is_restoring:
        raise NotPresignableError(
            f"The object is archived ({state.archive}) and is being restored. Try again when that is done."
        )
    if not state.is_readable:
        raise NotPresignableError(
            f"The object is archived ({state.archive}) and must be restored before it can be downloaded: "
            "kubectl recordings restore."
        )
    if state.restored_until is not None:
        if state.restored_until - now < _SHORTEST:
            raise NotPresignableError(
                f"The restored copy of the archived object ({state.archive}) ended at "
                f"{state.restored_until:%Y-%m-%d %H:%M:%S} UTC. Restore it again: kubectl recordings restore."
            )
        lifetime.limit(state.restored_until, "the restored copy of the archived object ends")


def _check_credentials(client: Any, options: S3Options, lifetime: _Lifetime) -> None:
    """A URL works only as long as the credentials that signed it."""
    used = client._request_signer._credentials  # noqa: SLF001 - botocore has no other access to them
    expires_at = getattr(used, "_expiry_time", None)
    if isinstance(expires_at, datetime):
        lifetime.limit(expires_at.astimezone(UTC), "the credentials expire then")
    elif used is not None and used.token:
        source = "in the location's Secret" if options.credentials is not None else "of the environment"
        note = (
            f"The credentials {source} have a session token. The URL stops working when it expires, if that is sooner."
        )
        lifetime.notes = (*lifetime.notes, note)
