"""Multipart uploads: their states, part numbers and limits."""

import base64
import hashlib
from functools import partial

import pytest

from tests.support.s3_protocol import KEY, Point, accepted, refused
from tests.support.strict_bucket import Bucket
from tests.support.strict_client import Response, S3Client
from tests.support.strict_store import StrictStore

PART = 5 * 2**20
CREATE, UPLOAD, COMPLETE = "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"


def part_numbered(api: S3Client, number: str) -> Response:
    """A part with this number."""
    return api.part(KEY, api.create(KEY), number)


def with_one(api: S3Client) -> tuple[str, dict[str, object]]:
    """An upload with part 1."""
    upload_id = api.create(KEY)
    sent = api.part(KEY, upload_id, 1, b"one")
    return upload_id, {"PartNumber": 1, "ETag": sent.headers["etag"]}


def complete_with(api: S3Client, *parts: dict[str, object], **headers: str) -> Response:
    """Complete an upload that has part 1, with these fields and headers."""
    upload_id, one = with_one(api)
    return api.complete(KEY, upload_id, [{**one, **part} for part in parts], **headers)


def complete_by(api: S3Client, body: bytes) -> Response:
    """Complete with this document."""
    upload_id, _ = with_one(api)
    return api.send("POST", KEY, f"uploadId={upload_id}", body=body)


POINTS = [
    *(
        refused(
            f"part number {number or 'nothing'}",
            UPLOAD,
            "InvalidArgument",
            partial(part_numbered, number=number),
        )
        for number in ("0", "10001", "-1", "x", "1.5", "")
    ),
    accepted("part number 10000", UPLOAD, lambda api: part_numbered(api, "10000")),
    refused("a part of an unknown upload", UPLOAD, "NoSuchUpload", lambda api: api.part(KEY, "nobody", 1), status=404),
    refused(
        "a part of another key's upload",
        UPLOAD,
        "NoSuchUpload",
        lambda api: api.part(KEY, api.create("other"), 1),
        status=404,
    ),
    refused(
        "a part number without an upload",
        UPLOAD,
        "InvalidArgument",
        lambda api: api.send("PUT", KEY, "partNumber=1", body=b"x"),
    ),
    refused(
        "an upload without a part number",
        UPLOAD,
        "MethodNotAllowed",
        lambda api: api.send("PUT", KEY, f"uploadId={api.create(KEY)}", body=b"x"),
        status=405,
    ),
    refused(
        "a part that names its encryption",
        UPLOAD,
        "InvalidArgument",
        lambda api: api.part(KEY, api.create(KEY), 1, x_amz_server_side_encryption="AES256"),
    ),
    refused(
        "complete an unknown upload",
        COMPLETE,
        "NoSuchUpload",
        lambda api: api.complete(KEY, "nobody", [{"PartNumber": 1, "ETag": "e"}]),
        status=404,
    ),
    refused("complete without parts", COMPLETE, "MalformedXML", complete_with),
    refused("complete without a body", COMPLETE, "InvalidRequest", lambda api: complete_by(api, b"")),
    refused("complete with another document", COMPLETE, "MalformedXML", lambda api: complete_by(api, b"<Complete/>")),
    refused("complete with what is no XML", COMPLETE, "MalformedXML", lambda api: complete_by(api, b"parts")),
    refused(
        "complete with an ETag that is not the part's",
        COMPLETE,
        "InvalidPart",
        lambda api: complete_with(api, {"ETag": '"0"'}),
    ),
    refused(
        "complete with a part that was not sent",
        COMPLETE,
        "InvalidPart",
        lambda api: complete_with(api, {"PartNumber": 2}),
    ),
    refused("complete with a part named twice", COMPLETE, "InvalidPartOrder", lambda api: complete_with(api, {}, {})),
    refused(
        "complete with part number 0", COMPLETE, "InvalidArgument", lambda api: complete_with(api, {"PartNumber": 0})
    ),
    refused(
        "complete with part number x", COMPLETE, "MalformedXML", lambda api: complete_with(api, {"PartNumber": "x"})
    ),
    refused(
        "complete with another size",
        COMPLETE,
        "InvalidRequest",
        lambda api: complete_with(api, {}, x_amz_mp_object_size="4"),
    ),
    refused(
        "complete with a negative size",
        COMPLETE,
        "InvalidRequest",
        lambda api: complete_with(api, {}, x_amz_mp_object_size="-1"),
    ),
    refused(
        "complete with a size that is none",
        COMPLETE,
        "InvalidRequest",
        lambda api: complete_with(api, {}, x_amz_mp_object_size="x"),
    ),
    accepted("complete with the right size", COMPLETE, lambda api: complete_with(api, {}, x_amz_mp_object_size="3")),
    refused(
        "complete if an ETag matches where nothing is",
        COMPLETE,
        "NoSuchKey",
        lambda api: complete_with(api, {}, if_match='"0"'),
        status=404,
    ),
    accepted("complete if nothing is there", COMPLETE, lambda api: complete_with(api, {}, if_none_match="*")),
    refused(
        "complete unless an ETag matches",
        COMPLETE,
        "NotImplemented",
        lambda api: complete_with(api, {}, if_none_match='"0"'),
        status=501,
    ),
    refused(
        "abort an unknown upload",
        "AbortMultipartUpload",
        "NoSuchUpload",
        lambda api: api.send("DELETE", KEY, "uploadId=nobody"),
        status=404,
    ),
    refused(
        "list the parts of an unknown upload",
        "ListParts",
        "NoSuchUpload",
        lambda api: api.get(KEY, "uploadId=nobody"),
        status=404,
    ),
    refused(
        "create with a storage class that is none",
        CREATE,
        "InvalidStorageClass",
        lambda api: api.send("POST", KEY, "uploads=", headers={"x-amz-storage-class": "COLD"}),
    ),
    refused(
        "create with 11 tags",
        CREATE,
        "BadRequest",
        lambda api: api.send(
            "POST", KEY, "uploads=", headers={"x-amz-tagging": "&".join(f"k{n}=v" for n in range(11))}
        ),
    ),
    refused(
        "create with 2,049 bytes of metadata",
        CREATE,
        "MetadataTooLarge",
        lambda api: api.send("POST", KEY, "uploads=", headers={"x-amz-meta-a": "v" * 2048}),
    ),
    refused(
        "create a key of 1,025 bytes", CREATE, "KeyTooLongError", lambda api: api.send("POST", "k" * 1025, "uploads=")
    ),
    refused(
        "create in the bucket",
        "POST Object",
        "PreconditionFailed",
        lambda api: api.send("POST", "", "uploads="),
        status=412,
    ),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_uploads(api: S3Client, point: Point) -> None:
    point.check(api)


def test_parts_are_joined_in_order_and_the_later_of_one_number_counts(api: S3Client) -> None:
    upload_id = api.create(KEY)
    api.part(KEY, upload_id, 1, b"a" * PART)
    second = api.part(KEY, upload_id, 2, b"end").headers["etag"]
    first = api.part(KEY, upload_id, 1, b"b" * PART).headers["etag"]
    done = api.complete(KEY, upload_id, [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}])
    assert done.status == 200
    digests = bytes.fromhex(first.strip('"')) + bytes.fromhex(second.strip('"'))
    assert done.text("ETag") == f'"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-2"'
    assert api.get(KEY).body == b"b" * PART + b"end"


