"""Limits of keys, metadata, tags, headers and request lines, and requests that are no operation."""

import re
from functools import partial

import pytest

from tests.support.s3_protocol import KEY, Point, accepted, refused
from tests.support.strict_bucket import Bucket
from tests.support.strict_client import UNSIGNED, Response, S3Client, Signing
from tests.support.strict_store import StrictStore

PUT = "PutObject"
KEYS = "user guide: Naming Amazon S3 objects"
META = "user guide: Working with object metadata"
TAGS = "PutObjectTagging"
SSE = "user guide: Protecting data with server-side encryption"
NAMES = "user guide: Bucket naming rules"
COMMON = "Common request headers"


def put(api: S3Client, **headers: str) -> Response:
    """PutObject with these headers."""
    return api.put(KEY, b"x", **headers)


def tagged(api: S3Client, tags: str) -> Response:
    """PutObject with these tags."""
    return put(api, x_amz_tagging=tags)


def put_tags(api: S3Client, *pairs: tuple[str, str]) -> Response:
    """PutObjectTagging of an object."""
    api.put("other")
    rows = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in pairs)
    return api.send("PUT", "other", "tagging=", body=f"<Tagging><TagSet>{rows}</TagSet></Tagging>".encode())


def in_bucket(api: S3Client, name: str) -> Response:
    """GetObject from another bucket."""
    return api.send("GET", path=f"/{name}/{KEY}")


def encrypted(api: S3Client, kind: str, **more: str) -> Response:
    """PutObject with this encryption."""
    return put(api, x_amz_server_side_encryption=kind, **more)


