"""Objects that others have written, as sources of copies: what counts as one, and what if it is gone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.s3.location import S3LocationStore
from recording_operator.stores.store import Store
from recording_operator.transfer.jobs import CopyJob
from tests.support.strict_store import StrictStore
from tests.support.transfers import KIB, Observed, an_object, fails, pattern, store_of
from tests.transfer.test_copy_job import BODY, OLD, context_of

PLACE = "StorageLocation egress"


@pytest.fixture
def target(strict: StrictStore) -> Iterator[S3LocationStore]:
    """The store of the Recording."""
    strict.bucket.least_part_bytes = 256 * KIB
    made = store_of(strict)
    yield made.adapted(Capabilities())
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> FilesystemLocationStore:
    """A directory that others write into."""
    (tmp_path / "acme").mkdir()
    return FilesystemLocationStore(Tree(root=str(tmp_path), path=f"{tmp_path}/acme"))


def job(source: Store, key: str, **more: object) -> CopyJob:
    """Copy what is at the key, whoever wrote it."""
    return CopyJob(source=source, place=PLACE, key=key, **more)  # type: ignore[arg-type]


def refused(copying: CopyJob, target: S3LocationStore, reason: Reason) -> str:
    """The message with which the copy fails."""
    error = fails(lambda: copying.run(context_of(target)))
    assert error.reason is reason
    return error.message


def test_a_file_of_anybody_is_copied_and_stays(
    target: S3LocationStore, folder: FilesystemLocationStore, tmp_path: Path
) -> None:
    file = tmp_path / "acme" / "video.mp4"
    file.write_bytes(BODY)
    before = file.stat()

    copied = job(folder, "video.mp4").run(context_of(target))

    assert (copied.size_bytes, copied.verified_by) == (len(BODY), Reason.FULL_OBJECT_CRC64NVME)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (BODY, before.st_mtime_ns)


@pytest.mark.parametrize("kind", ["pipe", "link", "directory", "absent"])
def test_what_is_no_file_is_not_there(
    target: S3LocationStore, folder: FilesystemLocationStore, tmp_path: Path, kind: str
) -> None:
    there = tmp_path / "acme" / "video.mp4"
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(BODY)
    match kind:
        case "pipe":
            os.mkfifo(there)
        case "link":
            there.symlink_to(secret)
        case "directory":
            there.mkdir()

    message = refused(job(folder, "video.mp4"), target, Reason.SOURCE_NOT_FOUND)

    assert message == f"{PLACE} has no such object (any more)."
    assert target.head(an_object().key) is None


@pytest.mark.parametrize(
    "key", ["../secret.mp4", "up/../../secret.mp4", "/etc/passwd", ".recording-operator/uploads/x"]
)
def test_no_key_leads_out_of_the_directory(
    target: S3LocationStore, folder: FilesystemLocationStore, tmp_path: Path, key: str
) -> None:
    (tmp_path / "secret.mp4").write_bytes(BODY)

    refused(job(folder, key), target, Reason.SOURCE_UNREACHABLE)


def test_an_object_larger_than_the_limit_is_not_copied(strict: StrictStore, target: S3LocationStore) -> None:
    body = pattern(300 * KIB)
    target.put(an_object(key=OLD), body, crc64nvme=crc64nvme(body))

    refused(job(target, OLD, limit_bytes=len(body) - 1), target, Reason.SOURCE_TOO_LARGE)

    assert "CopyObject" not in [request.operation for request in strict.requests]


def test_a_source_that_is_gone_is_not_needed_when_an_earlier_attempt_has_stored_it(
    target: S3LocationStore, folder: FilesystemLocationStore, tmp_path: Path
) -> None:
    """As after a crash between the last part and the status."""
    file = tmp_path / "acme" / "video.mp4"
    file.write_bytes(BODY)
    first = job(folder, "video.mp4").run(context_of(target))
    file.unlink()
    observed = Observed()

    again = job(folder, "video.mp4").run(context_of(target, observed))

    assert (again.etag, again.verified_by) == (first.etag, Reason.FULL_OBJECT_CRC64NVME)
    assert observed.stored_bytes == 0


def test_a_copy_that_an_earlier_attempt_has_made_is_not_made_again(
    strict: StrictStore, target: S3LocationStore
) -> None:
    """Not every store that has conditional writes has conditional copies: it would overwrite the object."""
    body = pattern(80 * KIB)
    target.put(an_object(key=OLD), body, crc64nvme=crc64nvme(body))
    first = job(target, OLD).run(context_of(target))

    again = job(target, OLD).run(context_of(target))

    assert (again.version_id, again.verified_by) == (first.version_id, first.verified_by)
    assert [request.operation for request in strict.requests].count("CopyObject") == 1
