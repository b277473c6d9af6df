"""Lists a bucket page by page: only one page is in memory."""

from collections.abc import Iterator
from typing import Any

from recording_operator.stores.inventory import ListedObject
from recording_operator.stores.s3.errors import translated


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
    """Every version and delete marker whose key begins with `prefix`. Raises StoreError, also for half a listing."""
    following: dict[str, str] = {}
    while True:
        with translated("ListObjectVersions"):
            page = client.list_object_versions(Bucket=bucket, Prefix=prefix, **following)
            after = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
            after = {name: value for name, value in after.items() if value}
            if page.get("IsTruncated") and (not after or after == following):
                raise OSError
            found = [_version(entry) for entry in page.get("Versions", ())]
            found += [_marker(entry) for entry in page.get("DeleteMarkers", ())]
        yield from found
        if not page.get("IsTruncated"):
            return
        following = after


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
