"""Real S3 servers, each with its probed capabilities: bytes, verification, resumes, and nothing left behind."""

import io
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from localcluster.otherstores import OtherStore, RcloneServer, S3ProxyServer
from localcluster.s3server import S3Server
from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme, to_text
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.stores.s3.probe.ownership import claim_prefix
from recording_operator.stores.s3.probe.prober import probe
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import CopyJob
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.upload.open_uploads import abort_uploads
from tests.support.dialects_found import NO_SUMS
from tests.support.lying_source import Behaviour, LyingSource, Serve
from tests.support.transfers import KEY, MIB, Observed, an_object, pattern, run_transfer, store_text
from tests.support.waiting import eventually

PART = 5 * MIB
BODY = pattern(2 * PART + 1234)
SMALL = BODY[:20_000]
LEFT = "egress/video.mp4"
OPTIONS = TransferOptions(smallest_part_bytes=PART, single_put_bytes=MIB, workers=1, backoff_base_s=0.01)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The row of a server in docs/stores.md."""

    capabilities: Capabilities
    proof: Reason


KINDS: dict[str, type[OtherStore]] = {"rclone": RcloneServer, "s3proxy": S3ProxyServer}
SERVERS = {
    "versitygw": Found(capabilities=Capabilities(), proof=Reason.FULL_OBJECT_CRC64NVME),
    "s3proxy": Found(capabilities=NO_SUMS, proof=Reason.ETAG_MD5),
    "rclone": Found(capabilities=NO_SUMS, proof=Reason.READ_BACK),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A new bucket in a real server, and a client that has probed it."""

    name: str
    store: S3Store

    @property
    def proof(self) -> Reason:
        """What proves objects here."""
        return SERVERS[self.name].proof


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], OtherStore]]:
    """Starts a server when the first test needs it."""
    with ExitStack() as stack:
        running: dict[str, OtherStore] = {}

        def get(name: str) -> OtherStore:
            kind = KINDS[name]
            if not kind.is_built():
                pytest.skip(f"{name} is not built: `make test-stores` does that")
            if name not in running:
                folder: Path = tmp_path_factory.mktemp(name)
                running[name] = stack.enter_context(kind(folder))
                running[name].start()
            return running[name]

        yield get


@pytest.fixture(
    params=[
        pytest.param("versitygw", marks=pytest.mark.cluster),
        pytest.param("s3proxy", marks=pytest.mark.stores),
        pytest.param("rclone", marks=pytest.mark.stores),
    ]
)
def unprobed(request: pytest.FixtureRequest) -> Iterator[World]:
    """Each test runs against each server that is there."""
    bucket = f"t-{uuid.uuid4().hex[:12]}"
    server: S3Server | OtherStore
    if request.param == "versitygw":
        server = versitygw = request.getfixturevalue("s3")
        versitygw.create_bucket(bucket, versioned=True)
    else:
        server = request.getfixturevalue("others")(request.param)
        server.create_bucket(bucket)
    keys = StoreCredentials(access_key_id=server.root.access_key, secret_access_key=server.root.secret_key)
    store = S3Store(
        S3Options(bucket=bucket, endpoint=server.endpoint, region="us-east-1", path_style=True, credentials=keys)
    )
    yield World(name=request.param, store=store)
    store.close()


@pytest.fixture
def world(unprobed: World) -> World:
    """As the operator uses it: adapted to what the probe finds."""
    return World(name=unprobed.name, store=unprobed.store.adapted(probe(unprobed.store)))


def move(source: LyingSource, world: World, **more: object) -> StoredObject:
    """One transfer by one worker."""
    return run_transfer(source.url, world.store, **{"options": OPTIONS, **more})  # type: ignore[arg-type]


def check(world: World, stored: StoredObject, body: bytes) -> None:
    """The object has exactly these bytes, its marks, the proof that the server allows, and nothing else is left."""
    assert b"".join(world.store.read(stored)) == body
    assert stored.verified_by is world.proof
    assert stored.checksum == to_text(crc64nvme(body))
    seen = world.store.head(KEY)
    assert seen is not None
    assert (seen.recording_uid, seen.artifact, seen.stored.content_type) == ("uid-1", "video", "video/mp4")
    assert list(world.store.uploads("")) == []


def test_t21_the_probe_finds_what_the_docs_say(unprobed: World) -> None:
    found = probe(unprobed.store)
    expected = SERVERS[unprobed.name].capabilities
    versions = unprobed.name == "versitygw"
    assert found.as_status() == {**expected.as_status(), "versioning": versions, "md5ETags": found.md5_etags}
    assert found.verified_by is unprobed.proof
    assert probe(unprobed.store.adapted(found)) == found
    assert list(unprobed.store.objects("")) == []
    assert list(unprobed.store.uploads("")) == []


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_a_transfer_is_verified(world: World, serve: Serve, body: bytes) -> None:
    check(world, move(serve(body), world), body)


