"""The contract of stores: what the data path and the controller rely on, for every kind (see kinds.py)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import combine_parts, crc64nvme, to_text
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.store import BodyAborted, StoredPart
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.stores.contract.kinds import Kind, Opener
from tests.support.lying_source import Behaviour, Serve
from tests.support.transfers import KEY, MIB, Observed, an_object, pattern, run_transfer

PART = 5 * MIB
BODY = pattern(2 * PART + 1234)


def send(store: LocationStore, upload_id: str, number: int, body: bytes) -> StoredPart:
    """A part, and its sum as we know it."""
    part = store.upload_part(KEY, upload_id, part_number=number, body=BufferedPart(body))
    return StoredPart(part_number=number, size_bytes=len(body), etag=part.etag, crc64nvme=crc64nvme(body))


def reason_of(run: Callable[[], object]) -> Reason:
    """The reason that `run` fails with."""
    with pytest.raises(TransferError) as caught:
        run()
    return caught.value.reason


def test_put_is_conditional_checked_and_shown_by_head(store: LocationStore) -> None:
    obj, body = an_object(), b"hello"
    assert store.head(KEY) is None
    assert reason_of(lambda: store.put(obj, body, crc64nvme=crc64nvme(b"other"))) is Reason.STORE_INTEGRITY
    assert store.head(KEY) is None
    written = store.put(obj, body, crc64nvme=crc64nvme(body))
    seen = store.head(KEY)
    assert seen is not None
    assert written.is_at_key(seen.stored)
    assert (seen.recording_uid, seen.artifact) == ("uid-1", "video")
    assert seen.stored.checksum == to_text(crc64nvme(body))
    assert (seen.stored.size_bytes, seen.stored.content_type) == (len(body), "video/mp4")
    assert (seen.stored.version_id is not None) == store.capabilities.versioning
    assert reason_of(lambda: store.put(obj, b"new", crc64nvme=crc64nvme(b"new"))) is Reason.STORE_KEY_CONFLICT
    assert b"".join(store.read(seen.stored)) == body


def test_multipart_returns_checksums_and_combines_them(store: LocationStore) -> None:
    obj = an_object()
    upload_id = store.create_upload(obj, part_size_bytes=PART)
    pieces = [BODY[:PART], BODY[PART : 2 * PART], BODY[2 * PART :]]
    parts = [send(store, upload_id, number, piece) for number, piece in enumerate(pieces, 1)]
    listed = store.list_parts(KEY, upload_id)
    assert [(part.part_number, part.size_bytes, part.crc64nvme) for part in listed] == [
        (part.part_number, part.size_bytes, part.crc64nvme) for part in parts
    ]
    crc = combine_parts((part.crc64nvme or 0, part.size_bytes) for part in parts)
    assert crc == crc64nvme(BODY)
    wrong = crc ^ 1
    assert (
        reason_of(lambda: store.complete(obj, upload_id, parts, size_bytes=len(BODY), crc64nvme=wrong))
        == Reason.STORE_INTEGRITY
    )
    assert store.head(KEY) is None
    written = store.complete(obj, upload_id, parts, size_bytes=len(BODY), crc64nvme=crc)
    seen = store.head(KEY)
    assert seen is not None
    assert written.is_at_key(seen.stored)
    assert seen.stored.checksum == to_text(crc)
    assert list(store.uploads(KEY)) == []


def test_a_listed_part_tells_when_it_was_uploaded(store: LocationStore) -> None:
    upload_id = store.create_upload(an_object(), part_size_bytes=PART)
    send(store, upload_id, 1, b"a part")
    [part] = store.list_parts(KEY, upload_id)
    assert part.uploaded_at is not None
    assert abs(datetime.now(UTC) - part.uploaded_at) < timedelta(minutes=10)
    store.abort(KEY, upload_id)


def test_complete_does_not_overwrite(store: LocationStore) -> None:
    obj = an_object()
    upload_id = store.create_upload(obj, part_size_bytes=PART)
    part = send(store, upload_id, 1, b"multipart")
    store.put(obj, b"first", crc64nvme=crc64nvme(b"first"))
    crc = crc64nvme(b"multipart")
    assert reason_of(lambda: store.complete(obj, upload_id, [part], size_bytes=9, crc64nvme=crc)) is (
        Reason.STORE_KEY_CONFLICT
    )
    seen = store.head(KEY)
    assert seen is not None
    assert seen.stored.size_bytes == len(b"first")


def test_an_unknown_upload_is_distinguished_from_other_failures(store: LocationStore) -> None:
    upload_id = store.create_upload(an_object(), part_size_bytes=PART)
    assert store.abort(KEY, upload_id) is True
    assert store.abort(KEY, upload_id) is False
    assert reason_of(lambda: store.list_parts(KEY, upload_id)) is Reason.STORE_UPLOAD_LOST
    assert reason_of(lambda: send(store, upload_id, 1, b"x")) is Reason.STORE_UPLOAD_LOST


def test_uploads_are_listed_and_aborted_at_exactly_their_key(store: LocationStore) -> None:
    mine = {store.create_upload(an_object(), part_size_bytes=PART) for _ in range(3)}
    other = store.create_upload(an_object(key=f"{KEY}.old"), part_size_bytes=PART)
    assert {upload.upload_id for upload in store.uploads(KEY)} == mine | {other}
    assert abort_uploads(KEY, store=store, upload_id=None) == 3
    assert [upload.upload_id for upload in store.uploads("")] == [other]
    assert store.abort(f"{KEY}.old", other)


def test_delete_removes_exactly_one_version_of_ours(store: LocationStore) -> None:
    obj = an_object()
    store.put(obj, b"one", crc64nvme=crc64nvme(b"one"))
    first = store.head(KEY)
    assert first is not None
    assert not store.delete(KEY, version_id=None, recording_uid="uid-2")
    assert store.delete(KEY, version_id=first.stored.version_id, recording_uid="uid-1")
    assert store.head(KEY) is None
    assert not store.delete(KEY, version_id=first.stored.version_id, recording_uid="uid-1")


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_ends_with_the_same_bytes(store: LocationStore, serve: Serve, ranges: bool) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=ranges)
    options = TransferOptions(smallest_part_bytes=PART, backoff_base_s=0.01)
    stored = run_transfer(source.url, store, options=options)
    assert b"".join(store.read(stored)) == BODY
    assert stored.checksum == to_text(crc64nvme(BODY))
    assert list(store.uploads("")) == []


def test_a_stopped_transfer_continues(store: LocationStore, serve: Serve) -> None:
    source, options = serve(BODY), TransferOptions(smallest_part_bytes=PART, workers=1, backoff_base_s=0.01)

    class StopsAfterAPart(Observed):
        def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
            super().progress(sent_bytes=sent_bytes, total_bytes=total_bytes)
            if sent_bytes > PART:
                self.stop.set()

    observed = StopsAfterAPart()
    source.behave = lambda request: Behaviour(pause_s=0.01 if request.number > 1 else 0)
    with pytest.raises(Stopped):
        run_transfer(source.url, store, observed=observed, options=options)
    fresh = serve(BODY)
    stored = run_transfer(fresh.url, store, options=options, resume=observed.states[-1])
    assert b"".join(store.read(stored)) == BODY
    assert min(request.first_byte or 0 for request in fresh.served[1:]) == PART
    assert list(store.uploads("")) == []


def test_a_probe_finds_what_the_kind_can_do_and_leaves_nothing_behind(kind: Kind, open_store: Opener) -> None:
    store = open_store("tenants/a/")
    found = store.probe(name="probe")
    assert found == kind.capabilities
    assert store.probe(name="probe", joins=found.joins) == found
    assert list(store.objects("")) == []
    assert list(store.uploads("")) == []


def test_a_prefix_belongs_to_the_first_that_claims_it(open_store: Opener) -> None:
    store = open_store("")
    assert store.claim_prefix("cluster-1") == "cluster-1"
    assert store.claim_prefix("cluster-2") == "cluster-1"
    assert store.claim_prefix("cluster-1") == "cluster-1"
    assert open_store("other/").claim_prefix("cluster-2") == "cluster-2"


def test_objects_are_listed_by_the_beginning_of_their_keys(store: LocationStore) -> None:
    store.may_list("")
    assert list(store.objects("")) == []
    for key in ("a/1", "a/2", "ab", "b/1"):
        store.put(an_object(key=key), key.encode(), crc64nvme=crc64nvme(key.encode()))
    assert [(found.key, found.size_bytes) for found in store.objects("a/")] == [("a/1", 3), ("a/2", 3)]
    assert {found.key for found in store.objects("")} == {"a/1", "a/2", "ab", "b/1"}
    for found in store.objects(""):
        assert abs(datetime.now(UTC) - found.last_modified) < timedelta(minutes=10)


def test_an_adapted_store_leaves_the_other_as_it_is(store: LocationStore) -> None:
    before = store.capabilities
    assert store.adapted(before.without_checksums()).capabilities == before.without_checksums()
    assert store.capabilities == before
    assert store.retry_after_s == 0


class Cut(BufferedPart):
    """Ends in an error in its middle."""

    def read(self, size: int = -1) -> bytes | memoryview:
        if self.tell() >= len(self) // 2:
            raise BodyAborted(Stopped())
        return super().read(size)


class Claims(BufferedPart):
    """Returns another checksum."""

    @property
    def crc64nvme(self) -> int:
        return super().crc64nvme ^ 1


def test_a_part_that_was_cut_does_not_exist(store: LocationStore) -> None:
    upload_id = store.create_upload(an_object(), part_size_bytes=PART)
    with pytest.raises(BodyAborted):
        store.upload_part(KEY, upload_id, part_number=1, body=Cut(BODY[:PART]))
    assert store.list_parts(KEY, upload_id) == []
    store.upload_part(KEY, upload_id, part_number=2, body=BufferedPart(BODY[:PART]))
    assert [(part.part_number, part.crc64nvme) for part in store.list_parts(KEY, upload_id)] == [
        (2, crc64nvme(BODY[:PART]))
    ]


def test_a_part_with_a_wrong_checksum_is_rejected(store: LocationStore) -> None:
    upload_id = store.create_upload(an_object(), part_size_bytes=PART)
    send_wrong = partial(store.upload_part, KEY, upload_id, part_number=1, body=Claims(BODY[:PART]))
    assert reason_of(send_wrong) is Reason.STORE_INTEGRITY
    assert store.list_parts(KEY, upload_id) == []
