"""Bodies in `aws-chunked` form with a checksum as trailer, checked as AWS checks them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from collections.abc import Mapping

from tests.support.strict_bucket import S3Error, crc64nvme_of

_LEAST_CHUNK_BYTES = 8 * 2**10


def unframed(body: bytes, headers: Mapping[str, str], *, check_sum: bool = True) -> bytes:
    """The bytes within the frames. Raises S3Error where frames, length or checksum are wrong."""
    if "aws-chunked" not in headers.get("content-encoding", ""):
        raise S3Error(400, "InvalidRequest")
    data, sizes, position = b"", [], 0
    while True:
        line_end = body.find(b"\r\n", position)
        if line_end < 0:
            raise S3Error(400, "IncompleteBody")
        size = int(body[position:line_end], 16)
        position = line_end + 2
        if size == 0:
            break
        if body[position + size : position + size + 2] != b"\r\n":
            raise S3Error(400, "IncompleteBody")
        data += body[position : position + size]
        sizes.append(size)
        position += size + 2
    if any(size < _LEAST_CHUNK_BYTES for size in sizes[:-1]):
        raise S3Error(403, "InvalidChunkSizeError")
    if headers.get("x-amz-decoded-content-length") != str(len(data)):
        raise S3Error(400, "IncompleteBody")
    if check_sum:
        _check_trailer(body[position:], headers.get("x-amz-trailer"), data)
    return data


def _check_trailer(trailer: bytes, announced: str | None, data: bytes) -> None:
    if not trailer.endswith(b"\r\n\r\n"):
        raise S3Error(400, "MalformedTrailerError")
    name, _, value = trailer[:-4].decode("ascii").partition(":")
    if name != announced or name != "x-amz-checksum-crc64nvme":
        raise S3Error(400, "MalformedTrailerError")
    if value != crc64nvme_of(data):
        raise S3Error(400, "BadDigest")
