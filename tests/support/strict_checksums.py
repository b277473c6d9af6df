"""The checksums of S3: the algorithms, the types that each supports, and the checksum in a request.

Source: user guide, "Checking object integrity in Amazon S3"; API reference, PutObject, UploadPart,
CreateMultipartUpload and CompleteMultipartUpload (headers `x-amz-checksum-*` and `x-amz-sdk-checksum-algorithm`).
"""

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from awscrt import checksums as crt

from tests.support.strict_errors import S3Error

Kind = Literal["FULL_OBJECT", "COMPOSITE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """A checksum in base64. A composite one ends with the number of parts."""

    algorithm: str
    value: str
    kind: Kind = "FULL_OBJECT"

    @property
    def header(self) -> str:
        """The name of its header."""
        return header_of(self.algorithm)

    @property
    def element(self) -> str:
        """The name of its XML element."""
        return f"Checksum{self.algorithm}"


_DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "CRC32C": lambda body: int(crt.crc32c(body)).to_bytes(4, "big"),
    "CRC64NVME": lambda body: int(crt.crc64nvme(body)).to_bytes(8, "big"),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
ALGORITHMS = tuple(_DIGESTS)
_DIGEST_BYTES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
# Algorithms of AWS that the strict store does not compute.
_UNKNOWN_HERE = {"SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"}
_KINDS: Mapping[str, tuple[Kind, ...]] = {  # the default first
    "CRC32": ("COMPOSITE", "FULL_OBJECT"),
    "CRC32C": ("COMPOSITE", "FULL_OBJECT"),
    "CRC64NVME": ("FULL_OBJECT",),
    "SHA1": ("COMPOSITE",),
    "SHA256": ("COMPOSITE",),
}
_NOT_SUMS = {"x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"}
_PREFIX = "x-amz-checksum-"


def header_of(algorithm: str) -> str:
    """`x-amz-checksum-crc32` and so on."""
    return f"{_PREFIX}{algorithm.lower()}"


def checksum_of(body: bytes, algorithm: str = "CRC64NVME") -> Checksum:
    """The checksum of these bytes."""
    return Checksum(algorithm=algorithm, value=base64.b64encode(_DIGESTS[algorithm](body)).decode())


def composite_of(parts: list[Checksum]) -> Checksum:
    """The checksum of the parts' checksums, and the number of parts."""
    algorithm = parts[0].algorithm
    joined = checksum_of(b"".join(base64.b64decode(part.value) for part in parts), algorithm)
    return Checksum(algorithm=algorithm, value=f"{joined.value}-{len(parts)}", kind="COMPOSITE")


def crc64nvme_of(body: bytes) -> str:
    """As `x-amz-checksum-crc64nvme` writes it."""
    return checksum_of(body).value


def algorithm_named(name: str) -> str:
    """A known algorithm, in upper case as S3 names it. Raises S3Error."""
    if name in _UNKNOWN_HERE:
        raise S3Error("NotImplemented")
    if name not in _DIGESTS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return name


def claimed(headers: Mapping[str, str], *, of_parts: bool = False) -> Checksum | None:
    """The one checksum that the headers state. `of_parts`: it may be composite. Raises S3Error if it is malformed."""
    stated = [name for name in headers if name.startswith(_PREFIX) and name not in _NOT_SUMS]
    trailer = headers.get("x-amz-trailer")
    if len(stated) + (trailer is not None) > 1:
        raise S3Error("InvalidRequest", "Expecting a single x-amz-checksum- header.")
    _check_sdk_algorithm(headers, [*stated, *([trailer] if trailer else [])])
    if not stated:
        return None
    algorithm = algorithm_named(stated[0].removeprefix(_PREFIX).upper())
    value = headers[stated[0]]
    well_formed(algorithm, re.sub(r"-[0-9]{1,5}$", "", value) if of_parts else value)
    return Checksum(algorithm=algorithm, value=value)


def well_formed(algorithm: str, value: str) -> str:
    """The value, if it is base64 of the algorithm's number of bytes. Raises S3Error."""
    if not is_well_formed(Checksum(algorithm=algorithm, value=value)):
        raise S3Error("InvalidRequest", f"Value for {header_of(algorithm)} header is invalid.")
    return value


def is_well_formed(checksum: Checksum) -> bool:
    """Whether the value is base64 of the algorithm's number of bytes."""
    try:
        return len(base64.b64decode(checksum.value, validate=True)) == _DIGEST_BYTES[checksum.algorithm]
    except (binascii.Error, ValueError):
        return False


def check(body: bytes, stated: Checksum) -> None:
    """Raises S3Error if the bytes have a different checksum."""
    if checksum_of(body, stated.algorithm).value != stated.value:
        raise S3Error("BadDigest", f"The {stated.algorithm} you specified did not match the calculated checksum.")


def trailer_algorithm(announced: str | None) -> str:
    """The algorithm that `x-amz-trailer` announces. Raises S3Error."""
    if announced is None or not announced.startswith(_PREFIX):
        raise S3Error("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
    return algorithm_named(announced.removeprefix(_PREFIX).upper())


def upload_checksum(headers: Mapping[str, str]) -> tuple[str, Kind] | None:
    """Algorithm and type that CreateMultipartUpload requests. Raises S3Error."""
    name, kind = headers.get("x-amz-checksum-algorithm"), headers.get("x-amz-checksum-type")
    if name is None:
        if kind is not None:
            raise S3Error("InvalidRequest", "x-amz-checksum-type needs the header x-amz-checksum-algorithm.")
        return None
    algorithm = algorithm_named(name)
    if kind is None:
        return algorithm, _KINDS[algorithm][0]
    for possible in _KINDS[algorithm]:
        if kind == possible:
            return algorithm, possible
    if kind in ("FULL_OBJECT", "COMPOSITE"):
        message = f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise S3Error("InvalidRequest", message)
    raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")


def check_md5(headers: Mapping[str, str], body: bytes) -> None:
    """Check `Content-MD5`. Raises S3Error: InvalidDigest if it is malformed, BadDigest if it does not match."""
    stated = headers.get("content-md5")
    if stated is None:
        return
    try:
        digest = base64.b64decode(stated, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _check_sdk_algorithm(headers: Mapping[str, str], stated: list[str]) -> None:
    name = headers.get("x-amz-sdk-checksum-algorithm")
    if name is None:
        return
    if name not in _DIGESTS and name not in _UNKNOWN_HERE:
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if not stated:
        message = "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer"
        raise S3Error("InvalidRequest", f"{message} headers were found.")
    if stated[0] != header_of(name):
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
