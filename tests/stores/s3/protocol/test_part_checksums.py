"""Checksums of uploads: of parts, and of joined objects."""

import base64

import pytest

from tests.support.s3_protocol import KEY
from tests.support.strict_checksums import ALGORITHMS, checksum_of
from tests.support.strict_client import S3Client

BODY = b"the body of a part"


def sum_of(algorithm: str, body: bytes = BODY) -> str:
    """In base64."""
    return checksum_of(body, algorithm).value


CREATE = [
    ("CRC32", "COMPOSITE", True),
    ("CRC32", "FULL_OBJECT", True),
    ("CRC32C", "COMPOSITE", True),
    ("CRC32C", "FULL_OBJECT", True),
    ("CRC64NVME", "FULL_OBJECT", True),
    ("CRC64NVME", "COMPOSITE", False),
    ("SHA1", "COMPOSITE", True),
    ("SHA1", "FULL_OBJECT", False),
    ("SHA256", "COMPOSITE", True),
    ("SHA256", "FULL_OBJECT", False),
    ("CRC16", "", False),
    ("crc 32", "", False),
    ("CRC32", "PARTIAL", False),
    ("", "FULL_OBJECT", False),
]


@pytest.mark.parametrize(("algorithm", "kind", "possible"), CREATE)
def test_which_algorithm_can_be_of_which_kind(api: S3Client, algorithm: str, kind: str, possible: bool) -> None:
    """CreateMultipartUpload, `x-amz-checksum-type`."""
    given = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    response = api.send("POST", KEY, "uploads=", headers={name: value for name, value in given.items() if value})
    assert response.outcome == ((200, "") if possible else (400, "InvalidRequest"))
    if possible:
        assert response.headers["x-amz-checksum-algorithm"] == algorithm
        assert response.headers["x-amz-checksum-type"] == kind


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC64NVME", "FULL_OBJECT"),
        ("CRC32", "COMPOSITE"),
        ("CRC32C", "COMPOSITE"),
        ("SHA1", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
    ],
)
def test_each_algorithm_has_its_usual_kind(api: S3Client, algorithm: str, kind: str) -> None:
    response = api.send("POST", KEY, "uploads=", headers={"x-amz-checksum-algorithm": algorithm})
    assert response.headers["x-amz-checksum-type"] == kind


def an_upload(api: S3Client, algorithm: str | None = "CRC64NVME", kind: str | None = None) -> str:
    """An upload with this checksum."""
    given = {"x_amz_checksum_algorithm": algorithm, "x_amz_checksum_type": kind}
    return api.create(KEY, **{name: value for name, value in given.items() if value})


def sums(algorithm: str, body: bytes) -> dict[str, str]:
    """The header of a checksum."""
    return {f"x-amz-checksum-{algorithm.lower()}": sum_of(algorithm, body)}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_part_has_a_checksum_of_the_uploads_own_algorithm(api: S3Client, algorithm: str) -> None:
    upload_id = an_upload(api, algorithm)
    other = "SHA256" if algorithm != "SHA256" else "CRC32"
    assert api.part(KEY, upload_id, 1, BODY, **sums(other, BODY)).outcome == (400, "InvalidRequest")
    assert api.part(KEY, upload_id, 1, BODY, **sums(algorithm, b"other")).outcome == (400, "BadDigest")
    assert api.get(KEY, f"uploadId={upload_id}").texts("Part/PartNumber") == []
    sent = api.part(KEY, upload_id, 1, BODY, **sums(algorithm, BODY))
    assert sent.status == 200
    assert sent.headers[f"x-amz-checksum-{algorithm.lower()}"] == sum_of(algorithm)
    listed = api.get(KEY, f"uploadId={upload_id}")
    assert listed.texts(f"Part/Checksum{algorithm}") == [sum_of(algorithm)]


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC64NVME", "FULL_OBJECT"), ("CRC32", "FULL_OBJECT")])
def test_a_part_without_a_checksum_of_a_full_object_upload(api: S3Client, algorithm: str, kind: str) -> None:
    """AWS names the type that it expected and the null that it got."""
    upload_id = an_upload(api, algorithm, kind)
    assert api.part(KEY, upload_id, 1, BODY).outcome == (400, "InvalidRequest")


def test_a_part_without_a_checksum_of_a_composite_upload(api: S3Client) -> None:
    upload_id = an_upload(api, "SHA256", "COMPOSITE")
    assert api.part(KEY, upload_id, 1, BODY).outcome == (400, "InvalidRequest")


def test_a_part_with_a_checksum_of_an_upload_without(api: S3Client) -> None:
    upload_id = an_upload(api, None)
    assert api.part(KEY, upload_id, 1, BODY, **sums("CRC32", BODY)).outcome == (400, "InvalidRequest")


def a_part(api: S3Client, upload_id: str, algorithm: str) -> dict[str, object]:
    """Send part 1, and name it for Complete."""
    sent = api.part(KEY, upload_id, 1, BODY, **sums(algorithm, BODY))
    return {"PartNumber": 1, "ETag": sent.headers["etag"], f"Checksum{algorithm}": sum_of(algorithm)}


