"""Content from Secrets and providers, transferred by the executor into a strict store."""

import base64
import hashlib
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind, ArtifactSpec
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.controller.executors.threads import ThreadExecutor
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.sources import MediaSource, SourceResolver
from recording_operator.egress.dialer import Dialer
from recording_operator.engine.actions import StartTransfer
from recording_operator.engine.facts import Fact, SizeFound, TransferEnded, TransferFailed, TransferSucceeded
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.metrics import Metrics
from recording_operator.providers.provider import Media
from recording_operator.stores.location_store import LocationStore
from tests.controller.providers import FixedMedia, NoProviders
from tests.engine.builders import a_location, a_provider, a_recording, an_artifact, uid_of
from tests.support.strict_bucket import Bucket
from tests.support.strict_store import StrictStore
from tests.support.transfers import fast_options, loopback_policy, store_of

TEXT = b'{"sentences": ["Good morning"]}' * 1000
FROM_SECRET = an_artifact(content="texts").model_copy(update={"content_type": "application/json"})
WITHIN_S = 20.0


class Scene:
    """A store, a Secret that may be missing, and an executor."""

    def __init__(self, strict: StrictStore, *, secret: bytes | None, providers: MediaSource) -> None:
        self.strict, self.secret = strict, secret
        self.posted: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        metrics = Metrics(version="test")
        self.executor = ThreadExecutor(
            stores=self,
            resolver=SourceResolver(KubeApi(self), providers=providers, register_secret=lambda _: None),
            dialer=Dialer(loopback_policy()),
            post=self.posted.put,
            metrics=metrics,
            options=fast_options(),
            bandwidth=BandwidthLimits(operator_limit=None, metrics=metrics),
            concurrent=1,
        )

    def store_named(self, location: str, *, uid: str) -> LocationStore:
        assert (location, uid) == ("archive", "location-archive")
        return store_of(self.strict)

    def request(self, method: str, path: str, **_: object) -> dict[str, Any]:
        """An API server with one Secret."""
        if self.secret is None or not path.endswith("/secrets/texts"):
            raise NotFound(f"{method} {path}", status=404)
        return {"metadata": {"name": "texts"}, "data": {"content": base64.b64encode(self.secret).decode()}}

    def outcome(self, artifact: ArtifactSpec, *, limit: int | None = None, has_quota: bool = False) -> object:
        """How the transfer ends."""
        location = a_location()
        limits = location.spec.limits.model_copy(update={"max_artifact_size": limit})
        action = StartTransfer(
            recording=a_recording(artifact),
            artifact="video",
            location=location.model_copy(update={"spec": location.spec.model_copy(update={"limits": limits})}),
            key="p/video.json",
            upload_id=None,
            part_size_bytes=None,
            source=None,
            has_quota=has_quota,
        )
        self.executor.start(TransferOrder.of(action))
        while not isinstance(fact := self.posted.get(timeout=WITHIN_S), TransferEnded):
            if isinstance(fact, SizeFound):
                self.sizes = fact.size_bytes
                self.executor.rejected(uid_of(1), "video", message="no room", is_final=False)
        return fact.outcome


@pytest.fixture
def strict() -> Iterator[StrictStore]:
    with StrictStore(bucket=Bucket()) as store:
        yield store


def test_the_content_of_a_secret_is_stored(strict: StrictStore) -> None:
    stored = Scene(strict, secret=TEXT, providers=NoProviders()).outcome(FROM_SECRET)
    assert isinstance(stored, TransferSucceeded)
    assert (stored.size_bytes, stored.content_type) == (len(TEXT), "application/json")


@pytest.mark.parametrize("secret", [None, b""])
def test_without_it_the_artifact_waits(strict: StrictStore, secret: bytes | None) -> None:
    failed = Scene(strict, secret=secret, providers=NoProviders()).outcome(FROM_SECRET)
    assert isinstance(failed, TransferFailed)
    assert failed.reason is Reason.SECRET_NOT_FOUND
    assert "texts" in failed.message


def test_content_that_is_larger_than_allowed_is_not_stored(strict: StrictStore) -> None:
    failed = Scene(strict, secret=TEXT, providers=NoProviders()).outcome(FROM_SECRET, limit=100)
    assert isinstance(failed, TransferFailed)
    assert failed.reason is Reason.SOURCE_TOO_LARGE


def test_the_quota_is_compared_with_its_size(strict: StrictStore) -> None:
    scene = Scene(strict, secret=TEXT, providers=NoProviders())
    failed = scene.outcome(FROM_SECRET, has_quota=True)
    assert isinstance(failed, TransferFailed)
    assert (failed.reason, scene.sizes) == (Reason.QUOTA_EXCEEDED, len(TEXT))


def from_provider(**expected: Any) -> ArtifactSpec:
    artifact = an_artifact(url=None, provider=a_provider("transcript"))
    assert artifact.source is not None
    source = artifact.source.model_copy(update=expected)
    return artifact.model_copy(update={"source": source, "content_type": "application/json"})


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ({}, None),
        ({"size": len(TEXT), "checksum": f"sha256:{hashlib.sha256(TEXT).hexdigest()}"}, None),
        ({"size": len(TEXT) + 1}, Reason.SIZE_MISMATCH),
        ({"checksum": f"sha256:{'0' * 64}"}, Reason.CHECKSUM_MISMATCH),
        ({"checksum": "crc64nvme:0000000000000000"}, Reason.CHECKSUM_MISMATCH),
    ],
)
def test_content_that_a_provider_gives_is_compared_with_the_spec(
    strict: StrictStore, expected: dict[str, Any], reason: Reason | None
) -> None:
    media = Media(name="transcript", kind=ArtifactKind.TRANSCRIPT, content=TEXT)
    ended = Scene(strict, secret=None, providers=FixedMedia(media)).outcome(from_provider(**expected))
    if reason is None:
        assert isinstance(ended, TransferSucceeded)
        assert (ended.proved_checksum is not None) == ("checksum" in expected)
    else:
        assert isinstance(ended, TransferFailed)
        assert ended.reason is reason
