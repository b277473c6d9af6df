"""Copies inside one store of objects that other software has written, with other checksums or none."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.stopping import Stopped
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.transfer.jobs import CopyJob
from tests.support import strict_copies
from tests.support.strict_bucket import Attributes, Version
from tests.support.strict_checksums import checksum_of, composite_of
from tests.support.strict_faults import Drop, ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, Observed, an_object, fails, parts_of, pattern, stop_when, store_of
from tests.transfer.test_copy_job import context_of, operations

PART = 256 * KIB
BODY = pattern(5 * PART - 100)
LEFT = "egress/video.mp4"
THEIRS = Attributes(content_type="video/mp4", metadata={}, headers={})
KMS = {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "key"}


@pytest.fixture
def store(strict: StrictStore) -> Iterator[S3LocationStore]:
    """The store of both locations, as it was probed."""
    strict.bucket.least_part_bytes = PART
    made = store_of(strict)
    yield made.adapted(Capabilities())
    made.close()


def left(strict: StrictStore, *, algorithm: str | None = "CRC32", body: bytes = BODY, **attributes: object) -> None:
    """An object that was written in one request."""
    theirs = replace(THEIRS, **attributes)  # type: ignore[arg-type]
    checksum = None if algorithm is None else checksum_of(body, algorithm)
    strict.bucket.keep(LEFT, body, theirs, etag=strict.bucket.etag(body, theirs), checksum=checksum)


def left_in_parts(strict: StrictStore, *sizes: int, algorithm: str | None = "CRC32") -> None:
    """An object that was written in parts of these sizes."""
    parts = [BODY[sum(sizes[:index]) :][:size] for index, size in enumerate(sizes)]
    joined = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    etag = f'"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"'
    sums = None if algorithm is None else composite_of([checksum_of(part, algorithm) for part in parts])
    strict.bucket.keep(LEFT, BODY, THEIRS, etag=etag, checksum=sums, part_sizes=tuple(len(part) for part in parts))


def job(store: S3LocationStore, **more: object) -> CopyJob:
    """Copy what is left there, whoever wrote it."""
    return CopyJob(source=store, place="StorageLocation egress", key=LEFT, **more)  # type: ignore[arg-type]


def copied(strict: StrictStore, store: S3LocationStore, *, by: Reason, **more: object) -> Observed:
    """Copy it, and check what is stored and how it was verified."""
    observed = Observed()
    stored = job(store, **more).run(context_of(store, observed))
    found = strict.bucket.current(KEY)
    assert found is not None
    assert found.body == BODY
    assert stored.verified_by is by
    assert stored.checksum == to_text(crc64nvme(BODY))
    assert (stored.etag, stored.size_bytes) == (found.etag.strip('"'), len(BODY))
    assert found.checksum is not None
    assert found.checksum.algorithm == "CRC64NVME"
    assert not strict.bucket.uploads
    return observed


PARTS = (PART, PART, PART, PART, PART - 100)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "SHA256", None])
def test_one_request_copies_what_was_written_in_one(
    strict: StrictStore, store: S3LocationStore, algorithm: str | None
) -> None:
    left(strict, algorithm=algorithm)
    observed = copied(strict, store, by=Reason.ETAG_MD5)
    assert operations(strict).count("CopyObject") == 1
    assert not {"CreateMultipartUpload", "PutObject"} & set(operations(strict))
    assert observed.read_bytes == 64 * KIB


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", None])
def test_what_was_written_in_parts_is_copied_in_the_same_parts(
    strict: StrictStore, store: S3LocationStore, algorithm: str | None
) -> None:
    left_in_parts(strict, *PARTS, algorithm=algorithm)
    observed = copied(strict, store, by=Reason.ETAG_MD5)
    assert operations(strict).count("UploadPartCopy") == len(PARTS)
    assert "UploadPart" not in operations(strict)
    assert observed.read_bytes == 64 * KIB


@pytest.mark.parametrize("why", ["unequal parts", "KMS", "opaque ETags", "no CRC64NVME", "a SHA-256 in the spec"])
def test_what_no_etag_can_verify_is_read(strict: StrictStore, store: S3LocationStore, why: str) -> None:
    more: dict[str, object] = {}
    match why:
        case "unequal parts":
            left_in_parts(strict, PART, 2 * PART, len(BODY) - 3 * PART)
        case "KMS":
            left(strict, encryption=KMS)
        case "opaque ETags":
            left(strict)
            store = store.adapted(Capabilities(md5_etags=False))
        case "no CRC64NVME":
            left(strict)
            store = store.adapted(Capabilities(full_object_checksums=False))
        case _:
            left(strict)
            more["expected_checksum"] = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
    by = Reason.ETAG_MD5 if why == "no CRC64NVME" else Reason.FULL_OBJECT_CRC64NVME
    observed = copied(strict, store, by=by, **more)
    assert observed.read_bytes >= len(BODY)
    assert not {"CopyObject", "UploadPartCopy"} & set(operations(strict))


def test_a_store_that_copies_other_bytes_gets_them_instead(
    strict: StrictStore, store: S3LocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(strict)
    _copies_wrongly(monkeypatch)
    copied(strict, store, by=Reason.FULL_OBJECT_CRC64NVME)
    assert operations(strict).count("CopyObject") == 1
    assert len(strict.bucket.versions[KEY]) == 1


def test_parts_with_other_bytes_never_become_an_object(
    strict: StrictStore, store: S3LocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_in_parts(strict, *PARTS)
    _copies_wrongly(monkeypatch)
    copied(strict, store, by=Reason.FULL_OBJECT_CRC64NVME)
    assert operations(strict).count("UploadPartCopy") == len(PARTS)
    assert operations(strict).count("CompleteMultipartUpload") == 1  # of the bytes that were sent


def test_an_object_that_was_replaced_meanwhile_is_not_copied(strict: StrictStore, store: S3LocationStore) -> None:
    strict.bucket.versioned = False
    left(strict)
    first = strict.bucket.current(LEFT)
    assert first is not None
    strict.bucket.versions[LEFT][-1] = replace(first, etag=f'"{"0" * 32}"')
    stored = store.head(LEFT)
    assert stored is not None
    strict.bucket.versions[LEFT][-1] = first
    error = fails(lambda: store.copy(an_object(), source=store, stored=stored.stored))
    assert error.reason is Reason.STORE_KEY_CONFLICT
    assert strict.bucket.current(KEY) is None


@pytest.mark.parametrize("sizes", [(len(BODY),), PARTS], ids=["whole", "parts"])
def test_the_copy_of_an_earlier_attempt_is_verified_without_reading(
    strict: StrictStore, store: S3LocationStore, sizes: tuple[int, ...]
) -> None:
    """As after a crash between the copy and the status."""
    _left_as(strict, sizes)
    first = job(store).run(context_of(store))
    observed = copied(strict, store, by=Reason.ETAG_MD5)
    assert len(strict.bucket.versions[KEY]) == 1
    assert strict.bucket.versions[KEY][0].version_id == first.version_id
    assert observed.read_bytes == 64 * KIB


def test_the_wrong_copy_of_an_earlier_attempt_is_not_accepted(
    strict: StrictStore, store: S3LocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the checksum of its wrong bytes, and nobody has compared them yet."""
    left(strict)
    stored = store.head(LEFT)
    assert stored is not None
    with monkeypatch.context() as wrongly:
        _copies_wrongly(wrongly)
        store.copy(an_object(), source=store, stored=stored.stored)
    assert fails(lambda: job(store).run(context_of(store))).reason is Reason.STORE_KEY_CONFLICT


