"""The state of a multipart upload, with all checks of AWS.

Source: API reference, CreateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload; user guide,
"Amazon S3 multipart upload limits" and "Checking object integrity in Amazon S3".
"""

import hashlib
import itertools
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.garble import JoinFault, misjoined
from tests.support.strict_bucket import Attributes, Bucket, Part, Upload, Version, WriteIf
from tests.support.strict_checksums import Checksum, Kind, check, composite_of, is_well_formed
from tests.support.strict_errors import S3Error, invalid_argument

MOST_PARTS = 10_000
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """A part in a Complete request."""

    part_number: int
    etag: str
    checksums: tuple[Checksum, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The size and checksum of the object in a Complete request."""

    checksum: Checksum | None = None
    kind: str | None = None
    size_bytes: int | None = None
    condition: WriteIf = field(default_factory=WriteIf)


def create_upload(bucket: Bucket, key: str, attributes: Attributes, checksum: tuple[str, Kind] | None) -> Upload:
    """Create an upload. Its id is greater than those of earlier ones, as listings require."""
    algorithm, kind = checksum or (None, None)
    upload = Upload(
        upload_id=f"{next(_numbers):012x}{secrets.token_hex(16)}",
        key=key,
        attributes=attributes,
        algorithm=algorithm,
        kind=kind,
        initiated=datetime.now(tz=UTC),
    )
    bucket.uploads[upload.upload_id] = upload
    return upload


def open_upload(bucket: Bucket, key: str, upload_id: str) -> Upload:
    """An open upload of this key. Raises S3Error."""
    upload = bucket.uploads.get(upload_id)
    if upload is None or upload.key != key:
        raise S3Error("NoSuchUpload", "The specified upload does not exist.", UploadId=upload_id)
    return upload


def part_number_of(text: str) -> int:
    """Raises S3Error."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_PARTS:
        return int(text)
    raise invalid_argument("partNumber", text, "Part number must be an integer between 1 and 10000, inclusive")


def put_part(
    bucket: Bucket, key: str, upload_id: str, number: int, body: bytes, *, said: Checksum | None = None
) -> Part:
    """Store a part. It replaces an earlier one with the same number. Raises S3Error."""
    upload = open_upload(bucket, key, upload_id)
    if number > bucket.dialect.most_parts:
        raise invalid_argument("partNumber", number, f"Part number must be at most {bucket.dialect.most_parts}")
    part = Part(
        body=body,
        etag=bucket.etag(body, upload.attributes),
        checksum=bucket.checksum(body, said, algorithm=upload.algorithm),
    )
    upload.parts[number] = part
    return part


def check_part_checksum(bucket: Bucket, upload: Upload, said: Checksum | None) -> None:
    """A part must have a checksum of the upload's algorithm, or none if the upload has none. Raises S3Error."""
    dialect = bucket.dialect
    if dialect.sums != "kept" or (said is None and dialect.trailers != "checked"):
        return  # a store that checks no trailer takes parts without
    actual = said.algorithm if said else None
    if actual != upload.algorithm:
        expected, found = (upload.algorithm or "null").lower(), (actual or "null").lower()
        message = f"expected checksum Type: {expected}, actual checksum Type: {found}"
        raise S3Error("InvalidRequest", f"Checksum Type mismatch occurred, {message}")


def complete(
    bucket: Bucket, key: str, upload_id: str, listed: list[ListedPart], whole: Whole, *, fault: JoinFault | None = None
) -> Version:
    """Join the parts after all checks of AWS. With `fault`, they are joined wrongly. Raises S3Error."""
    again = bucket.completed.get(upload_id)
    if again is not None:
        return _completed_again(bucket, again)
    upload = open_upload(bucket, key, upload_id)
    bucket.check_write(key, whole.condition)
    chosen = _chosen(bucket, upload, listed)
    body = b"".join(part.body for part in chosen)
    summed = body[::-1] if bucket.dialect.joins != "right" and len(chosen) > 1 else body
    if bucket.dialect.sums == "kept" and bucket.dialect.completes == "checked":
        _check_size_and_kind(upload, whole, body)
        if summed is body or bucket.dialect.joins == "wrong":
            _check_checksum(upload, chosen, whole, summed)
    etag = _etag_of_parts(chosen)
    if not upload.attributes.etag_is_md5 or bucket.dialect.etags != "md5":
        etag = bucket.etag(body, upload.attributes)
    if fault is not None and len(chosen) > 1:
        body = summed = misjoined([part.body for part in chosen], fault)
        etag = bucket.etag(body, upload.attributes)
    version = bucket.keep(
        key,
        body,
        upload.attributes,
        etag=etag,
        checksum=_checksum_of_whole(bucket, upload, chosen, summed, whole),
        part_sizes=tuple(len(part.body) for part in chosen),
    )
    bucket.completed[upload_id] = version
    del bucket.uploads[upload_id]
    return version


def _etag_of_parts(parts: list[Part]) -> str:
    """The MD5 of the parts' MD5s, and how many there are."""
    joined = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    return f'"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'


def _completed_again(bucket: Bucket, version: Version) -> Version:
    if bucket.after_complete == "OK":
        return version
    raise S3Error(bucket.after_complete)


def _checksum_of_whole(
    bucket: Bucket, upload: Upload, chosen: list[Part], body: bytes, whole: Whole
) -> Checksum | None:
    if bucket.dialect.sums == "kept" and upload.kind == "COMPOSITE":
        return _composite(chosen)
    return bucket.checksum(body, whole.checksum, algorithm=upload.algorithm)


def _composite(chosen: list[Part]) -> Checksum:
    return composite_of([part.checksum for part in chosen if part.checksum is not None])


def _check_size_and_kind(upload: Upload, whole: Whole, body: bytes) -> None:
    if whole.size_bytes is not None and whole.size_bytes != len(body):
        message = f"header value {whole.size_bytes} does not match what was computed: {len(body)}"
        raise S3Error("InvalidRequest", f"The provided 'x-amz-mp-object-size' {message}")
    if whole.kind is not None and whole.kind != upload.kind:
        message = f"The upload was created using the {upload.kind} checksum mode."
        raise S3Error("InvalidRequest", f"{message} The complete request must use the same checksum mode.")


def _check_checksum(upload: Upload, chosen: list[Part], whole: Whole, body: bytes) -> None:
    stated = whole.checksum
    if stated is None:
        return
    if stated.algorithm != upload.algorithm:
        expected = (upload.algorithm or "null").lower()
        message = f"expected checksum Type: {expected}, actual checksum Type: {stated.algorithm.lower()}"
        raise S3Error("InvalidRequest", f"Checksum Type mismatch occurred, {message}")
    if upload.kind == "FULL_OBJECT":
        check(body, stated)
    elif stated.value not in ((made := _composite(chosen).value), made.rpartition("-")[0]):
        raise S3Error("BadDigest", f"The {stated.algorithm} you specified did not match the calculated checksum.")


def _chosen(bucket: Bucket, upload: Upload, listed: list[ListedPart]) -> list[Part]:
    numbers = [part.part_number for part in listed]
    if any(not 1 <= number <= MOST_PARTS for number in numbers):
        raise invalid_argument("PartNumber", numbers, "PartNumber must be from 1 to 10000")
    if numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order.", UploadId=upload.upload_id)
    chosen = [_the_part(bucket, upload, named) for named in listed]
    small = [number for number, part in zip(numbers, chosen, strict=True) if len(part.body) < bucket.least_part_bytes]
    if small and small[0] != numbers[-1]:
        size = len(upload.parts[small[0]].body)
        message = "Your proposed upload is smaller than the minimum allowed size"
        fields: dict[str, Any] = {
            "ProposedSize": size,
            "MinSizeAllowed": bucket.least_part_bytes,
            "PartNumber": small[0],
        }
        raise S3Error("EntityTooSmall", message, **fields)
    if bucket.dialect.equal_parts and len({len(part.body) for part in chosen[:-1]}) > 1:
        raise S3Error("InvalidPart", "All parts but the last must have the same length.")
    consecutive = numbers == list(range(1, len(numbers) + 1))
    if bucket.dialect.sums == "kept" and upload.algorithm is not None and not consecutive:
        # User guide, "Checking object integrity": 500 where the numbers are not consecutive from 1.
        raise S3Error("InternalError", "Part numbers of an upload with checksums must be consecutive, from 1.")
    return chosen


def _the_part(bucket: Bucket, upload: Upload, named: ListedPart) -> Part:
    part = upload.parts.get(named.part_number)
    wrong = S3Error(
        "InvalidPart",
        "One or more of the specified parts could not be found. The part might not have been uploaded, or the "
        "specified entity tag might not have matched the part's entity tag.",
        UploadId=upload.upload_id,
        PartNumber=named.part_number,
        ETag=named.etag.strip('"'),
    )
    if part is None or part.etag.strip('"') != named.etag.strip('"'):
        raise wrong
    if bucket.dialect.sums == "kept":
        _check_named_checksum(upload, part, named, wrong)
    return part


def _check_named_checksum(upload: Upload, part: Part, named: ListedPart, wrong: S3Error) -> None:
    if len(named.checksums) > 1:
        raise invalid_argument("PartNumber", named.part_number, "Expecting a single checksum for each part.")
    if upload.algorithm is not None and not named.checksums:
        message = (
            f"The upload was created using a {upload.algorithm.lower()} checksum. The complete request must include"
        )
        raise S3Error("InvalidRequest", f"{message} the checksum for each part; part {named.part_number} has none.")
    for stated in named.checksums:
        if not is_well_formed(stated):
            raise invalid_argument(stated.element, stated.value)
        if upload.algorithm not in (None, stated.algorithm):
            raise S3Error("BadDigest", f"The {stated.algorithm.lower()} of a part did not match what we received.")
        if upload.algorithm is None or part.checksum is None or stated.value != part.checksum.value:
            raise wrong