def test_a_source_without_ranges_is_verified(world: World, serve: Serve) -> None:
    source = serve(BODY)
    source.behave = lambda _: Behaviour(ranges=False)
    check(world, move(source, world, checksum=None), BODY)


def test_a_transfer_that_ends_in_the_middle_of_a_part_continues(world: World, serve: Serve) -> None:
    source, observed = serve(BODY), Observed()
    source.behave = lambda request: Behaviour(hold_after=PART + MIB) if request.number == 2 else Behaviour()

    def stop_in_part_two() -> None:
        eventually(lambda: observed.states and world.store.list_parts(KEY, observed.states[0].upload_id), what="a part")
        observed.stop.set()

    stopper = threading.Thread(target=stop_in_part_two)
    stopper.start()
    with pytest.raises(Stopped):
        move(source, world, observed=observed)
    stopper.join()
    check(world, move(serve(BODY), world, resume=observed.states[-1]), BODY)


def test_a_checksum_of_the_spec_that_is_wrong_stores_nothing(world: World, serve: Serve) -> None:
    with pytest.raises(TransferError) as caught:
        move(serve(BODY), world, checksum=f"crc64nvme:{crc64nvme(SMALL):016x}")
    assert caught.value.reason is Reason.CHECKSUM_MISMATCH
    assert world.store.head(KEY) is None
    assert list(world.store.uploads("")) == []


@pytest.mark.parametrize("body", [BODY, SMALL], ids=["multipart", "small"])
def test_t19_another_recordings_object_is_not_written_over(world: World, serve: Serve, body: bytes) -> None:
    theirs = store_text(b"theirs", an_object(recording_uid="uid-2"), store=world.store)
    with pytest.raises(TransferError) as caught:
        move(serve(body), world)
    assert caught.value.reason is Reason.STORE_KEY_CONFLICT
    assert b"".join(world.store.read(theirs)) == b"theirs"


def test_a_stored_object_is_found_again_and_verified(world: World, serve: Serve) -> None:
    observed = Observed()
    first = move(serve(BODY), world, observed=observed)
    again = move(serve(BODY), world, resume=observed.states[-1])
    assert (again.etag, again.version_id, again.checksum) == (first.etag, first.version_id, first.checksum)
    assert again.verified_by is not None


def test_uploads_are_aborted_and_objects_deleted_exactly(world: World) -> None:
    store = world.store
    for _ in range(2):
        store.create_upload(an_object())
    assert abort_uploads(KEY, store=store, upload_id=None) == 2
    assert list(store.uploads("")) == []
    stored = store_text(b"text", an_object(), store=store)
    assert not store.delete(KEY, version_id=stored.version_id, recording_uid="uid-2")
    assert store.delete(KEY, version_id=stored.version_id, recording_uid="uid-1")
    assert store.head(KEY) is None


def test_the_owner_of_a_prefix_is_the_first(world: World) -> None:
    assert claim_prefix(world.store, owner_id="cluster-1") == "cluster-1"
    assert claim_prefix(world.store, owner_id="cluster-2") == "cluster-1"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256", None])
@pytest.mark.parametrize("body", [BODY, SMALL * 10], ids=["parts", "whole"])
def test_an_object_of_other_software_is_copied_and_verified(world: World, body: bytes, algorithm: str | None) -> None:
    """By the store itself, where its checksums and ETags verify the copy; otherwise the bytes are read."""
    write_as_others(world.store.options, body, algorithm)
    observed = Observed()
    context = TransferContext(
        store=world.store, obj=an_object(), stop=observed.stop, observer=observed, options=OPTIONS
    )
    stored = CopyJob(source=world.store, place="StorageLocation egress", key=LEFT).run(context)
    in_store = world.name == "versitygw"
    # versitygw computes a CRC64NVME of an object that is sent without a checksum.
    by_etag = in_store and algorithm is not None
    assert stored.verified_by is (Reason.ETAG_MD5 if by_etag else world.proof)
    assert (observed.read_bytes < len(body)) is in_store
    assert stored.checksum == to_text(crc64nvme(body))
    assert b"".join(world.store.read(stored)) == body
    assert list(world.store.uploads("")) == []


def write_as_others(options: S3Options, body: bytes, algorithm: str | None) -> None:
    """Write an object with another client: with a checksum of its own, or without."""
    when = "when_supported" if algorithm else "when_required"
    assert options.credentials is not None
    config = Config(s3={"addressing_style": "path"}, request_checksum_calculation=when)
    keys = {
        "aws_access_key_id": options.credentials.access_key_id,
        "aws_secret_access_key": options.credentials.secret_access_key,
    }
    client = boto3.client("s3", endpoint_url=options.endpoint, region_name="us-east-1", config=config, **keys)
    extra = {"ContentType": "video/mp4", **({"ChecksumAlgorithm": algorithm} if algorithm else {})}
    transfer = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    client.upload_fileobj(io.BytesIO(body), options.bucket, LEFT, ExtraArgs=extra, Config=transfer)
    client.close()
