"""What the data path asks of a store, against the strict store and a real S3 server: the same facts from both."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from localcluster import S3Server
from recording_operator.api.reasons import Reason
from recording_operator.checksums import combine_parts, crc64nvme, to_text
from recording_operator.errors import LocationError, TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.probe.ownership import claim_prefix
from recording_operator.stores.s3.probe.prober import probe
from recording_operator.stores.store import BodyAborted, StoredPart
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.lying_source import Behaviour, Serve
from tests.support.strict_store import StrictStore
from tests.support.transfers import KEY, MIB, Observed, an_object, pattern, run_transfer

PART = 5 * MIB
BODY = pattern(2 * PART + 1234)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A real store of one kind, with a bucket of the test's own."""

    options: S3Options
    store: S3Store

    def with_(self, **more: object) -> S3Store:
        """Another client of the same server."""
        given = {name: getattr(self.options, name) for name in S3Options.__dataclass_fields__}
        return S3Store(S3Options(**{**given, **more}))


@pytest.fixture(params=["strict", pytest.param("versitygw", marks=pytest.mark.cluster)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each test runs against both; with versions in the bucket."""
    with ExitStack() as stack:
        if request.param == "strict":
            strict = stack.enter_context(StrictStore())
            bucket, endpoint = strict.bucket_name, strict.endpoint
            keys = StoreCredentials(access_key_id=strict.access_key, secret_access_key=strict.secret_key)
        else:
            server: S3Server = request.getfixturevalue("s3")
            bucket, endpoint = f"t-{uuid.uuid4().hex[:12]}", server.endpoint
            server.create_bucket(bucket, versioned=True)
            keys = StoreCredentials(access_key_id=server.root.access_key, secret_access_key=server.root.secret_key)
        options = S3Options(bucket=bucket, endpoint=endpoint, region="us-east-1", path_style=True, credentials=keys)
        store = S3Store(options)
        stack.callback(store.close)
        yield World(options=options, store=store)


def send(store: S3Store, upload_id: str, number: int, body: bytes) -> StoredPart:
    """A part, and its sum as we know it."""
    part = store.upload_part(KEY, upload_id, part_number=number, body=BufferedPart(body))
    return StoredPart(part_number=number, size_bytes=len(body), etag=part.etag, crc64nvme=crc64nvme(body))


def reason_of(run: Callable[[], object]) -> Reason:
    """The reason that `run` fails with."""
    with pytest.raises(TransferError) as caught:
        run()
    return caught.value.reason


def test_put_is_conditional_checked_and_shown_by_head(world: World) -> None:
    store, obj, body = world.store, an_object(), b"hello"
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
    assert seen.stored.version_id
    assert reason_of(lambda: store.put(obj, b"new", crc64nvme=crc64nvme(b"new"))) is Reason.STORE_KEY_CONFLICT
    assert b"".join(store.read(seen.stored)) == body


def test_multipart_shows_sums_and_combines_them(world: World) -> None:
    store, obj = world.store, an_object()
    upload_id = store.create_upload(obj)
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


def test_a_listed_part_tells_when_it_was_uploaded(world: World) -> None:
    store = world.store
    upload_id = store.create_upload(an_object())
    send(store, upload_id, 1, b"a part")
    [part] = store.list_parts(KEY, upload_id)
    assert part.uploaded_at is not None
    assert abs(datetime.now(UTC) - part.uploaded_at) < timedelta(minutes=10)
    store.abort(KEY, upload_id)


def test_complete_does_not_overwrite(world: World) -> None:
    store, obj = world.store, an_object()
    upload_id = store.create_upload(obj)
    part = send(store, upload_id, 1, b"multipart")
    store.put(obj, b"first", crc64nvme=crc64nvme(b"first"))
    crc = crc64nvme(b"multipart")
    assert reason_of(lambda: store.complete(obj, upload_id, [part], size_bytes=9, crc64nvme=crc)) is (
        Reason.STORE_KEY_CONFLICT
    )
    seen = store.head(KEY)
    assert seen is not None
    assert seen.stored.size_bytes == len(b"first")


def test_an_unknown_upload_is_told_from_other_failures(world: World) -> None:
    store = world.store
    upload_id = store.create_upload(an_object())
    assert store.abort(KEY, upload_id) is True
    assert store.abort(KEY, upload_id) is False
    assert reason_of(lambda: store.list_parts(KEY, upload_id)) is Reason.STORE_UPLOAD_LOST
    assert reason_of(lambda: send(store, upload_id, 1, b"x")) is Reason.STORE_UPLOAD_LOST


def test_uploads_are_listed_and_aborted_at_exactly_their_key(world: World) -> None:
    store = world.store
    mine = {store.create_upload(an_object()) for _ in range(3)}
    other = store.create_upload(an_object(key=f"{KEY}.old"))
    assert {upload.upload_id for upload in store.uploads(KEY)} == mine | {other}
    assert abort_uploads(KEY, store=store, upload_id=None) == 3
    assert [upload.upload_id for upload in store.uploads("")] == [other]
    assert store.abort(f"{KEY}.old", other)


def test_delete_removes_exactly_one_version_of_ours(world: World) -> None:
    store, obj = world.store, an_object()
    store.put(obj, b"one", crc64nvme=crc64nvme(b"one"))
    first = store.head(KEY)
    assert first is not None
    assert not store.delete(KEY, version_id=None, recording_uid="uid-2")
    assert store.delete(KEY, version_id=first.stored.version_id, recording_uid="uid-1")
    assert store.head(KEY) is None
    assert not store.delete(KEY, version_id=first.stored.version_id, recording_uid="uid-1")


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_ends_with_the_same_bytes(world: World, serve: Serve, ranges: bool) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=ranges)
    options = TransferOptions(smallest_part_bytes=PART, backoff_base_s=0.01)
    stored = run_transfer(source.url, world.store, options=options)
    assert b"".join(world.store.read(stored)) == BODY
    assert stored.checksum == to_text(crc64nvme(BODY))
    assert list(world.store.uploads("")) == []


def test_a_stopped_transfer_goes_on(world: World, serve: Serve) -> None:
    source, options = serve(BODY), TransferOptions(smallest_part_bytes=PART, workers=1, backoff_base_s=0.01)

    class StopsAfterAPart(Observed):
        def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
            super().progress(sent_bytes=sent_bytes, total_bytes=total_bytes)
            if sent_bytes > PART:
                self.stop.set()

    observed = StopsAfterAPart()
    source.behave = lambda request: Behaviour(pause_s=0.01 if request.number > 1 else 0)
    with pytest.raises(Stopped):
        run_transfer(source.url, world.store, observed=observed, options=options)
    fresh = serve(BODY)
    stored = run_transfer(fresh.url, world.store, options=options, resume=observed.states[-1])
    assert b"".join(world.store.read(stored)) == BODY
    assert min(request.first_byte or 0 for request in fresh.served[1:]) == PART
    assert list(world.store.uploads("")) == []


def test_probe_finds_a_good_store_and_leaves_nothing_behind(world: World) -> None:
    store = world.with_(prefix="tenants/a/")
    found = probe(store)
    assert found == Capabilities()
    assert probe(store) == found
    assert store.head("tenants/a/.recording-operator/probe") is None
    assert list(store.uploads("")) == []


def test_probe_of_wrong_keys(world: World) -> None:
    good = world.options.credentials
    assert good is not None
    for keys in (
        StoreCredentials(access_key_id=good.access_key_id, secret_access_key="wrong-secret"),
        StoreCredentials(access_key_id="AKIANOBODY", secret_access_key="wrong-secret"),
    ):
        with pytest.raises(LocationError) as caught:
            probe(world.with_(credentials=keys))
        assert caught.value.reason is Reason.CREDENTIALS_INVALID
        assert "wrong-secret" not in caught.value.message


def test_probe_of_a_bucket_that_is_not_there(world: World) -> None:
    with pytest.raises(LocationError) as caught:
        probe(world.with_(bucket="no-such-bucket-here"))
    assert caught.value.reason is Reason.BUCKET_NOT_FOUND


def test_owner_marker_goes_to_the_first(world: World) -> None:
    assert claim_prefix(world.store, owner_id="cluster-1") == "cluster-1"
    assert claim_prefix(world.store, owner_id="cluster-2") == "cluster-1"
    assert claim_prefix(world.store, owner_id="cluster-1") == "cluster-1"
    assert claim_prefix(world.with_(prefix="other/"), owner_id="cluster-2") == "cluster-2"


class Cut(BufferedPart):
    """Ends in an error in its middle."""

    def read(self, size: int = -1) -> bytes | memoryview:
        if self.tell() >= len(self) // 2:
            raise BodyAborted(Stopped())
        return super().read(size)


class Claims(BufferedPart):
    """Says that it has another sum."""

    @property
    def crc64nvme(self) -> int:
        return super().crc64nvme ^ 1


def test_a_part_that_was_cut_does_not_exist(world: World) -> None:
    upload_id = world.store.create_upload(an_object())
    with pytest.raises(BodyAborted):
        world.store.upload_part(KEY, upload_id, part_number=1, body=Cut(BODY[:PART]))
    assert world.store.list_parts(KEY, upload_id) == []
    world.store.upload_part(KEY, upload_id, part_number=2, body=BufferedPart(BODY[:PART]))
    assert [(part.part_number, part.crc64nvme) for part in world.store.list_parts(KEY, upload_id)] == [
        (2, crc64nvme(BODY[:PART]))
    ]


def test_a_part_whose_sum_is_not_that_of_its_bytes_is_refused(world: World) -> None:
    upload_id = world.store.create_upload(an_object())
    send_wrong = partial(world.store.upload_part, KEY, upload_id, part_number=1, body=Claims(BODY[:PART]))
    assert reason_of(send_wrong) is Reason.STORE_INTEGRITY
    assert world.store.list_parts(KEY, upload_id) == []