SSE_C = {
    "x_amz_server_side_encryption_customer_algorithm": "AES256",
    "x_amz_server_side_encryption_customer_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "x_amz_server_side_encryption_customer_key_md5": "5wGJgy1xhsA3bLMQzW3TJA==",
}
LOCK = {"x_amz_object_lock_mode": "COMPLIANCE", "x_amz_object_lock_retain_until_date": "2999-01-01T00:00:00Z"}
LENGTH = {"content-length": str(5 * 2**30 + 1)}
POINTS = [
    accepted("a key of 1,024 bytes", KEYS, lambda api: api.put("é" * 512)),
    refused("a key of 1,025 bytes", KEYS, "KeyTooLongError", lambda api: api.put("é" * 512 + "a")),
    refused("reading a key of 1,025 bytes", KEYS, "KeyTooLongError", lambda api: api.get("k" * 1025)),
    refused(
        "a key that is no UTF-8", KEYS, "InvalidURI", lambda api: api.send("PUT", path=f"/{api.bucket}/%FF", body=b"x")
    ),
    refused(
        "a key above its bucket",
        KEYS,
        "InvalidURI",
        lambda api: api.send("PUT", path=f"/{api.bucket}/a/../../b", body=b"x"),
    ),
    accepted("2,048 bytes of metadata", META, lambda api: put(api, x_amz_meta_a="v" * 2047)),
    refused("2,049 bytes of metadata", META, "MetadataTooLarge", lambda api: put(api, x_amz_meta_a="v" * 2048)),
    refused(
        "2,049 bytes of metadata in two",
        META,
        "MetadataTooLarge",
        lambda api: put(api, x_amz_meta_a="v" * 1024, x_amz_meta_b="v" * 1023),
    ),
    refused(
        "2,049 bytes of metadata in UTF-8", META, "MetadataTooLarge", lambda api: put(api, x_amz_meta_a="é" * 1024)
    ),
    accepted("10 tags", TAGS, lambda api: tagged(api, "&".join(f"k{n}=v" for n in range(10)))),
    refused("11 tags", TAGS, "BadRequest", lambda api: tagged(api, "&".join(f"k{n}=v" for n in range(11)))),
    accepted("a tag key of 128 characters", TAGS, lambda api: tagged(api, f"{'k' * 128}=v")),
    refused("a tag key of 129 characters", TAGS, "InvalidTag", lambda api: tagged(api, f"{'k' * 129}=v")),
    accepted("a tag value of 256 characters", TAGS, lambda api: tagged(api, f"k={'v' * 256}")),
    refused("a tag value of 257 characters", TAGS, "InvalidTag", lambda api: tagged(api, f"k={'v' * 257}")),
    refused("a tag key without characters", TAGS, "InvalidArgument", lambda api: tagged(api, "=v")),
    refused("a tag key with a character that none has", TAGS, "InvalidTag", lambda api: tagged(api, "k%3C=v")),
    refused("a tag value with a character that none has", TAGS, "InvalidTag", lambda api: tagged(api, "k=v%21")),
    accepted(
        "tags with every character that they may have", TAGS, lambda api: tagged(api, "k%20%2B-%3D._%3A/@%C3%A9=v1")
    ),
    refused("a tag of the system", TAGS, "InvalidTag", lambda api: tagged(api, "aws%3Akey=v")),
    refused("a tag key twice", TAGS, "InvalidArgument", lambda api: tagged(api, "k=1&k=2")),
    refused(
        "PutObjectTagging of 11 tags",
        TAGS,
        "BadRequest",
        lambda api: put_tags(api, *[(f"k{n}", "v") for n in range(11)]),
    ),
    refused("PutObjectTagging of a key twice", TAGS, "InvalidTag", lambda api: put_tags(api, ("k", "1"), ("k", "2"))),
    refused(
        "PutObjectTagging of a value that is too long", TAGS, "InvalidTag", lambda api: put_tags(api, ("k", "v" * 257))
    ),
    refused(
        "PutObjectTagging of no XML", TAGS, "MalformedXML", lambda api: api.send("PUT", KEY, "tagging=", body=b"k=v")
    ),
    refused(
        "a storage class that is none", PUT, "InvalidStorageClass", lambda api: put(api, x_amz_storage_class="COLD")
    ),
    refused(
        "a storage class in small letters",
        PUT,
        "InvalidStorageClass",
        lambda api: put(api, x_amz_storage_class="standard"),
    ),
    refused(
        "a storage class of another service",
        PUT,
        "InvalidStorageClass",
        lambda api: put(api, x_amz_storage_class="EXPRESS_ONEZONE"),
    ),
    *(
        accepted(f"the storage class {name}", PUT, partial(put, x_amz_storage_class=name))
        for name in (
            "STANDARD",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "GLACIER_IR",
            "DEEP_ARCHIVE",
            "REDUCED_REDUNDANCY",
        )
    ),
    refused("an encryption that is none", SSE, "InvalidArgument", lambda api: encrypted(api, "aes256")),
    refused(
        "a KMS key without KMS",
        SSE,
        "InvalidArgument",
        lambda api: put(api, x_amz_server_side_encryption_aws_kms_key_id="key"),
    ),
    refused(
        "a KMS key with AES256",
        SSE,
        "InvalidArgument",
        lambda api: encrypted(api, "AES256", x_amz_server_side_encryption_aws_kms_key_id="key"),
    ),
    refused(
        "a bucket key that is neither true nor false",
        SSE,
        "InvalidArgument",
        lambda api: encrypted(api, "aws:kms", x_amz_server_side_encryption_bucket_key_enabled="yes"),
    ),
    *(
        accepted(f"the encryption {kind}", SSE, partial(encrypted, kind=kind))
        for kind in ("AES256", "aws:kms", "aws:kms:dsse")
    ),
    refused("a customer's key over http", SSE, "InvalidRequest", lambda api: put(api, **SSE_C)),
    refused("an access list that is none", PUT, "InvalidArgument", lambda api: put(api, x_amz_acl="everybody")),
    refused(
        "a public access list", PUT, "AccessControlListNotSupported", lambda api: put(api, x_amz_acl="public-read")
    ),
    refused("a grant", PUT, "AccessControlListNotSupported", lambda api: put(api, x_amz_grant_read='id="1"')),
    refused("a lock where the bucket has none", PUT, "InvalidRequest", lambda api: put(api, **LOCK)),
    refused(
        "another account's bucket",
        PUT,
        "AccessDenied",
        lambda api: put(api, x_amz_expected_bucket_owner="999999999999"),
        status=403,
    ),
    refused(
        "an account that is none",
        PUT,
        "InvalidBucketOwnerAWSAccountID",
        lambda api: put(api, x_amz_expected_bucket_owner="me"),
    ),
    refused(
        "a redirect that leads nowhere",
        PUT,
        "InvalidRedirectLocation",
        lambda api: put(api, x_amz_website_redirect_location="elsewhere"),
    ),
    refused(
        "a body without a length",
        COMMON,
        "MissingContentLength",
        lambda api: api.send("PUT", KEY, length=False),
        status=411,
    ),
    refused(
        "a bucket that is not there",
        "GetObject",
        "NoSuchBucket",
        lambda api: in_bucket(api, "no-such-bucket-here"),
        status=404,
    ),
    *(
        refused(f"a bucket called {name}", NAMES, "InvalidBucketName", partial(in_bucket, name=name))
        for name in (
            "ab",
            "a" * 64,
            "Upper-Case",
            "under_score",
            "-dash",
            "dash-",
            "two..dots",
            "192.168.5.4",
            "xn--name",
            "name-s3alias",
        )
    ),
    refused("an append", PUT, "NotImplemented", lambda api: put(api, x_amz_write_offset_bytes="0"), status=501),
    refused(
        "POST of a key", "Error responses", "MethodNotAllowed", lambda api: api.send("POST", KEY, body=b"x"), status=405
    ),
    refused("POST of a bucket", "POST Object", "PreconditionFailed", lambda api: api.send("POST", ""), status=412),
    refused(
        "PATCH of a key",
        "Error responses",
        "MethodNotAllowed",
        lambda api: api.send("PATCH", KEY, body=b"x"),
        status=405,
    ),
    refused("GET of a key's uploads", "ListMultipartUploads", "InvalidRequest", lambda api: api.get(KEY, "uploads=")),
    refused("GET of a key's versions", "ListObjectVersions", "InvalidRequest", lambda api: api.get(KEY, "versions=")),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: re.sub("(.{60}).+", r"\1", point.name))