def test_without_its_source_a_copy_is_not_accepted(strict: StrictStore, store: S3LocationStore) -> None:
    left(strict)
    job(store).run(context_of(store))
    del strict.bucket.versions[LEFT]
    error = fails(lambda: job(store).run(context_of(store)))
    assert error.reason is Reason.SOURCE_NOT_FOUND
    assert "It can be verified only with the source." in error.message
    copied(strict, store, by=Reason.FULL_OBJECT_CRC64NVME, expected_checksum=to_text(crc64nvme(BODY)))


def test_a_copy_in_parts_that_was_stopped_continues(strict: StrictStore, store: S3LocationStore) -> None:
    left_in_parts(strict, *PARTS)
    observed = Observed()
    strict.fault(Fault(operation="UploadPartCopy", action=Drop(when="before"), first=3, times=9))
    stop_when(observed, lambda: len(parts_of(strict)) >= 2)
    with pytest.raises(Stopped):
        job(store).run(context_of(store, observed, workers=1))
    done = len(parts_of(strict))
    assert 0 < done < len(PARTS)
    strict.heal()
    before = operations(strict).count("UploadPartCopy")
    copied(strict, store, by=Reason.ETAG_MD5, resume=observed.states[-1])
    assert operations(strict).count("UploadPartCopy") == before + len(PARTS) - done


def test_an_object_whose_parts_are_not_stated_is_read(strict: StrictStore, store: S3LocationStore) -> None:
    left_in_parts(strict, *PARTS)
    strict.fault(Fault(operation="HeadObject", action=ErrorResponse(status=501, code="NotImplemented"), first=2))
    copied(strict, store, by=Reason.FULL_OBJECT_CRC64NVME)
    assert "UploadPartCopy" not in operations(strict)


def _left_as(strict: StrictStore, sizes: tuple[int, ...]) -> None:
    if len(sizes) == 1:
        left(strict)
    else:
        left_in_parts(strict, *sizes)


def _copies_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store reads other bytes of the right length."""
    read = strict_copies.copied_version

    def wrong(request: object, bucket: object) -> Version:
        version = read(request, bucket)  # type: ignore[arg-type]
        return replace(version, body=version.body[:-1] + bytes([version.body[-1] ^ 1]))

    monkeypatch.setattr(strict_copies, "copied_version", wrong)
