"""Listings: order, pages, markers, prefixes and errors."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.s3_protocol import Point, refused
from tests.support.strict_client import Response, S3Client

V2, V1, VERSIONS = "ListObjectsV2", "ListObjects", "ListObjectVersions"
UPLOADS, PARTS = "ListMultipartUploads", "ListParts"
# Sorted as UTF-8 sorts them: capitals first, then ASCII, then what takes more bytes.
KEYS = ["A", "a-1", "a/1", "a/2", "b/x/1", "b/x/2", "c", "z", "é", "ﬁ", "😀"]


@pytest.fixture
def filled(api: S3Client) -> S3Client:
    """A bucket with KEYS, written in another order."""
    for key in reversed(KEYS):
        assert api.put(key).status == 200
    return api


def pages(api: S3Client, query: str, path: str, following: tuple[tuple[str, str], ...]) -> Iterator[list[str]]:
    """Every page of a listing. `following` maps elements of a page to parameters of the next request."""
    more = ""
    for _ in range(20):
        page = api.get("", f"{query}{more}")
        assert page.status == 200, page.body
        yield page.texts(path)
        if page.text("IsTruncated") != "true":
            return
        more = "".join(f"&{name}={quoted(page.text(element))}" for element, name in following)
    raise AssertionError("a listing without end")


def quoted(text: str) -> str:
    """For a query."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


def joined(made: Iterator[list[str]]) -> list[str]:
    """All pages in one."""
    return [row for page in made for row in page]


V2_NEXT = (("NextContinuationToken", "continuation-token"),)


def test_keys_are_listed_in_the_order_of_their_bytes(filled: S3Client) -> None:
    assert filled.get("", "list-type=2").texts("Contents/Key") == KEYS
    assert filled.get("").texts("Contents/Key") == KEYS


