"""Lists a bucket page by page: only one page is in memory."""

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import ClientError

from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.s3.errors import status_of, translated
from recording_operator.stores.store import OpenUpload

_BAD_REQUEST: Final = 400


def may_list(client: Any, *, bucket: str, prefix: str) -> None:
    """List one key. Raises StoreError if that is not permitted, or there is no response."""
    with translated("ListObjectsV2"):
        client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)


def listed_objects(client: Any, *, bucket: str, prefix: str) -> Iterator[ListedObject]:
    """Every object whose key begins with `prefix`. Raises StoreError.

    If a page is truncated but has no continuation token, the listing fails, because it would be incomplete.
    """
    following: dict[str, str] = {}
    while True:
        with translated("ListObjectsV2"):
            page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, **following)
            if page.get("IsTruncated") and page.get("NextContinuationToken") in (None, *following.values()):
                raise OSError
            found = [_listed(entry) for entry in page.get("Contents", ())]
        yield from found
        if not page.get("IsTruncated"):
            return
        following = {"ContinuationToken": page["NextContinuationToken"]}


def _listed(entry: Any) -> ListedObject:
    return ListedObject(
        entry["Key"], entry["Size"], entry.get("StorageClass"), entry["LastModified"], entry.get("ETag", "")
    )


def listed_versions(client: Any, *, bucket: str, prefix: str) -> Iterator[ListedObject]:
    """Every version and delete marker whose key begins with `prefix`. Raises StoreError, also for half a listing.

    versitygw 1.8 repeats the last entry of a page as the first one of the next.
    """
    following: dict[str, str] = {}
    before = set[tuple[str, str]]()
    while True:
        with translated("ListObjectVersions"):
            page = client.list_object_versions(Bucket=bucket, Prefix=prefix, **following)
            after = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
            after = {name: value for name, value in after.items() if value}
            if page.get("IsTruncated") and (not after or after == following):
                raise OSError
            versions = [entry for entry in page.get("Versions", ()) if _id(entry) not in before]
            markers = [entry for entry in page.get("DeleteMarkers", ()) if _id(entry) not in before]
            before = {_id(entry) for entry in (*versions, *markers)}
            found = [*map(_version, versions), *map(_marker, markers)]
        yield from found
        if not page.get("IsTruncated"):
            return
        following = after


def _id(entry: Any) -> tuple[str, str]:
    return entry["Key"], entry.get("VersionId", "")


def _version(entry: Any) -> ListedObject:
    return ListedObject(
        entry["Key"],
        entry["Size"],
        entry.get("StorageClass"),
        entry["LastModified"],
        entry.get("ETag", ""),
        entry["IsLatest"],
    )


def _marker(entry: Any) -> ListedObject:
    return ListedObject(entry["Key"], 0, None, entry["LastModified"], "", entry["IsLatest"], True)


def open_uploads(client: Any, *, bucket: str, prefix: str) -> Iterator[OpenUpload]:
    """Open uploads whose key begins with `prefix`. Raises StoreError.

    If a store cannot continue its own listing (versitygw 1.8 responds with 400), only the first thousand are returned:
    process them, then list again.
    """
    markers: dict[str, str] = {}
    while True:
        try:
            with translated("ListMultipartUploads"):
                page = _uploads_page(client, bucket=bucket, prefix=prefix, markers=markers)
                found = [
                    OpenUpload(
                        key=str(upload["Key"]), upload_id=str(upload["UploadId"]), initiated_at=upload["Initiated"]
                    )
                    for upload in page.get("Uploads", [])
                ]
        except _ListingEnds:
            return
        yield from found
        following = {"KeyMarker": page.get("NextKeyMarker"), "UploadIdMarker": page.get("NextUploadIdMarker")}
        following = {name: value for name, value in following.items() if value}
        if not page.get("IsTruncated") or not following or following == markers:
            return
        markers = following


def _uploads_page(client: Any, *, bucket: str, prefix: str, markers: dict[str, str]) -> Any:
    try:
        return client.list_multipart_uploads(Bucket=bucket, Prefix=prefix, **markers)
    except ClientError as error:
        if markers and status_of(error) == _BAD_REQUEST:
            raise _ListingEnds from None
        raise


class _ListingEnds(Exception):  # noqa: N818 - control flow
    """The store cannot return the next page."""
