"""Checksums: in headers, in trailers, of parts and of joined objects."""

import base64
import hashlib
import zlib
from functools import partial

import pytest

from tests.support.s3_protocol import KEY, Point, accepted, refused
from tests.support.strict_checksums import checksum_of
from tests.support.strict_client import TRAILER, UNSIGNED, Response, S3Client, Signing

PUT = "PutObject"
TRAILERS = "Signature calculations: trailing headers"
BODY = b"the body of an object"
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()
SHA256 = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


def sum_of(algorithm: str, body: bytes = BODY) -> str:
    """In base64."""
    return checksum_of(body, algorithm).value


def put(api: S3Client, **headers: str) -> Response:
    """PutObject of BODY."""
    return api.put(KEY, BODY, **headers)


def put_sum(api: S3Client, algorithm: str, value: str, **more: str) -> Response:
    """PutObject of BODY with a checksum."""
    return put(api, **{f"x-amz-checksum-{algorithm.lower()}": value, **more})


def trailed(
    api: S3Client,
    *,
    algorithm: str = "CRC64NVME",
    frames: bytes | None = None,
    trailer: bytes | None = None,
    announced: str | None = None,
    decoded: str | None = str(len(BODY)),
    coding: str = "aws-chunked",
    chunked: bool = False,
) -> Response:
    """PutObject of BODY in chunks with a trailer."""
    name = f"x-amz-checksum-{algorithm.lower()}"
    headers = {"content-encoding": coding, "x-amz-trailer": name if announced is None else announced}
    headers |= {"x-amz-decoded-content-length": decoded} if decoded is not None else {}
    body = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY) if frames is None else frames
    body += f"{name}:{sum_of(algorithm)}\r\n\r\n".encode() if trailer is None else trailer
    return api.send("PUT", KEY, headers=headers, body=body, signing=Signing(payload=TRAILER), chunked=chunked)


def md5(value: str) -> str:
    """`Content-MD5` of a text."""
    return base64.b64encode(hashlib.md5(value.encode(), usedforsecurity=False).digest()).decode()