@pytest.mark.parametrize("size", [1, 3, 10, 11])
def test_pages_are_continued_by_their_token(filled: S3Client, size: int) -> None:
    made = list(pages(filled, f"list-type=2&max-keys={size}", "Contents/Key", V2_NEXT))
    assert [key for page in made for key in page] == KEYS
    assert all(len(page) <= size for page in made)
    assert len(made) == -(-len(KEYS) // size)


def test_a_prefix_and_a_start(filled: S3Client) -> None:
    assert filled.get("", "list-type=2&prefix=b%2F").texts("Contents/Key") == ["b/x/1", "b/x/2"]
    assert filled.get("", "list-type=2&start-after=b%2Fx%2F1").texts("Contents/Key") == KEYS[5:]
    assert filled.get("", "marker=z").texts("Contents/Key") == KEYS[8:]


def test_common_prefixes_count_as_rows_and_come_once(filled: S3Client) -> None:
    page = filled.get("", "list-type=2&delimiter=%2F")
    assert page.texts("CommonPrefixes/Prefix") == ["a/", "b/"]
    assert page.texts("Contents/Key") == ["A", "a-1", "c", "z", "é", "ﬁ", "😀"]
    assert page.text("KeyCount") == "9"
    query = "list-type=2&delimiter=%2F&max-keys=1"
    assert joined(pages(filled, query, "CommonPrefixes/Prefix", V2_NEXT)) == ["a/", "b/"]
    below = filled.get("", "list-type=2&delimiter=%2F&prefix=b%2F")
    assert (below.texts("CommonPrefixes/Prefix"), below.texts("Contents/Key")) == (["b/x/"], [])


def test_the_first_version_names_its_next_marker_with_a_delimiter_only(filled: S3Client) -> None:
    assert filled.get("", "max-keys=2").texts("NextMarker") == []
    query = "delimiter=%2F&max-keys=2"
    assert joined(pages(filled, query, "CommonPrefixes/Prefix", (("NextMarker", "marker"),))) == ["a/", "b/"]


def test_keys_are_escaped_for_urls_on_request(api: S3Client) -> None:
    api.put("a b+ü/c")
    page = api.get("", "list-type=2&encoding-type=url")
    assert page.text("EncodingType") == "url"
    assert page.texts("Contents/Key")[0].replace("+", "%20") in ("a%20b%2B%C3%BC/c", "a%20b%2B%C3%BC%2Fc")


def test_max_keys_zero_returns_no_keys(filled: S3Client) -> None:
    page = filled.get("", "list-type=2&max-keys=0")
    assert (page.texts("Contents/Key"), page.text("IsTruncated")) == ([], "false")


def test_a_thousand_is_the_most(api: S3Client) -> None:
    assert api.get("", "list-type=2&max-keys=5000").text("MaxKeys") == "1000"


def test_an_object_is_listed_with_its_facts(api: S3Client) -> None:
    written = api.put("key", b"12345")
    page = api.get("", "list-type=2")
    assert (page.text("Contents/Size"), page.text("Contents/StorageClass")) == ("5", "STANDARD")
    assert page.text("Contents/ETag") == written.headers["etag"]
    assert page.text("Contents/LastModified").endswith("Z")
    assert page.text("Name") == api.bucket


# Versions


def test_versions_are_listed_newest_first_and_continued_by_two_markers(api: S3Client) -> None:
    ids = [api.put("a").headers["x-amz-version-id"] for _ in range(3)][::-1]
    ids.append(api.put("b").headers["x-amz-version-id"])
    page = api.get("", "versions=")
    assert page.texts("Version/VersionId") == ids
    assert page.texts("Version/IsLatest") == ["true", "false", "false", "true"]
    following = (("NextKeyMarker", "key-marker"), ("NextVersionIdMarker", "version-id-marker"))
    for size in (1, 2, 3):
        assert joined(pages(api, f"versions=&max-keys={size}", "Version/VersionId", following)) == ids


def test_a_key_marker_alone_passes_all_versions_of_the_key(api: S3Client) -> None:
    for key in ("a", "a", "b"):
        api.put(key)
    assert api.get("", "versions=&key-marker=a").texts("Version/Key") == ["b"]


# Uploads and parts


def test_uploads_are_listed_by_key_and_continued_by_two_markers(api: S3Client) -> None:
    made = sorted((key, api.create(key)) for key in ("b", "a", "a", "c/d", "é"))
    following = (("NextKeyMarker", "key-marker"), ("NextUploadIdMarker", "upload-id-marker"))
    keys = [key for key, _ in made]
    assert api.get("", "uploads=").texts("Upload/Key") == keys
    for size in (1, 2, 3):
        found = joined(pages(api, f"uploads=&max-uploads={size}", "Upload/UploadId", following))
        assert sorted(found) == sorted(upload_id for _, upload_id in made)
    assert api.get("", "uploads=&prefix=c").texts("Upload/Key") == ["c/d"]


def test_a_key_marker_alone_passes_all_uploads_of_the_key(api: S3Client) -> None:
    for key in ("a", "a", "b"):
        api.create(key)
    assert api.get("", "uploads=&key-marker=a").texts("Upload/Key") == ["b"]


def test_an_upload_marker_without_a_key_is_ignored(api: S3Client) -> None:
    api.create("a")
    assert api.get("", "uploads=&upload-id-marker=zzzz").texts("Upload/Key") == ["a"]


def test_uploads_have_common_prefixes(api: S3Client) -> None:
    for key in ("a/1", "a/2", "b"):
        api.create(key)
    page = api.get("", "uploads=&delimiter=%2F")
    assert (page.texts("CommonPrefixes/Prefix"), page.texts("Upload/Key")) == (["a/"], ["b"])


def test_parts_are_listed_by_number_and_continued_by_it(api: S3Client) -> None:
    upload_id = api.create("key")
    for number in (10, 2, 1, 300):
        api.part("key", upload_id, number, b"x" * number)
    page = api.get("key", f"uploadId={upload_id}")
    assert page.texts("Part/PartNumber") == ["1", "2", "10", "300"]
    assert page.texts("Part/Size") == ["1", "2", "10", "300"]
    first = api.get("key", f"uploadId={upload_id}&max-parts=2")
    assert (first.text("IsTruncated"), first.text("NextPartNumberMarker")) == ("true", "2")
    second = api.get("key", f"uploadId={upload_id}&max-parts=2&part-number-marker=2")
    assert (second.texts("Part/PartNumber"), second.text("IsTruncated")) == (["10", "300"], "false")


# What is rejected


def parts(api: S3Client, query: str) -> Response:
    """ListParts of an upload."""
    return api.get("key", f"uploadId={api.create('key')}&{query}")


def listed(api: S3Client, query: str) -> Response:
    """A listing of the bucket."""
    return api.get("", query)


POINTS = [
    *(
        refused(f"{name}={value} of {source}", source, "InvalidArgument", partial(listed, query=query))
        for source, name, value, query in (
            (V2, "max-keys", "-1", "list-type=2&max-keys=-1"),
            (V2, "max-keys", "x", "list-type=2&max-keys=x"),
            (V2, "max-keys", "2147483648", "list-type=2&max-keys=2147483648"),
            (V2, "list-type", "3", "list-type=3"),
            (V2, "continuation-token", "nothing", "list-type=2&continuation-token="),
            (V2, "continuation-token", "!", "list-type=2&continuation-token=%21"),
            (V2, "encoding-type", "base64", "list-type=2&encoding-type=base64"),
            (V2, "fetch-owner", "maybe", "list-type=2&fetch-owner=maybe"),
            (V1, "max-keys", "-1", "max-keys=-1"),
            (V1, "encoding-type", "base64", "encoding-type=base64"),
            (VERSIONS, "max-keys", "-1", "versions=&max-keys=-1"),
            (VERSIONS, "version-id-marker", "without a key-marker", "versions=&version-id-marker=null"),
            (UPLOADS, "max-uploads", "-1", "uploads=&max-uploads=-1"),
            (UPLOADS, "max-uploads", "x", "uploads=&max-uploads=x"),
            (UPLOADS, "encoding-type", "base64", "uploads=&encoding-type=base64"),
        )
    ),
    refused("max-parts=-1", PARTS, "InvalidArgument", lambda api: parts(api, "max-parts=-1")),
    refused("max-parts=x", PARTS, "InvalidArgument", lambda api: parts(api, "max-parts=x")),
    refused("part-number-marker=x", PARTS, "InvalidArgument", lambda api: parts(api, "part-number-marker=x")),
    refused("part-number-marker=-1", PARTS, "InvalidArgument", lambda api: parts(api, "part-number-marker=-1")),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_listings(api: S3Client, point: Point) -> None:
    point.check(api)