def test_complete_rejects_a_wrong_checksum_of_the_whole(api: S3Client) -> None:
    upload_id = an_upload(api)
    part = a_part(api, upload_id, "CRC64NVME")
    wrong = sums("CRC64NVME", b"other")
    assert api.complete(KEY, upload_id, [part], **wrong).outcome == (400, "BadDigest")
    assert api.absent(KEY)
    done = api.complete(KEY, upload_id, [part], **sums("CRC64NVME", BODY), x_amz_checksum_type="FULL_OBJECT")
    assert done.status == 200
    assert (done.text("ChecksumCRC64NVME"), done.text("ChecksumType")) == (sum_of("CRC64NVME"), "FULL_OBJECT")


def test_complete_rejects_another_algorithm_than_the_uploads(api: S3Client) -> None:
    upload_id = an_upload(api)
    part = a_part(api, upload_id, "CRC64NVME")
    response = api.complete(KEY, upload_id, [part], **sums("SHA256", BODY))
    assert response.status == 400
    assert response.code in ("InvalidRequest", "BadDigest")
    assert api.absent(KEY)


def test_complete_rejects_another_kind_than_the_uploads(api: S3Client) -> None:
    upload_id = an_upload(api)
    part = a_part(api, upload_id, "CRC64NVME")
    assert api.complete(KEY, upload_id, [part], x_amz_checksum_type="COMPOSITE").outcome == (400, "InvalidRequest")


def test_complete_rejects_another_checksum_of_a_part(api: S3Client) -> None:
    upload_id = an_upload(api)
    part = a_part(api, upload_id, "CRC64NVME")
    wrong = {**part, "ChecksumCRC64NVME": sum_of("CRC64NVME", b"other")}
    assert api.complete(KEY, upload_id, [wrong]).outcome == (400, "InvalidPart")
    none = {**part, "ChecksumCRC64NVME": "!"}
    assert api.complete(KEY, upload_id, [none]).outcome == (400, "InvalidArgument")
    two = {**part, "ChecksumCRC32": sum_of("CRC32")}
    assert api.complete(KEY, upload_id, [two]).outcome == (400, "InvalidArgument")
    del two["ChecksumCRC64NVME"]
    assert api.complete(KEY, upload_id, [two]).outcome == (400, "BadDigest")
    assert api.absent(KEY)


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC64NVME", "FULL_OBJECT"), ("SHA256", "COMPOSITE")])
def test_complete_names_the_checksum_of_each_part(api: S3Client, algorithm: str, kind: str) -> None:
    upload_id = an_upload(api, algorithm, kind)
    part = a_part(api, upload_id, algorithm)
    nameless = {name: part[name] for name in ("PartNumber", "ETag")}
    assert api.complete(KEY, upload_id, [nameless]).outcome == (400, "InvalidRequest")
    assert api.complete(KEY, upload_id, [part]).status == 200


def test_complete_names_no_checksum_where_the_upload_has_none(api: S3Client) -> None:
    upload_id = an_upload(api, None)
    sent = api.part(KEY, upload_id, 1, BODY)
    part = {"PartNumber": 1, "ETag": sent.headers["etag"], "ChecksumCRC64NVME": sum_of("CRC64NVME")}
    assert api.complete(KEY, upload_id, [part]).outcome == (400, "InvalidPart")


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_a_composite_checksum_is_shown_as_what_it_is(api: S3Client, algorithm: str) -> None:
    upload_id = an_upload(api, algorithm, "COMPOSITE")
    part = a_part(api, upload_id, algorithm)
    assert api.complete(KEY, upload_id, [part]).status == 200
    seen = api.head(KEY, x_amz_checksum_mode="ENABLED").headers
    composite = checksum_of(base64.b64decode(sum_of(algorithm)), algorithm).value
    assert seen[f"x-amz-checksum-{algorithm.lower()}"] == f"{composite}-1"
    assert seen["x-amz-checksum-type"] == "COMPOSITE"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_a_full_object_checksum_is_that_of_the_bytes(api: S3Client, algorithm: str) -> None:
    upload_id = an_upload(api, algorithm, "FULL_OBJECT")
    part = a_part(api, upload_id, algorithm)
    assert api.complete(KEY, upload_id, [part]).status == 200
    seen = api.head(KEY, x_amz_checksum_mode="ENABLED").headers
    assert seen[f"x-amz-checksum-{algorithm.lower()}"] == sum_of(algorithm)
    assert seen["x-amz-checksum-type"] == "FULL_OBJECT"


def test_part_numbers_with_gaps_are_an_error_of_an_upload_with_checksums(strict_api: S3Client) -> None:
    """User guide, "Checking object integrity": numbers are consecutive from 1, else the response is 500."""
    upload_id = an_upload(strict_api)
    sent = strict_api.part(KEY, upload_id, 2, BODY, **sums("CRC64NVME", BODY))
    part = {"PartNumber": 2, "ETag": sent.headers["etag"], "ChecksumCRC64NVME": sum_of("CRC64NVME")}
    assert strict_api.complete(KEY, upload_id, [part]).outcome == (500, "InternalError")
    assert strict_api.absent(KEY)
