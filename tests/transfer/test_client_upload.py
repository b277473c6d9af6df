"""Files that a client sends in parts: the upload is opened, then completed and judged, at each kind of store."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from localcluster.media import Media
from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.stopping import Stopped
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.filesystem.location import FilesystemLocationStore
from recording_operator.stores.filesystem.tree import Tree
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.transfer.client_upload import ClientUploadJob, FinishedUpload, PartsMissing
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.observer import UploadState
from tests.support.client_uploads import send_file, send_part
from tests.support.strict_faults import Drop, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, KIB, MIB, Observed, an_object, fails, fast_options, store_of, sum_of

PART = 256 * KIB
BODY = Media(name="video.mp4", size_bytes=3 * PART + 1000).read(0, 3 * PART + 1000)
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>" * 10


@pytest.fixture
def s3(strict: StrictStore) -> Iterator[LocationStore]:
    """A bucket, as it was probed."""
    made = store_of(strict)
    yield made.adapted(Capabilities())
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> LocationStore:
    """A directory."""
    return FilesystemLocationStore(Tree(root=str(tmp_path), path=f"{tmp_path}/acme"))


@pytest.fixture(params=["s3", "folder"])
def store(request: pytest.FixtureRequest) -> LocationStore:
    """Each kind."""
    made: LocationStore = request.getfixturevalue(request.param)
    return made


def run(
    store: LocationStore, observed: Observed | None = None, *, obj: ObjectSpec | None = None, **job: object
) -> StoredObject:
    """One run of the job."""
    observed = observed or Observed()
    given: dict[str, Any] = {"max_size_bytes": 10 * MIB, **job}
    context = TransferContext(
        store=store, obj=obj or an_object(), stop=observed.stop, observer=observed, options=fast_options()
    )
    return ClientUploadJob(**given).run(context)


def opened(store: LocationStore, **job: Any) -> UploadState:
    """The first run."""
    observed = Observed()
    with pytest.raises(PartsMissing):
        run(store, observed, **job)
    [state] = observed.states
    return state


def finish(body: bytes = BODY, checksum: str | None = None) -> FinishedUpload:
    return FinishedUpload(size_bytes=len(body), checksum=checksum)


def sent(store: LocationStore, body: bytes = BODY, **job: Any) -> UploadState:
    """An upload of which the client has sent everything."""
    state = opened(store, **job)
    send_file(store, KEY, state.upload_id, body, part_size=state.part_size_bytes)
    return state


def absent(store: LocationStore) -> bool:
    return store.head(KEY) is None


@pytest.mark.parametrize("checksum", ["", "crc64nvme", "sha256"])
@pytest.mark.parametrize("size_bytes", [3 * PART + 1000, 2 * PART, 3000])
def test_what_the_client_has_sent_becomes_the_object(store: LocationStore, size_bytes: int, checksum: str) -> None:
    body, observed = BODY[:size_bytes], Observed()
    state = sent(store, body)
    wanted = sum_of(checksum, body) if checksum else None
    stored = run(store, observed, finish=finish(body, wanted), resume=state)
    seen = store.head(KEY)
    assert seen is not None
    assert b"".join(store.read(seen.stored)) == body
    assert (stored.etag, stored.size_bytes, stored.checksum) == (
        seen.stored.etag,
        size_bytes,
        to_text(crc64nvme(body)),
    )
    assert stored.verified_by is not None
    assert stored.proved_checksum == (checksum or None)
    assert (seen.recording_uid, seen.artifact, seen.stored.content_type) == ("uid-1", "video", "video/mp4")
    assert list(store.uploads("")) == []
    assert observed.progressed[-1] == (size_bytes, size_bytes)


def test_the_crc64nvme_of_the_client_is_compared_with_that_of_the_store(s3: LocationStore, strict: StrictStore) -> None:
    state = sent(s3)
    stored = run(s3, finish=finish(checksum=sum_of("crc64nvme", BODY)), resume=state)
    assert stored.verified_by is Reason.FULL_OBJECT_CRC64NVME
    reads = [request for request in strict.requests if request.operation == "GetObject"]
    assert len(reads) == 1  # of the first bytes


def test_a_store_without_checksums_reads_the_object_once(strict: StrictStore) -> None:
    store = store_of(strict).adapted(Capabilities().without_checksums())
    state = sent(store)
    stored = run(store, finish=finish(checksum=sum_of("crc64nvme", BODY)), resume=state)
    assert (stored.verified_by, stored.checksum) == (Reason.READ_BACK, to_text(crc64nvme(BODY)))
    store.close()


def test_an_open_upload_is_not_opened_twice(store: LocationStore) -> None:
    state, observed = opened(store), Observed()
    with pytest.raises(PartsMissing):
        run(store, observed, resume=state)
    assert observed.states == []
    assert [upload.upload_id for upload in store.uploads("")] == [state.upload_id]


def test_a_lost_or_forged_upload_is_opened_again(store: LocationStore) -> None:
    state = opened(store)
    store.abort(KEY, state.upload_id)
    for wrong in (state, replace(state, upload_id="0" * 32), replace(state, part_size_bytes=1)):
        observed = Observed()
        with pytest.raises(PartsMissing):
            run(store, observed, resume=wrong)
        assert observed.states[0].upload_id != wrong.upload_id


def test_an_upload_that_is_lost_after_the_client_has_finished_is_not_opened_again(store: LocationStore) -> None:
    state = sent(store)
    store.abort(KEY, state.upload_id)
    error = fails(lambda: run(store, finish=finish(), resume=state))
    assert (error.reason, error.is_final) == (Reason.STORE_UPLOAD_LOST, True)
    assert list(store.uploads("")) == []
    with pytest.raises(PartsMissing):  # after a retry
        run(store, finish=finish())


def test_missing_parts_are_waited_for(store: LocationStore) -> None:
    state = opened(store)
    send_file(store, KEY, state.upload_id, BODY, part_size=PART, only=[1, 3])
    with pytest.raises(PartsMissing) as caught:
        run(store, finish=finish(), resume=state)
    assert caught.value.missing == "2 of 4 parts are missing or incomplete"
    assert caught.value.stored_bytes == 2 * PART
    send_file(store, KEY, state.upload_id, BODY, part_size=PART, only=[2, 4])
    assert run(store, finish=finish(), resume=state).size_bytes == len(BODY)


def test_more_bytes_than_the_client_says_fail(store: LocationStore) -> None:
    state = sent(store)
    error = fails(lambda: run(store, finish=FinishedUpload(size_bytes=PART + 1), resume=state))
    assert error.reason is Reason.SIZE_MISMATCH
    assert "source.upload.finish" in error.message
    assert absent(store)


@pytest.mark.parametrize("limit", ["max_size_bytes", "limit_bytes"])
def test_a_file_above_a_limit_fails(store: LocationStore, limit: str) -> None:
    limits: dict[str, Any] = {limit: len(BODY) - 1}
    error = fails(lambda: run(store, finish=finish(), **limits))
    assert error.reason is Reason.SOURCE_TOO_LARGE
    assert list(store.uploads("")) == []


def test_a_file_above_the_limit_of_the_location_fails(store: LocationStore) -> None:
    error = fails(lambda: run(store, finish=finish(), obj=an_object(max_size_bytes=len(BODY) - 1)))
    assert error.reason is Reason.SOURCE_TOO_LARGE


def test_a_wrong_checksum_leaves_no_object(store: LocationStore) -> None:
    for algorithm in ("crc64nvme", "sha256"):
        state = sent(store)
        wanted = finish(checksum=sum_of(algorithm, b"other"))
        error = fails(partial(run, store, finish=wanted, resume=state))
        assert error.reason is Reason.CHECKSUM_MISMATCH
        assert absent(store)


def test_other_content_leaves_no_object(store: LocationStore) -> None:
    state = sent(store, PAGE)
    error = fails(lambda: run(store, finish=finish(PAGE), resume=state))
    assert error.reason is Reason.UNEXPECTED_CONTENT
    assert error.message == (
        "The client has sent HTML, expected video/mp4. If that is intended, declare it with contentType. It was "
        "removed."
    )
    assert absent(store)


def test_a_type_that_the_spec_does_not_list_leaves_no_object(store: LocationStore) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(3000)
    obj, types = an_object(content_type="", kind="Other"), ("video/*", "audio/*")
    state = sent(store, png, obj=obj, content_types=types)
    error = fails(lambda: run(store, finish=finish(png), resume=state, obj=obj, content_types=types))
    assert error.reason is Reason.UNEXPECTED_CONTENT
    assert error.message.startswith("source.upload.contentTypes allows video/*, audio/*, but the client sends PNG")
    assert absent(store)
    error = fails(lambda: run(store, obj=an_object(content_type="image/png", kind="Other"), content_types=types))
    assert "the artifact declares image/png" in error.message


@pytest.mark.parametrize(
    ("declared", "types", "expected"),
    [
        ("", (), "application/octet-stream"),
        ("", ("video/mp4",), "video/mp4"),
        ("", ("video/*",), "application/octet-stream"),
        ("video/mp4", ("video/*",), "video/mp4"),
    ],
)
def test_the_type_of_the_object_is_that_of_the_spec(
    store: LocationStore, declared: str, types: tuple[str, ...], expected: str
) -> None:
    obj, body = an_object(content_type=declared), b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(5000)
    state = sent(store, body, obj=obj, content_types=types)
    assert run(store, finish=finish(body), resume=state, obj=obj, content_types=types).content_type == expected


def completed_by_an_earlier_run(store: LocationStore, body: bytes) -> UploadState:
    """A process ended after it had completed the upload, before it looked at the object."""
    state = sent(store, body)
    parts = store.list_parts(KEY, state.upload_id)
    store.complete(an_object(), state.upload_id, parts, size_bytes=len(body), crc64nvme=None)
    return state


@pytest.mark.parametrize("find_only", [False, True])
def test_an_object_of_an_earlier_run_is_judged(store: LocationStore, find_only: bool) -> None:
    state = completed_by_an_earlier_run(store, BODY)
    wanted = finish(checksum=sum_of("sha256", BODY))
    stored = run(store, finish=wanted, resume=state, find_only=find_only)
    assert (stored.checksum, stored.proved_checksum) == (to_text(crc64nvme(BODY)), "sha256")


def test_a_wrong_object_of_an_earlier_run_is_removed(store: LocationStore) -> None:
    state = completed_by_an_earlier_run(store, PAGE)
    assert fails(lambda: run(store, finish=finish(PAGE), resume=state)).reason is Reason.UNEXPECTED_CONTENT
    assert absent(store)


def test_an_object_of_somebody_else_is_kept(store: LocationStore) -> None:
    store.put(an_object(recording_uid="uid-2"), BODY, crc64nvme=crc64nvme(BODY))
    jobs: tuple[dict[str, Any], ...] = ({}, {"finish": finish()})
    for job in jobs:
        assert fails(partial(run, store, **job)).reason is Reason.STORE_KEY_CONFLICT
    assert not absent(store)


def test_nothing_is_opened_if_the_object_is_only_looked_for(store: LocationStore) -> None:
    jobs: tuple[dict[str, Any], ...] = ({}, {"finish": finish()})
    for job in jobs:
        with pytest.raises(Stopped):
            run(store, find_only=True, **job)
    assert list(store.uploads("")) == []


def test_an_archive_class_takes_no_uploads(s3: LocationStore) -> None:
    archive = s3.adapted(replace(Capabilities(), reads_back=False))
    assert fails(lambda: run(archive)).reason is Reason.INTEGRITY_UNVERIFIABLE
    assert list(s3.uploads("")) == []


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "HeadObject", "ListParts", "GetObject"])
def test_a_lost_response_changes_nothing(s3: LocationStore, strict: StrictStore, operation: Any) -> None:
    state = sent(s3)
    strict.fault(Fault(operation=operation, action=Drop(when="after"), first=1, times=1))
    stored = run(s3, finish=finish(), resume=state)
    assert stored.checksum == to_text(crc64nvme(BODY))
    assert len(strict.bucket.versions[KEY]) == 1


def test_a_part_that_is_sent_again_meanwhile_is_not_mixed_in(store: LocationStore) -> None:
    """What was listed is what becomes the object; otherwise the attempt fails and nothing is there."""
    state = sent(store)
    parts = store.list_parts(KEY, state.upload_id)
    send_part(store, KEY, state.upload_id, 2, bytes(PART))
    error = fails(lambda: store.complete(an_object(), state.upload_id, parts, size_bytes=len(BODY), crc64nvme=None))
    assert error.reason is Reason.STORE_INTEGRITY
    assert absent(store)


def test_a_part_that_is_sent_again_meanwhile_does_not_end_the_upload(
    store: LocationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = sent(store)
    list_parts, others = store.list_parts, iter(range(1, 9))

    def listed(key: str, upload_id: str) -> Any:
        parts = list_parts(key, upload_id)
        send_part(store, KEY, state.upload_id, 2, bytes([next(others)]) * PART)
        return parts

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(store, "list_parts", listed)
        error = fails(lambda: run(store, finish=finish(), resume=state))
    assert (error.reason, error.is_final) == (Reason.STORE_INTEGRITY, False)
    send_part(store, KEY, state.upload_id, 2, BODY[PART : 2 * PART])
    assert run(store, finish=finish(), resume=state).checksum == to_text(crc64nvme(BODY))
