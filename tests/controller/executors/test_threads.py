"""Transfers in threads of this process, to a strict store: the facts that the engine receives."""

import queue
from collections.abc import Iterator
from dataclasses import replace

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.controller.executors.order import CopyOrder, TransferOrder
from recording_operator.controller.executors.threads import ThreadExecutor
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.sources import SourceResolver
from recording_operator.egress.dialer import Dialer
from recording_operator.engine.actions import StartTransfer
from recording_operator.engine.facts import (
    Fact,
    SizeFound,
    SourceResolved,
    TransferEnded,
    TransferFailed,
    TransferOutcome,
    TransferProgress,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
)
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.metrics import Metrics
from recording_operator.stores.location_store import LocationStore
from tests.controller.providers import NoProviders
from tests.engine.builders import a_location, a_recording, an_artifact, uid_of
from tests.support.lying_source import Behaviour, Content, LyingSource
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import an_object, fast_options, loopback_policy, pattern, store_of

BODY = pattern(100 * 2**10)
LARGE = pattern(300 * 2**10)
"""Too large for one request."""
UID = uid_of(1)
WITHIN_S = 20.0


class Scene:
    """One store, one location, no Secret, and an executor."""

    def __init__(self, strict: StrictStore) -> None:
        self.strict = strict
        self.posted: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self.metrics = Metrics(version="test")
        self.executor = ThreadExecutor(
            stores=self,
            resolver=SourceResolver(KubeApi(self), providers=NoProviders(), register_secret=lambda _: None),
            dialer=Dialer(loopback_policy()),
            post=self.posted.put,
            metrics=self.metrics,
            options=fast_options(),
            bandwidth=BandwidthLimits(operator_limit=None, metrics=self.metrics),
            concurrent=2,
        )

    def store_named(self, location: str, *, uid: str) -> LocationStore:
        """The store of the location that was checked."""
        if (location, uid) not in {("archive", "location-archive"), ("egress", "location-egress")}:
            raise LocationError(Reason.LOCATION_NOT_READY, "The StorageLocation has not been checked yet.")
        return store_of(self.strict)

    def request(self, method: str, path: str, **_: object) -> dict[str, object]:
        """An API server without Secrets."""
        raise NotFound(f"{method} {path}", status=404)

    def facts(self) -> list[Fact]:
        """The facts that the engine receives, up to the end of the transfer."""
        facts = [self.posted.get(timeout=WITHIN_S)]
        while not isinstance(facts[-1], TransferEnded):
            facts.append(self.posted.get(timeout=WITHIN_S))
        return facts

    def asked(self) -> SizeFound:
        """The transfer asks for room."""
        while not isinstance(fact := self.posted.get(timeout=WITHIN_S), SizeFound):
            continue
        return fact

    def outcome(self) -> TransferOutcome:
        """How the transfer ended."""
        ended = self.facts()[-1]
        assert isinstance(ended, TransferEnded)
        assert (ended.uid, ended.artifact) == (UID, "video")
        return ended.outcome


def an_order(
    *,
    url: str | None = None,
    secret: str | None = None,
    inline: str | None = None,
    location: str = "archive",
    only_look: bool = False,
    has_quota: bool = False,
) -> TransferOrder:
    recording = a_recording(an_artifact(url=url, secret=secret, inline=inline))
    action = StartTransfer(
        recording=recording,
        artifact="video",
        location=a_location(location),
        key="p/video.mp4",
        upload_id=None,
        part_size_bytes=None,
        source=None,
        only_look=only_look,
        has_quota=has_quota,
    )
    return TransferOrder.of(action)