def test_limits(api: S3Client, point: Point) -> None:
    point.check(api)


def test_a_body_of_more_than_5_gib_is_rejected_before_it_is_read(strict_api: S3Client) -> None:
    """PutObject and UploadPart: EntityTooLarge."""
    for query in ("", "partNumber=1&uploadId=any"):
        response = strict_api.send("PUT", KEY, query, headers=LENGTH, signing=Signing(payload=UNSIGNED))
        assert response.outcome == (400, "EntityTooLarge")


def test_all_headers_together_have_8_kib(strict_api: S3Client) -> None:
    """PutObject: the header section is limited to 8 KiB."""
    assert put(strict_api, cache_control="v" * 8192).outcome == (400, "RequestHeaderSectionTooLarge")


def test_a_copy_of_nothing_is_not_taken_for_a_put(strict_api: S3Client) -> None:
    """The empty body would be the object."""
    assert put(strict_api, x_amz_copy_source="/bucket/key").outcome == (404, "NoSuchBucket")
    assert strict_api.absent(KEY)


SUBRESOURCES = [
    "acl", "attributes", "cors", "delete", "encryption", "fnord", "legal-hold", "lifecycle", "location", "logging",
    "metrics", "notification", "object-lock", "policy", "renameObject", "replication", "requestPayment", "restore",
    "retention", "select=&select-type=2", "tagging", "torrent", "uploads", "versioning", "versions", "website",
]  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("subresource", SUBRESOURCES)
def test_no_subresource_is_taken_for_the_object(
    strict_server: StrictStore, strict_api: S3Client, method: str, subresource: str
) -> None:
    strict_api.put(KEY, b"the object")
    response = strict_api.send(method, KEY, subresource, body=b"<a/>")
    assert [version.body for version in strict_server.bucket.versions[KEY]] == [b"the object"]
    assert strict_server.keys() == [KEY]
    done = (method, subresource) in [("POST", "uploads"), ("DELETE", "tagging")]
    assert (response.status < 300) == done, response.body


@pytest.mark.parametrize("subresource", ["acl", "cors", "policy", "replication", "website", "encryption"])
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_no_subresource_of_the_bucket_is_taken_for_the_bucket(
    strict_api: S3Client, method: str, subresource: str
) -> None:
    assert strict_api.send(method, "", f"{subresource}=").outcome == (501, "NotImplemented")


def test_an_unknown_parameter_is_rejected(strict_api: S3Client) -> None:
    """More strictly than AWS, which ignores it: `version-id` for `versionId` would delete another version."""
    strict_api.put(KEY)
    assert strict_api.send("DELETE", KEY, "version-id=1").outcome == (501, "NotImplemented")
    assert strict_api.get("", "list-type=2&maxkeys=1").outcome == (501, "NotImplemented")
    assert strict_api.get(KEY, "x-id=GetObject").status == 200