def test_a_part_that_was_replaced_is_not_found_by_its_old_etag(api: S3Client) -> None:
    upload_id, one = with_one(api)
    api.part(KEY, upload_id, 1, b"later")
    assert api.complete(KEY, upload_id, [one]).outcome == (400, "InvalidPart")


def test_parts_that_are_not_the_last_have_5_mib(api: S3Client) -> None:
    upload_id, one = with_one(api)
    two = {"PartNumber": 2, "ETag": api.part(KEY, upload_id, 2, b"two").headers["etag"]}
    response = api.complete(KEY, upload_id, [one, two])
    assert response.outcome == (400, "EntityTooSmall")
    assert (response.text("MinSizeAllowed"), response.text("PartNumber")) == (str(PART), "1")
    assert api.absent(KEY)


def test_parts_out_of_order_are_rejected(api: S3Client) -> None:
    upload_id, one = with_one(api)
    two = {"PartNumber": 2, "ETag": api.part(KEY, upload_id, 2, b"two").headers["etag"]}
    assert api.complete(KEY, upload_id, [two, one]).outcome == (400, "InvalidPartOrder")


def test_an_aborted_or_completed_upload_no_longer_exists(api: S3Client) -> None:
    aborted, _ = with_one(api)
    assert api.send("DELETE", KEY, f"uploadId={aborted}").status == 204
    assert api.send("DELETE", KEY, f"uploadId={aborted}").outcome == (404, "NoSuchUpload")
    completed, one = with_one(api)
    assert api.complete(KEY, completed, [one]).status == 200
    assert api.part(KEY, completed, 2).outcome == (404, "NoSuchUpload")
    assert api.send("DELETE", KEY, f"uploadId={completed}").outcome == (404, "NoSuchUpload")
    assert api.get("", "uploads=").texts("Upload/UploadId") == []