def a_copy(location: str, key: str) -> TransferOrder:
    """Copy what is at the key there."""
    found = CopyOrder(
        location=location,
        location_uid=f"location-{location}",
        key=key,
        version_id=None,
        size_bytes=None,
        checksum=None,
        owner_uid=None,
    )
    return replace(an_order(inline="not used"), inline=None, copy=found)


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A store and an executor."""
    with StrictStore(bucket=Bucket(least_part_bytes=2**16)) as strict:
        made = Scene(strict)
        yield made
        made.executor.stop(UID, "video")  # a thread that waits would keep the process


@pytest.fixture
def source() -> Iterator[LyingSource]:
    """A source of BODY."""
    with LyingSource(Content(body=BODY)) as serving:
        yield serving


def test_a_text_is_stored(scene: Scene) -> None:
    scene.executor.start(an_order(inline="minutes"))
    outcome = scene.outcome()
    assert isinstance(outcome, TransferSucceeded)
    assert outcome.size_bytes == len("minutes")
    assert b'transfer_duration_seconds_count{outcome="Stored"} 1.0' in scene.metrics.render()


def test_an_object_of_another_location_is_copied(scene: Scene) -> None:
    egress = store_of(scene.strict)
    egress.put(an_object(key="rooms/7.mp4"), BODY, crc64nvme=crc64nvme(BODY))
    scene.executor.start(a_copy("egress", "rooms/7.mp4"))
    outcome = scene.outcome()
    assert isinstance(outcome, TransferSucceeded)
    assert (outcome.size_bytes, outcome.uri) == (len(BODY), f"s3://{scene.strict.bucket_name}/p/video.mp4")
    assert scene.strict.count("CopyObject") == 1


def test_a_copy_from_a_location_without_a_store_is_the_sources_failure(scene: Scene) -> None:
    scene.executor.start(a_copy("other", "rooms/7.mp4"))
    outcome = scene.outcome()
    assert isinstance(outcome, TransferFailed)
    assert (outcome.reason, outcome.message) == (
        Reason.SOURCE_UNREACHABLE,
        "StorageLocation other cannot be read: The StorageLocation has not been checked yet.",
    )


def test_a_source_is_resolved_before_it_is_fetched(scene: Scene, source: LyingSource) -> None:
    scene.executor.start(an_order(url=source.url))
    resolved, *_, ended = scene.facts()
    assert isinstance(resolved, SourceResolved)
    assert resolved.revision is not None
    assert isinstance(ended, TransferEnded)
    assert isinstance(ended.outcome, TransferSucceeded)
    assert ended.outcome.size_bytes == len(BODY)


def test_no_part_is_sent_before_the_status_names_the_upload(scene: Scene, source: LyingSource) -> None:
    source.content = Content(body=LARGE)
    scene.executor.start(an_order(url=source.url))
    facts: list[Fact] = []
    while not (facts and isinstance(facts[-1], UploadCreated)):
        facts.append(scene.posted.get(timeout=WITHIN_S))
    assert not [seen for seen in scene.strict.requests if seen.operation == "UploadPart"]

    created = facts[-1]
    assert isinstance(created, UploadCreated)
    scene.executor.persisted(created.uid, created.artifact)
    *_, ended = scene.facts()
    assert isinstance(ended, TransferEnded)
    assert isinstance(ended.outcome, TransferSucceeded)


def test_a_transfer_that_is_stopped_leaves_its_upload(scene: Scene, source: LyingSource) -> None:
    source.content = Content(body=LARGE)
    scene.executor.start(an_order(url=source.url))
    while not isinstance(created := scene.posted.get(timeout=WITHIN_S), UploadCreated):
        assert isinstance(created, SourceResolved | TransferProgress)
    scene.executor.stop(created.uid, created.artifact)
    assert scene.outcome() == TransferStopped()
    assert len(scene.strict.open_uploads()) == 1


def test_a_check_for_a_missing_object_transfers_nothing(scene: Scene, source: LyingSource) -> None:
    scene.executor.start(an_order(url=source.url, only_look=True))
    assert scene.outcome() == TransferStopped()
    assert source.served == []


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (an_order(inline="minutes", location="vault"), Reason.LOCATION_NOT_READY),
        (an_order(secret="source"), Reason.SECRET_NOT_FOUND),
        (an_order(url="https://[::1]/"), Reason.SOURCE_BLOCKED),
    ],
    ids=lambda one: str(one) if isinstance(one, Reason) else "order",
)
def test_the_reason_why_nothing_was_stored_is_reported(scene: Scene, order: TransferOrder, reason: Reason) -> None:
    scene.executor.start(order)
    outcome = scene.outcome()
    assert isinstance(outcome, TransferFailed)
    assert outcome.reason is reason


def test_signals_to_a_transfer_that_has_ended_do_nothing(scene: Scene) -> None:
    scene.executor.stop("unknown", "video")
    scene.executor.persisted("unknown", "video")


# Quotas


def test_with_a_quota_nothing_is_uploaded_before_there_is_room(scene: Scene, source: LyingSource) -> None:
    scene.executor.start(an_order(url=source.url, has_quota=True))

    assert scene.asked() == SizeFound(uid=UID, artifact="video", size_bytes=len(BODY))
    assert list(store_of(scene.strict).objects("")) == []
    assert list(store_of(scene.strict).uploads("")) == []
    scene.executor.admitted(UID, "video")

    assert isinstance(scene.outcome(), TransferSucceeded)


@pytest.mark.parametrize("is_final", [True, False])
def test_without_room_it_ends_and_says_why(scene: Scene, source: LyingSource, is_final: bool) -> None:
    scene.executor.start(an_order(url=source.url, has_quota=True))
    scene.asked()

    scene.executor.rejected(UID, "video", message="No room.", is_final=is_final)

    assert scene.outcome() == TransferFailed(reason=Reason.QUOTA_EXCEEDED, message="No room.", is_final=is_final)
    assert list(store_of(scene.strict).objects("")) == []


def test_without_room_an_object_that_is_there_already_is_found(scene: Scene, source: LyingSource) -> None:
    scene.executor.start(an_order(url=source.url))
    assert isinstance(scene.outcome(), TransferSucceeded)

    scene.executor.start(an_order(url=source.url, has_quota=True))
    scene.asked()
    scene.executor.rejected(UID, "video", message="No room.", is_final=True)

    assert isinstance(scene.outcome(), TransferSucceeded)


def test_a_transfer_that_waits_for_room_can_be_stopped(scene: Scene, source: LyingSource) -> None:
    scene.executor.start(an_order(url=source.url, has_quota=True))
    scene.asked()

    scene.executor.stop(UID, "video")

    assert scene.outcome() == TransferStopped()


def test_a_source_that_states_no_length_says_so(scene: Scene, source: LyingSource) -> None:
    source.behave = lambda _: Behaviour(ranges=False, framing="chunked")
    scene.executor.start(an_order(url=source.url, has_quota=True))

    assert scene.asked().size_bytes is None
    scene.executor.admitted(UID, "video")

    assert isinstance(scene.outcome(), TransferSucceeded)
