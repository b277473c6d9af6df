"""Copies of objects that a store has already: inside one store, and from one store to another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.stopping import Stopped
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.stores.store import Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import CopyJob
from recording_operator.transfer.observer import UploadState
from tests.support.strict_faults import Drop, ErrorResponse, Fault, Misjoin
from tests.support.strict_store import StrictStore
from tests.support.transfers import (
    KEY,
    KIB,
    Observed,
    an_object,
    fails,
    fast_options,
    parts_of,
    pattern,
    stop_when,
    store_of,
)

BODY = pattern(1200 * KIB)
SMALL = pattern(100 * KIB)
OLD = "old/acme/uid-1/video.mp4"


@pytest.fixture
def first(strict: StrictStore) -> Iterator[S3LocationStore]:
    """The store that has the object; as it was probed."""
    strict.bucket.least_part_bytes = 256 * KIB
    made = store_of(strict)
    yield made.adapted(Capabilities())
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> FilesystemLocationStore:
    """Another store."""
    return FilesystemLocationStore(Tree(root=str(tmp_path), path=f"{tmp_path}/acme"))


def put(store: Store, body: bytes, **more: object) -> StoredObject:
    """An object at the old key."""
    obj = an_object(**{"key": OLD, **more})
    store.put(obj, body, crc64nvme=crc64nvme(body))
    head = store.head(OLD)
    assert head is not None
    return head.stored


def context_of(store: Store, observed: Observed | None = None, **options: object) -> TransferContext:
    """Where to copy it to."""
    observed = observed or Observed()
    made = fast_options(**{"single_copy_bytes": 300 * KIB, **options})
    obj = an_object(content_type="")
    return TransferContext(store=store, obj=obj, stop=observed.stop, observer=observed, options=made)


def job(source: Store, stored: StoredObject, **more: object) -> CopyJob:
    """Copy exactly this object."""
    given: dict[str, object] = {
        "source": source,
        "place": "StorageLocation old",
        "key": stored.key,
        "version_id": stored.version_id,
        "owner_uid": "uid-1",
        "expected_size_bytes": stored.size_bytes,
        "expected_checksum": stored.checksum,
    }
    return CopyJob(**{**given, **more})  # type: ignore[arg-type]


def check(copied: StoredObject, store: Store, body: bytes) -> None:
    """The bytes, their checksum, the identity, and nothing left open."""
    seen = store.head(KEY)
    assert seen is not None
    assert (seen.recording_uid, seen.artifact, seen.stored.content_type) == ("uid-1", "video", "video/mp4")
    assert copied.verified_by is not None
    assert (copied.size_bytes, copied.checksum, copied.etag) == (len(body), to_text(crc64nvme(body)), seen.stored.etag)
    assert b"".join(store.read(seen.stored)) == body
    assert list(store.uploads("")) == []


class _StoppedAtTheStart(Observed):
    """The transfer stops when its upload exists."""

    def upload_created(self, state: UploadState) -> None:
        super().upload_created(state)
        self.stop.set()


def operations(strict: StrictStore) -> list[str]:
    """What was requested."""
    return [request.operation for request in strict.requests]


def test_a_small_object_is_copied_by_one_request(strict: StrictStore, first: S3LocationStore) -> None:
    stored = put(first, SMALL)
    check(job(first, stored).run(context_of(first)), first, SMALL)
    assert operations(strict).count("CopyObject") == 1
    assert not {"CreateMultipartUpload", "UploadPart"} & set(operations(strict))


def test_a_large_object_is_copied_in_parts(strict: StrictStore, first: S3LocationStore) -> None:
    stored, observed = put(first, BODY), Observed()
    check(job(first, stored).run(context_of(first, observed)), first, BODY)
    assert operations(strict).count("UploadPartCopy") == 4
    assert "UploadPart" not in operations(strict)
    assert observed.progressed[-1] == (len(BODY), len(BODY))
    assert observed.stored_bytes == len(BODY)
    assert observed.read_bytes == 64 * KIB


@pytest.mark.parametrize("denied", ["CopyObject", "UploadPartCopy"])
def test_without_the_permission_to_copy_the_bytes_are_sent(
    strict: StrictStore, first: S3LocationStore, denied: str
) -> None:
    body = SMALL if denied == "CopyObject" else BODY
    stored = put(first, body)
    strict.denied.add(denied)
    check(job(first, stored).run(context_of(first)), first, body)
    assert operations(strict).count(denied) >= 1


def test_a_store_that_joins_parts_wrongly_gets_the_bytes(strict: StrictStore, first: S3LocationStore) -> None:
    stored = put(first, BODY)
    strict.fault(Fault(operation="CompleteMultipartUpload", action=Misjoin(fault="swap parts")))
    check(job(first, stored).run(context_of(first)), first, BODY)
    assert "UploadPart" in operations(strict)


def test_a_copy_that_was_stopped_continues(strict: StrictStore, first: S3LocationStore) -> None:
    stored, observed = put(first, BODY), _StoppedAtTheStart()
    with pytest.raises(Stopped):
        job(first, stored).run(context_of(first, observed, workers=1))
    done = len(parts_of(strict))
    assert done < 4
    before = operations(strict).count("UploadPartCopy")
    check(job(first, stored, resume=observed.states[-1]).run(context_of(first)), first, BODY)
    assert operations(strict).count("UploadPartCopy") == before + 4 - done
    assert "UploadPart" not in operations(strict)


@pytest.mark.parametrize("body", [SMALL, BODY, b""], ids=["small", "large", "empty"])
def test_from_a_bucket_to_a_folder_and_back(
    first: S3LocationStore, folder: FilesystemLocationStore, body: bytes
) -> None:
    stored = put(first, body)
    copied = job(first, stored).run(context_of(folder))
    check(copied, folder, body)
    assert first.delete(OLD, version_id=stored.version_id, recording_uid="uid-1")
    check(job(folder, copied).run(context_of(first)), first, body)


def test_to_a_store_without_checksums(first: S3LocationStore, folder: FilesystemLocationStore) -> None:
    plain = first.adapted(Capabilities().without_checksums())
    stored = put(folder, BODY)
    copied = job(folder, stored).run(context_of(plain))
    check(copied, plain, BODY)
    assert copied.verified_by is Reason.ETAG_MD5


def test_a_streamed_copy_that_was_stopped_continues(
    strict: StrictStore, first: S3LocationStore, folder: FilesystemLocationStore
) -> None:
    stored, observed = put(folder, BODY), Observed()
    strict.fault(Fault(operation="UploadPart", action=Drop(when="before"), first=3, times=9))
    stop_when(observed, lambda: len(parts_of(strict)) >= 2)
    with pytest.raises(Stopped):
        job(folder, stored).run(context_of(first, observed, workers=1))
    strict.heal()
    sent, missing = operations(strict).count("UploadPart"), 5 - len(parts_of(strict))
    assert missing <= 3
    check(job(folder, stored, resume=observed.states[-1]).run(context_of(first)), first, BODY)
    # The store may still read what was under way when the transfer stopped.
    assert operations(strict).count("UploadPart") <= sent + missing + 1


def test_a_connection_that_breaks_is_read_again(
    strict: StrictStore, first: S3LocationStore, folder: FilesystemLocationStore
) -> None:
    stored = put(first, BODY)
    strict.fault(Fault(operation="GetObject", action=Drop(when="after"), first=2, times=2))
    check(job(first, stored).run(context_of(folder)), folder, BODY)


def test_an_object_of_another_recording_is_not_copied(first: S3LocationStore, folder: FilesystemLocationStore) -> None:
    stored = put(first, SMALL, recording_uid="uid-2")
    error = fails(lambda: job(first, stored).run(context_of(folder)))
    assert (error.reason, error.message) == (
        Reason.SOURCE_NOT_FOUND,
        "StorageLocation old has no such object (any more).",
    )
    check(job(first, stored, owner_uid=None).run(context_of(folder)), folder, SMALL)


def test_a_missing_version_is_not_copied(first: S3LocationStore, folder: FilesystemLocationStore) -> None:
    stored = put(first, SMALL)
    first.delete(OLD, version_id=stored.version_id, recording_uid="uid-1")
    put(first, SMALL)
    assert fails(lambda: job(first, stored).run(context_of(folder))).reason is Reason.SOURCE_NOT_FOUND


@pytest.mark.parametrize("same_store", [True, False])
def test_bytes_that_are_not_the_expected_ones_are_not_accepted(
    first: S3LocationStore, folder: FilesystemLocationStore, same_store: bool
) -> None:
    stored = put(first, BODY)
    wrong = to_text(crc64nvme(BODY) ^ 1)
    target: Store = first if same_store else folder
    error = fails(lambda: job(first, stored, expected_checksum=wrong).run(context_of(target)))
    assert error.reason is Reason.CHECKSUM_MISMATCH
    assert target.head(KEY) is None
    assert list(target.uploads("")) == []


def test_an_object_without_a_known_checksum_is_sent_and_verified(strict: StrictStore, first: S3LocationStore) -> None:
    plain = first.adapted(Capabilities().without_checksums())
    stored = put(plain, BODY)
    assert stored.checksum == ""
    check(job(plain, stored, expected_checksum=None).run(context_of(plain)), plain, BODY)
    assert "UploadPartCopy" not in operations(strict)


def test_the_error_of_a_source_says_which_location_it_is(
    strict: StrictStore, first: S3LocationStore, folder: FilesystemLocationStore
) -> None:
    stored = put(first, SMALL)
    strict.denied.add("GetObjectVersion")
    error = fails(lambda: job(first, stored).run(context_of(folder)))
    assert error.reason is Reason.SOURCE_FORBIDDEN
    assert error.message.startswith("The object cannot be read from StorageLocation old: ")


def test_the_spec_of_the_object_decides_about_its_type(first: S3LocationStore, folder: FilesystemLocationStore) -> None:
    stored = put(first, b"hello", content_type="text/plain")
    error = fails(lambda: job(first, stored).run(context_of(folder)))
    assert error.reason is Reason.UNEXPECTED_CONTENT
    assert folder.head(KEY) is None


def test_a_taken_key_is_not_overwritten(first: S3LocationStore) -> None:
    stored = put(first, SMALL)
    first.put(an_object(recording_uid="uid-2"), b"theirs", crc64nvme=crc64nvme(b"theirs"))
    assert fails(lambda: job(first, stored).run(context_of(first))).reason is Reason.STORE_KEY_CONFLICT


def test_a_store_that_fails_during_the_copy_is_tried_again(strict: StrictStore, first: S3LocationStore) -> None:
    stored = put(first, SMALL)
    strict.fault(Fault(operation="CopyObject", action=ErrorResponse(status=503, code="SlowDown"), times=2))
    check(job(first, stored).run(context_of(first)), first, SMALL)
