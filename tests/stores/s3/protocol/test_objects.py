"""Objects: written, read with ranges and conditions, deleted with their versions."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.support.s3_protocol import KEY
from tests.support.strict_bucket import Bucket
from tests.support.strict_client import S3Client
from tests.support.strict_store import StrictStore

BODY = b"0123456789"


def http_date(**ahead: float) -> str:
    """An instant from now."""
    return format_datetime(datetime.now(tz=UTC) + timedelta(**ahead), usegmt=True)


def versions_of(api: S3Client, name: str = "Version") -> list[str]:
    """Ids of the versions, or of the delete markers."""
    return api.get("", "versions=").texts(f"{name}/VersionId")


# Reading


def test_an_object_comes_with_its_facts(api: S3Client) -> None:
    given = {"content-type": "video/mp4", "content-disposition": "inline", "cache-control": "no-store"}
    given |= {"content-language": "de", "content-encoding": "gzip", "x-amz-meta-who": "me"}
    written = api.send("PUT", KEY, headers=given, body=BODY)
    etag = f'"{hashlib.md5(BODY, usedforsecurity=False).hexdigest()}"'
    assert written.headers["etag"] == etag
    for seen in (api.get(KEY), api.head(KEY)):
        assert {name: seen.headers[name] for name in given} == given
        assert (seen.headers["etag"], seen.headers["content-length"]) == (etag, "10")
        assert seen.headers["x-amz-version-id"] == written.headers["x-amz-version-id"]
        assert seen.headers["accept-ranges"] == "bytes"
        assert "last-modified" in seen.headers
    assert api.head(KEY).body == b""


def test_without_a_type_an_object_is_binary(api: S3Client) -> None:
    api.put(KEY)
    assert api.head(KEY).headers["content-type"] == "binary/octet-stream"


def test_every_object_is_encrypted_and_its_headers_state_it(api: S3Client) -> None:
    """PutObject: SSE-S3 is the default encryption of every bucket."""
    assert api.put(KEY).headers["x-amz-server-side-encryption"] == "AES256"
    assert api.head(KEY).headers["x-amz-server-side-encryption"] == "AES256"


RANGES = [
    ("bytes=0-3", b"0123", "bytes 0-3/10"),
    ("bytes=7-", b"789", "bytes 7-9/10"),
    ("bytes=-2", b"89", "bytes 8-9/10"),
    ("bytes=-20", BODY, "bytes 0-9/10"),
    ("bytes=8-20", b"89", "bytes 8-9/10"),
    ("bytes=0-0", b"0", "bytes 0-0/10"),
]


@pytest.mark.parametrize(("asked", "body", "shown"), RANGES)
def test_a_range_is_read(api: S3Client, asked: str, body: bytes, shown: str) -> None:
    api.put(KEY, BODY)
    seen = api.get(KEY, range=asked)
    assert (seen.status, seen.body, seen.headers["content-range"]) == (206, body, shown)
    assert seen.headers["content-length"] == str(len(body))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=20-30", "bytes=-0"])
def test_a_range_outside_is_416(api: S3Client, asked: str) -> None:
    api.put(KEY, BODY)
    assert api.get(KEY, range=asked).outcome == (416, "InvalidRange")
    assert api.head(KEY, range=asked).status == 416


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "bytes=5-2", "lines=1-2", "bytes=a-b", "bytes="])
def test_anything_but_a_single_range_is_ignored(api: S3Client, asked: str) -> None:
    """GetObject: several ranges are not supported."""
    api.put(KEY, BODY)
    seen = api.get(KEY, range=asked)
    assert (seen.status, seen.body) == (200, BODY)


def test_reading_under_conditions(api: S3Client) -> None:
    """GetObject: 412 where what must be is not, 304 where nothing is new; ETags decide before dates."""
    etag = api.put(KEY, BODY).headers["etag"]
    past, future = http_date(days=-1), http_date(days=1)
    assert api.get(KEY, if_match=etag).status == 200
    assert api.get(KEY, if_match='"0"').outcome == (412, "PreconditionFailed")
    assert api.get(KEY, if_unmodified_since=past).outcome == (412, "PreconditionFailed")
    assert api.get(KEY, if_match=etag, if_unmodified_since=past).status == 200
    assert api.get(KEY, if_modified_since=past).status == 200
    assert api.get(KEY, if_none_match='"0"').status == 200
    same = api.get(KEY, if_none_match=etag)
    assert (same.status, same.body) == (304, b"")
    assert api.head(KEY, if_none_match=etag).status == 304
    assert api.head(KEY, if_match='"0"').status == 412
    assert api.get(KEY, if_none_match='"0"', if_modified_since=future).status == 200


def test_a_304_names_the_etag(api: S3Client) -> None:
    """RFC 9110 section 15.4.5."""
    etag = api.put(KEY, BODY).headers["etag"]
    assert api.get(KEY, if_none_match=etag).headers["etag"] == etag


def test_a_response_can_be_given_other_headers(api: S3Client) -> None:
    api.put(KEY, BODY)
    assert api.get(KEY, "response-content-type=text%2Fplain").headers["content-type"] == "text/plain"


def test_absent_keys_are_404(api: S3Client) -> None:
    assert api.get(KEY).outcome == (404, "NoSuchKey")
    head = api.head(KEY)
    assert (head.status, head.body) == (404, b"")
    assert head.headers["x-amz-request-id"]


def test_without_the_permission_to_list_a_missing_key_is_not_revealed(
    strict_server: StrictStore, strict_api: S3Client
) -> None:
    """HeadObject and GetObject: 403 without s3:ListBucket."""
    strict_server.denied = {"ListBucket"}
    assert strict_api.get(KEY).outcome == (403, "AccessDenied")
    assert strict_api.head(KEY).status == 403
    assert strict_api.get("", "list-type=2").outcome == (403, "AccessDenied")
    strict_api.put(KEY, BODY)
    assert strict_api.get(KEY).body == BODY


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_cannot_be_read(strict_api: S3Client, storage_class: str) -> None:
    """GetObject: InvalidObjectState before it is restored; HeadObject works."""
    strict_api.put(KEY, BODY, x_amz_storage_class=storage_class)
    refusal = strict_api.get(KEY)
    assert (refusal.outcome, refusal.text("StorageClass")) == ((403, "InvalidObjectState"), storage_class)
    assert strict_api.head(KEY).headers["x-amz-storage-class"] == storage_class


ODD_KEYS = [
    "a b", "a+b", "a%2Fb", "a%b", "a//b", "ü/😀", "a&b=c?d#e", "quote\"'", "<xml>", "tab\there", "~", "a/./b",
    "a/", "/a", "a/../b", "a;b,c", "line\nbreak", "\u0085\u2028",
]  # fmt: skip


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_is_what_was_written(strict_api: S3Client, strict_server: StrictStore, key: str) -> None:
    """User guide, "Naming Amazon S3 objects": any UTF-8, to the byte."""
    assert strict_api.put(key, BODY).status == 200
    assert strict_server.keys() == [key]
    assert strict_api.get(key).body == BODY
    assert strict_api.get("", "list-type=2").texts("Contents/Key") == [key]
    assert strict_api.send("DELETE", key).status == 204
    assert strict_api.get(key).outcome == (404, "NoSuchKey")


# Writing under conditions


def test_a_write_where_nothing_may_be(api: S3Client) -> None:
    assert api.put(KEY, b"first", if_none_match="*").status == 200
    refusal = api.put(KEY, b"second", if_none_match="*")
    assert (refusal.outcome, refusal.text("Condition")) == ((412, "PreconditionFailed"), "If-None-Match")
    assert api.get(KEY).body == b"first"


def test_a_write_over_a_known_etag(api: S3Client) -> None:
    assert api.put(KEY, b"first", if_match='"0"').outcome == (404, "NoSuchKey")
    etag = api.put(KEY, b"first").headers["etag"]
    assert api.put(KEY, b"second", if_match='"0"').outcome == (412, "PreconditionFailed")
    assert api.put(KEY, b"second", if_match=etag).status == 200
    assert api.get(KEY).body == b"second"


def test_other_conditions_of_a_write_are_not_implemented(api: S3Client) -> None:
    api.put(KEY, b"first")
    assert api.put(KEY, b"second", if_none_match='"0"').outcome == (501, "NotImplemented")
    assert api.get(KEY).body == b"first"


def test_a_delete_marker_counts_as_nothing(api: S3Client) -> None:
    """PutObject, `If-None-Match`: written where the current version is a delete marker."""
    api.put(KEY, b"first")
    api.send("DELETE", KEY)
    assert api.put(KEY, b"second", if_none_match="*").status == 200


# Versions and deletion


def test_delete_without_a_version_hides_the_object_and_removes_nothing(api: S3Client) -> None:
    first = api.put(KEY, b"first").headers["x-amz-version-id"]
    second = api.put(KEY, b"second").headers["x-amz-version-id"]
    deleted = api.send("DELETE", KEY)
    assert (deleted.status, deleted.headers["x-amz-delete-marker"]) == (204, "true")
    marker = deleted.headers["x-amz-version-id"]
    assert versions_of(api) == [second, first]
    assert versions_of(api, "DeleteMarker") == [marker]
    assert api.get(KEY, f"versionId={first}").body == b"first"
    gone = api.get(KEY)
    assert (gone.outcome, gone.headers["x-amz-delete-marker"]) == ((404, "NoSuchKey"), "true")
    assert api.head(KEY).headers["x-amz-delete-marker"] == "true"
    refusal = api.get(KEY, f"versionId={marker}")
    assert (refusal.outcome, refusal.headers["x-amz-delete-marker"]) == ((405, "MethodNotAllowed"), "true")
    assert api.get("", "list-type=2").texts("Contents/Key") == []
    again = api.send("DELETE", KEY, f"versionId={marker}")
    assert (again.status, again.headers["x-amz-delete-marker"]) == (204, "true")
    assert api.get(KEY).body == b"second"


def test_delete_of_a_version_removes_exactly_that(api: S3Client) -> None:
    first = api.put(KEY, b"first").headers["x-amz-version-id"]
    second = api.put(KEY, b"second").headers["x-amz-version-id"]
    deleted = api.send("DELETE", KEY, f"versionId={second}")
    assert (deleted.status, deleted.headers["x-amz-version-id"]) == (204, second)
    assert "x-amz-delete-marker" not in deleted.headers
    assert (versions_of(api), api.get(KEY).body) == ([first], b"first")


def test_delete_of_what_is_absent_is_204(plain: S3Client) -> None:
    assert plain.send("DELETE", KEY).status == 204


def test_delete_of_an_absent_version_is_204(api: S3Client) -> None:
    version_id = api.put("other").headers["x-amz-version-id"]
    assert api.send("DELETE", KEY, f"versionId={version_id}").status == 204
    assert versions_of(api, "DeleteMarker") == []


def test_delete_of_an_absent_key_leaves_a_marker(api: S3Client) -> None:
    assert api.send("DELETE", KEY).headers["x-amz-delete-marker"] == "true"
    assert len(versions_of(api, "DeleteMarker")) == 1


def test_an_invalid_version_is_distinguished_from_a_missing_one(api: S3Client) -> None:
    version_id = api.put("other").headers["x-amz-version-id"]
    api.put(KEY)
    assert api.get(KEY, f"versionId={version_id}").outcome == (404, "NoSuchVersion")
    assert api.get(KEY, "versionId=x").outcome == (400, "InvalidArgument")
    assert api.send("DELETE", KEY, "versionId=x").outcome == (400, "InvalidArgument")


def test_an_empty_version_is_rejected(api: S3Client) -> None:
    api.put(KEY)
    assert api.get(KEY, "versionId=").outcome == (400, "InvalidArgument")
    assert api.send("DELETE", KEY, "versionId=").outcome == (400, "InvalidArgument")
    assert api.get(KEY).status == 200


def test_without_versions_a_later_object_takes_the_place_and_delete_removes(plain: S3Client) -> None:
    plain.put(KEY, b"first")
    written = plain.put(KEY, b"second")
    assert "x-amz-version-id" not in written.headers
    assert plain.get(KEY, "versionId=null").body == b"second"
    deleted = plain.send("DELETE", KEY)
    assert (deleted.status, "x-amz-delete-marker" in deleted.headers) == (204, False)
    assert plain.get(KEY).outcome == (404, "NoSuchKey")


def test_suspended_versions_leave_the_old_ones_and_overwrite_null(api: S3Client) -> None:
    """User guide, "Adding objects to versioning-suspended buckets" and "Deleting objects from" them."""
    first = api.put(KEY, b"first").headers["x-amz-version-id"]
    suspend = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    assert api.send("PUT", "", "versioning=", body=suspend).status == 200
    assert api.get("", "versioning=").text("Status") == "Suspended"
    api.put(KEY, b"second")
    api.put(KEY, b"third")
    assert sorted(versions_of(api)) == sorted([first, "null"])
    assert api.get(KEY, "versionId=null").body == b"third"
    api.send("DELETE", KEY)
    assert (versions_of(api), versions_of(api, "DeleteMarker")) == ([first], ["null"])


def test_delete_under_a_condition(strict_api: S3Client) -> None:
    """DeleteObject, `If-Match`."""
    etag = strict_api.put(KEY, BODY).headers["etag"]
    wrong = strict_api.send("DELETE", KEY, headers={"if-match": '"0"'})
    assert wrong.outcome == (412, "PreconditionFailed")
    assert strict_api.send("DELETE", KEY, headers={"if-match": etag}).status == 204
    assert strict_api.send("DELETE", KEY, headers={"if-match": "*"}).outcome == (412, "PreconditionFailed")


def test_many_keys_are_deleted_by_one_request(api: S3Client) -> None:
    """DeleteObjects: each has its own entry; the request states a checksum."""
    api.put(KEY)
    body = f"<Delete><Object><Key>{KEY}</Key></Object><Object><Key>absent</Key></Object></Delete>".encode()
    assert api.send("POST", "", "delete=", body=body).outcome == (400, "InvalidRequest")
    assert api.get(KEY).status == 200
    sha256 = base64.b64encode(hashlib.sha256(body).digest()).decode()
    done = api.send("POST", "", "delete=", body=body, headers={"x-amz-checksum-sha256": sha256})
    assert (done.status, sorted(done.texts("Deleted/Key"))) == (200, sorted([KEY, "absent"]))
    assert api.get(KEY).outcome == (404, "NoSuchKey")


def test_a_locked_version_is_not_deleted(strict_server: StrictStore, strict_api: S3Client) -> None:
    """User guide, "Locking objects with Object Lock": no version goes before its day, a marker is no deletion."""
    strict_server.bucket = Bucket(object_lock_days=30)
    assert strict_api.put(KEY, BODY).outcome == (400, "InvalidRequest")
    md5 = "eB5eJF1ptWaXm4bijSPyxw=="
    version_id = strict_api.put(KEY, BODY, content_md5=md5).headers["x-amz-version-id"]
    assert strict_api.send("DELETE", KEY, f"versionId={version_id}").outcome == (403, "AccessDenied")
    assert strict_api.send("DELETE", KEY).status == 204
    assert versions_of(strict_api) == [version_id]