def test_tags_are_of_the_object_and_leave_its_bytes(api: S3Client) -> None:
    api.put("other", b"bytes", x_amz_tagging="a=1&b=2")
    assert api.head("other").headers["x-amz-tagging-count"] == "2"
    assert put_tags(api, ("c", "3")).status == 200
    tags = api.get("other", "tagging=")
    assert (tags.texts("TagSet/Tag/Key"), tags.texts("TagSet/Tag/Value")) == (["c"], ["3"])
    assert api.send("DELETE", "other", "tagging=").status == 204
    assert api.get("other", "tagging=").texts("TagSet/Tag/Key") == []
    assert api.get("other").status == 200


def test_tagging_needs_a_separate_permission(strict_server: StrictStore, strict_api: S3Client) -> None:
    """PutObject: s3:PutObjectTagging for the header `x-amz-tagging`."""
    strict_server.denied = {"PutObjectTagging"}
    assert put(strict_api, x_amz_tagging="a=1").outcome == (403, "AccessDenied")
    assert put(strict_api).status == 200


@pytest.mark.parametrize(("denied", "method"), [("GetObjectVersion", "GET"), ("DeleteObjectVersion", "DELETE")])
def test_versions_need_a_right_of_their_own(
    strict_server: StrictStore, strict_api: S3Client, denied: str, method: str
) -> None:
    version_id = put(strict_api).headers["x-amz-version-id"]
    strict_server.denied = {denied}
    assert strict_api.send(method, KEY, f"versionId={version_id}").outcome == (403, "AccessDenied")
    assert strict_api.send(method, KEY).status in (200, 204)


def test_attributes_of_an_object(api: S3Client) -> None:
    """GetObjectAttributes."""
    api.put(KEY, b"12345")
    asked = {"x-amz-object-attributes": "ETag,ObjectSize,StorageClass,Checksum"}
    seen = api.send("GET", KEY, "attributes=", headers=asked)
    assert (seen.text("ObjectSize"), seen.text("StorageClass")) == ("5", "STANDARD")
    assert api.send("GET", KEY, "attributes=").status == 400
    assert api.send("GET", KEY, "attributes=", headers={"x-amz-object-attributes": "Colour"}).status == 400


def test_metadata_that_is_not_ascii_is_returned_encoded(strict_api: S3Client) -> None:
    """User guide, "Working with object metadata": RFC 2047."""
    put(strict_api, x_amz_meta_name="Grüße")
    assert strict_api.head(KEY).headers["x-amz-meta-name"].lower().startswith("=?utf-8?")


def test_a_bucket_tells_its_region_and_its_versions(api: S3Client) -> None:
    assert api.send("HEAD", "").status == 200
    assert api.get("", "location=").root.text in (None, "")
    assert api.get("", "versioning=").text("Status") == "Enabled"


def test_a_bucket_is_reached_by_its_host_too(strict_server: StrictStore, strict_api: S3Client) -> None:
    """User guide, "Virtual hosting of buckets"."""
    host = f"{strict_server.bucket_name}.localhost:{strict_api.host.rpartition(':')[2]}"
    response = strict_api.send("PUT", path="/a/key", headers={"host": host}, body=b"x")
    assert (response.status, strict_server.keys()) == (200, [KEY])


def test_a_lock_has_a_mode_and_a_day_that_is_to_come(strict_server: StrictStore, strict_api: S3Client) -> None:
    """PutObject, `x-amz-object-lock-*`."""
    strict_server.bucket = Bucket(object_lock_days=0)
    summed = {"content_md5": "ndTkYSaMgDT1yFZOFVxnpg=="}
    assert put(strict_api, **LOCK).outcome == (400, "InvalidRequest")
    assert put(strict_api, **summed, **LOCK).status == 200
    past = {**LOCK, "x_amz_object_lock_retain_until_date": "2001-01-01T00:00:00Z"}
    assert put(strict_api, **summed, **past).outcome == (400, "InvalidArgument")
    half = {"x_amz_object_lock_mode": "COMPLIANCE"}
    assert put(strict_api, **summed, **half).outcome == (400, "InvalidArgument")
    other = {**LOCK, "x_amz_object_lock_mode": "SOMEHOW"}
    assert put(strict_api, **summed, **other).outcome == (400, "InvalidArgument")