def test_complete_does_not_overwrite_where_it_must_not(api: S3Client) -> None:
    api.put(KEY, b"first")
    upload_id, one = with_one(api)
    refusal = api.complete(KEY, upload_id, [one], if_none_match="*")
    assert (refusal.outcome, refusal.text("Condition")) == ((412, "PreconditionFailed"), "If-None-Match")
    assert api.get(KEY).body == b"first"
    assert api.complete(KEY, upload_id, [one], if_match=api.head(KEY).headers["etag"]).status == 200
    assert api.get(KEY).body == b"one"


def test_an_object_keeps_the_properties_given_at_create(api: S3Client) -> None:
    given = {"x-amz-meta-who": "me", "content-type": "video/mp4", "x-amz-tagging": "a=1", "cache-control": "no-store"}
    upload_id = api.send("POST", KEY, "uploads=", headers=given).text("UploadId")
    sent = api.part(KEY, upload_id, 1)
    api.complete(KEY, upload_id, [{"PartNumber": 1, "ETag": sent.headers["etag"]}])
    seen = api.head(KEY).headers
    assert (seen["x-amz-meta-who"], seen["content-type"], seen["cache-control"]) == ("me", "video/mp4", "no-store")
    assert seen["x-amz-tagging-count"] == "1"


def test_a_part_can_be_read_by_its_number(api: S3Client) -> None:
    """GetObject, `partNumber`."""
    upload_id, one = with_one(api)
    api.complete(KEY, upload_id, [one])
    seen = api.get(KEY, "partNumber=1")
    assert (seen.status, seen.body, seen.headers["x-amz-mp-parts-count"]) == (206, b"one", "1")
    assert seen.headers["content-range"] == "bytes 0-2/3"
    assert api.get(KEY, "partNumber=2").outcome == (416, "InvalidPartNumber")
    assert api.get(KEY, "partNumber=1", range="bytes=0-0").outcome == (400, "InvalidRequest")


@pytest.mark.parametrize("header", ["if-none-match", "if-match"])
def test_only_complete_has_conditions(strict_api: S3Client, header: str) -> None:
    """A condition on Create or UploadPart would be silently without effect."""
    assert strict_api.send("POST", KEY, "uploads=", headers={header: "*"}).outcome == (501, "NotImplemented")
    upload_id = strict_api.create(KEY)
    response = strict_api.send("PUT", KEY, f"partNumber=1&uploadId={upload_id}", headers={header: "*"}, body=b"x")
    assert response.outcome == (501, "NotImplemented")


@pytest.mark.parametrize(("afterwards", "status"), [("OK", 200), ("NoSuchUpload", 404), ("PreconditionFailed", 412)])
def test_a_second_complete_gets_what_the_test_chose(
    strict_server: StrictStore, strict_api: S3Client, afterwards: str, status: int
) -> None:
    strict_server.bucket.after_complete = afterwards
    upload_id, one = with_one(strict_api)
    assert strict_api.complete(KEY, upload_id, [one]).status == 200
    assert strict_api.complete(KEY, upload_id, [one]).status == status
    assert len(strict_server.bucket.versions[KEY]) == 1


def test_under_kms_etags_are_not_md5(strict_api: S3Client) -> None:
    """API reference, Object: "Objects encrypted by SSE-KMS have ETags that are not an MD5 digest"."""
    upload_id = strict_api.create(KEY, x_amz_server_side_encryption="aws:kms")
    sent = strict_api.part(KEY, upload_id, 1, b"one")
    assert sent.headers["etag"].strip('"') != hashlib.md5(b"one", usedforsecurity=False).hexdigest()
    done = strict_api.complete(KEY, upload_id, [{"PartNumber": 1, "ETag": sent.headers["etag"]}])
    assert (done.status, done.headers["x-amz-server-side-encryption"]) == (200, "aws:kms")


def test_object_lock_requires_a_checksum_of_every_part(strict_server: StrictStore, strict_api: S3Client) -> None:
    strict_server.bucket = Bucket(object_lock_days=1)
    upload_id = strict_api.create(KEY)
    assert strict_api.part(KEY, upload_id, 1, b"one").outcome == (400, "InvalidRequest")
    md5 = base64.b64encode(hashlib.md5(b"one", usedforsecurity=False).digest()).decode()
    sent = strict_api.part(KEY, upload_id, 1, b"one", content_md5=md5)
    assert strict_api.complete(KEY, upload_id, [{"PartNumber": 1, "ETag": sent.headers["etag"]}]).status == 200
    version_id = strict_api.head(KEY).headers["x-amz-version-id"]
    assert strict_api.send("DELETE", KEY, f"versionId={version_id}").outcome == (403, "AccessDenied")
