"""The body of a request, without its framing, compared with every checksum that the request states.

Source: API reference, "Signature calculations: transferring payload in multiple chunks", "Using trailing headers"
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html), PutObject (`Content-MD5`).
"""

import hashlib
import re
from collections.abc import Mapping

from tests.support.strict_checksums import Checksum, check, check_md5, claimed, trailer_algorithm, well_formed
from tests.support.strict_dialect import Dialect
from tests.support.strict_errors import S3Error, not_implemented

_LEAST_CHUNK_BYTES = 8 * 2**10
_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}")
_FRAMED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
# Operations whose body is what a checksum in the headers is of.
_SUMMED = {"PutObject", "UploadPart", "DeleteObjects", "PutObjectTagging", "PutBucketVersioning"}


def received(
    body: bytes, headers: Mapping[str, str], *, operation: str, dialect: Dialect
) -> tuple[bytes, Checksum | None]:
    """The body without framing, and the checksum that the request states. Raises S3Error."""
    if dialect.sums == "refused" and any("checksum" in name for name in headers):
        raise S3Error("InvalidArgument")
    payload = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if payload.startswith("STREAMING-"):
        data, trailed = _unframed(body, headers, payload, dialect)
    else:
        data, trailed = body, None
        if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(body).hexdigest():
            message = "The provided 'x-amz-content-sha256' header does not match what was computed."
            raise S3Error("XAmzContentSHA256Mismatch", message)
        if dialect.sums == "kept" and "x-amz-trailer" in headers:
            raise S3Error("InvalidRequest", "x-amz-trailer needs a payload that has a trailer.")
    check_md5(headers, data)
    return data, trailed or _stated(data, headers, operation, dialect)


def _stated(data: bytes, headers: Mapping[str, str], operation: str, dialect: Dialect) -> Checksum | None:
    if dialect.sums != "kept":
        said = headers.get("x-amz-checksum-crc64nvme")
        return Checksum(algorithm="CRC64NVME", value=said) if said else None
    stated = claimed(headers, of_parts=operation == "CompleteMultipartUpload")
    if stated is not None and operation in _SUMMED:
        check(data, stated)
    return stated


def _unframed(body: bytes, headers: Mapping[str, str], payload: str, dialect: Dialect) -> tuple[bytes, Checksum | None]:
    if payload != _FRAMED or dialect.trailers == "refused":
        raise not_implemented(payload)
    if dialect.trailers == "stored":
        return body, None
    if "aws-chunked" not in headers.get("content-encoding", ""):
        raise S3Error("InvalidRequest", "A body in chunks needs the Content-Encoding aws-chunked.")
    data, trailer = _chunks(body)
    stated = headers.get("x-amz-decoded-content-length")
    if stated is None:
        raise S3Error("MissingContentLength", "You must provide the x-amz-decoded-content-length header.")
    if stated != str(len(data)):
        raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
    if dialect.trailers != "checked":
        return data, None
    claimed(headers)
    return data, _trailed(trailer, headers.get("x-amz-trailer"), data)


def _chunks(body: bytes) -> tuple[bytes, bytes]:
    """The joined chunks, and what follows the last."""
    pieces: list[bytes] = []
    position = 0
    while True:
        line_end = body.find(b"\r\n", position)
        line = body[position:line_end] if line_end >= 0 else b""
        if not _SIZE.fullmatch(line):
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        size, position = int(line, 16), line_end + 2
        if size == 0:
            break
        if body[position + size : position + size + 2] != b"\r\n":
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        pieces.append(body[position : position + size])
        position += size + 2
    if any(len(piece) < _LEAST_CHUNK_BYTES for piece in pieces[:-1]):
        raise S3Error("InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes")
    return b"".join(pieces), body[position:]


def _trailed(trailer: bytes, announced: str | None, data: bytes) -> Checksum:
    """The one trailer, compared with the chunks."""
    algorithm = trailer_algorithm(announced)
    name, _, value = trailer.removesuffix(b"\r\n\r\n").partition(b":")
    if not trailer.endswith(b"\r\n\r\n") or name.decode("latin-1") != announced or b"\r\n" in value:
        raise S3Error("MalformedTrailerError", "The request contained trailing data that was not well-formed.")
    stated = Checksum(algorithm=algorithm, value=well_formed(algorithm, value.decode("latin-1")))
    check(data, stated)
    return stated