BIG = bytes(8192)
POINTS = [
    *(accepted(f"a right {name}", PUT, partial(put_sum, algorithm=name, value=sum_of(name))) for name in ALGORITHMS),
    *(
        refused(f"a wrong {name}", PUT, "BadDigest", partial(put_sum, algorithm=name, value=sum_of(name, b"other")))
        for name in ALGORITHMS
    ),
    *(
        refused(f"a {name} that is no base64", PUT, "InvalidRequest", partial(put_sum, algorithm=name, value="!"))
        for name in ALGORITHMS
    ),
    *(
        refused(f"a {name} that is too short", PUT, "InvalidRequest", partial(put_sum, algorithm=name, value="AAA="))
        for name in ALGORITHMS
    ),
    *(accepted(f"a {name} behind the body", TRAILERS, partial(trailed, algorithm=name)) for name in ALGORITHMS),
    refused(
        "two checksums", PUT, "InvalidRequest", lambda api: put_sum(api, "CRC32", CRC32, x_amz_checksum_sha256=SHA256)
    ),
    refused(
        "an SDK algorithm that is none",
        PUT,
        "InvalidRequest",
        lambda api: put(api, x_amz_sdk_checksum_algorithm="CRC16"),
    ),
    refused(
        "an SDK algorithm without a checksum",
        PUT,
        "InvalidRequest",
        lambda api: put(api, x_amz_sdk_checksum_algorithm="CRC32"),
    ),
    refused(
        "an SDK algorithm and another's checksum",
        PUT,
        "InvalidRequest",
        lambda api: put_sum(api, "CRC32", CRC32, x_amz_sdk_checksum_algorithm="SHA256"),
    ),
    accepted(
        "an SDK algorithm and its checksum",
        PUT,
        lambda api: put_sum(api, "CRC32", CRC32, x_amz_sdk_checksum_algorithm="CRC32"),
    ),
    accepted("a right Content-MD5", PUT, lambda api: put(api, content_md5=md5(BODY.decode()))),
    refused("a wrong Content-MD5", PUT, "BadDigest", lambda api: put(api, content_md5=md5("other"))),
    refused("a Content-MD5 that is no base64", PUT, "InvalidDigest", lambda api: put(api, content_md5="not base64")),
    refused("a Content-MD5 that is too short", PUT, "InvalidDigest", lambda api: put(api, content_md5="AAAA")),
    refused(
        "a Content-MD5 in hexadecimal",
        PUT,
        "InvalidDigest",
        lambda api: put(api, content_md5=hashlib.md5(BODY, usedforsecurity=False).hexdigest()),
    ),
    refused(
        "a wrong checksum behind the body",
        TRAILERS,
        "BadDigest",
        lambda api: trailed(api, trailer=f"x-amz-checksum-crc64nvme:{sum_of('CRC64NVME', b'x')}\r\n\r\n".encode()),
    ),
    refused(
        "no checksum behind the body", TRAILERS, "MalformedTrailerError", lambda api: trailed(api, trailer=b"\r\n")
    ),
    refused(
        "another checksum behind the body than announced",
        TRAILERS,
        "MalformedTrailerError",
        lambda api: trailed(api, trailer=f"x-amz-checksum-crc32:{CRC32}\r\n\r\n".encode()),
    ),
    refused(
        "a trailer that is no checksum",
        TRAILERS,
        "InvalidRequest",
        lambda api: trailed(api, announced="x-amz-meta-a", trailer=b"x-amz-meta-a:1\r\n\r\n"),
    ),
    refused(
        "a value that is none behind the body",
        TRAILERS,
        "InvalidRequest",
        lambda api: trailed(api, trailer=b"x-amz-checksum-crc64nvme:!\r\n\r\n"),
    ),
    refused("another decoded length", TRAILERS, "IncompleteBody", lambda api: trailed(api, decoded=str(len(BODY) + 1))),
    refused("no decoded length", TRAILERS, "MissingContentLength", lambda api: trailed(api, decoded=None), status=411),
    refused(
        "a chunk size that is none",
        TRAILERS,
        "IncompleteBody",
        lambda api: trailed(api, frames=b"0x5\r\nhello\r\n0\r\n", decoded="5"),
    ),
    refused(
        "a chunk that is longer than it says",
        TRAILERS,
        "IncompleteBody",
        lambda api: trailed(api, frames=b"4\r\nhello\r\n0\r\n", decoded="4"),
    ),
    refused(
        "chunks that do not end",
        TRAILERS,
        "IncompleteBody",
        lambda api: trailed(api, frames=b"5\r\nhello\r\n", trailer=b"", decoded="5"),
    ),
    refused(
        "a small chunk that is not the last",
        TRAILERS,
        "InvalidChunkSizeError",
        lambda api: trailed(
            api,
            frames=b"5\r\nhello\r\n5\r\nhello\r\n0\r\n",
            decoded="10",
            trailer=f"x-amz-checksum-crc64nvme:{sum_of('CRC64NVME', b'hellohello')}\r\n\r\n".encode(),
        ),
    ),
    accepted(
        "two chunks",
        TRAILERS,
        lambda api: trailed(
            api,
            frames=b"2000\r\n%s\r\n5\r\nhello\r\n0\r\n" % BIG,
            decoded="8197",
            trailer=f"x-amz-checksum-crc64nvme:{sum_of('CRC64NVME', BIG + b'hello')}\r\n\r\n".encode(),
        ),
    ),
    accepted("chunks within the transfer coding chunked", TRAILERS, lambda api: trailed(api, chunked=True)),
    refused(
        "the transfer coding chunked alone",
        PUT,
        "NotImplemented",
        lambda api: api.send("PUT", KEY, body=BODY, chunked=True, signing=Signing(payload=UNSIGNED)),
        status=501,
    ),
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
def test_checksums(api: S3Client, point: Point) -> None:
    point.check(api)


def test_aws_chunked_is_not_an_encoding_of_the_object(api: S3Client) -> None:
    assert trailed(api).status == 200
    seen = api.get(KEY)
    assert (seen.body, seen.headers.get("content-encoding")) == (BODY, None)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_checksum_that_was_given_is_shown(api: S3Client, algorithm: str) -> None:
    header = f"x-amz-checksum-{algorithm.lower()}"
    written = put_sum(api, algorithm, sum_of(algorithm))
    assert written.headers[header] == sum_of(algorithm)
    seen = api.head(KEY, x_amz_checksum_mode="ENABLED")
    assert (seen.headers[header], seen.headers["x-amz-checksum-type"]) == (sum_of(algorithm), "FULL_OBJECT")
    assert header not in api.head(KEY).headers


def test_without_a_checksum_s3_makes_a_crc64nvme(api: S3Client) -> None:
    put(api)
    seen = api.head(KEY, x_amz_checksum_mode="ENABLED").headers
    assert seen["x-amz-checksum-crc64nvme"] == sum_of("CRC64NVME")
    assert seen["x-amz-checksum-type"] == "FULL_OBJECT"


def test_a_checksum_of_the_whole_is_not_shown_for_a_range(api: S3Client) -> None:
    put(api)
    seen = api.get(KEY, x_amz_checksum_mode="ENABLED", range="bytes=0-3")
    assert seen.status == 206
    assert "x-amz-checksum-crc64nvme" not in seen.headers


def test_a_coding_beside_aws_chunked_is_kept(api: S3Client) -> None:
    assert trailed(api, coding="gzip,aws-chunked").status == 200
    assert api.head(KEY).headers["content-encoding"] == "gzip"
