"""A StorageLocation that is deleted and created again does not take over results of the deleted one."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.lifecycle import LifecycleApplier
from recording_operator.controller.locations.record import LocationRecord, OpenStore, ProbeResult
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.engine.facts import Fact, LocationGone, LocationSeen
from recording_operator.errors import LocationError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import NotFound
from recording_operator.metrics import Metrics
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.location_store import LocationStore
from tests.support.events import NoEvents
from tests.support.inline_pool import InlinePool

NAME = "archive"
FOUND = ProbeResult(reason=Reason.PROBE_SUCCEEDED, message="it works", capabilities=Capabilities())


def a_location(uid: str, version: int, *, generation: int = 1) -> dict[str, Any]:
    """As the watch brings it; its bucket has the name of its uid."""
    metadata = {"name": NAME, "uid": uid, "resourceVersion": str(version), "generation": generation}
    return {"metadata": metadata, "spec": {"s3": {"bucket": f"bucket-{uid}"}}}


class Scene(Metrics):
    """A keeper, its facts for the engine, and the API server that it writes to. `on_ready` runs during a report."""

    def __init__(self) -> None:
        super().__init__(version="test")
        self.facts: list[Fact] = []
        self.stored: dict[str, Any] | None = None
        self.patches: list[str] = []
        self.on_ready: list[threading.Thread] = []
        self.keeper = LocationKeeper(
            prober=cast("Any", self),
            lifecycle=LifecycleApplier(events=NoEvents()),
            status=LocationStatusWriter(KubeApi(self), now=lambda: datetime(2026, 11, 1, tzinfo=UTC)),
            post=self.facts.append,
            pool=InlinePool(),
            metrics=self,
            bandwidth=BandwidthLimits(operator_limit=None, metrics=self),
            probe_interval=timedelta(minutes=10),
            retry_interval=timedelta(minutes=1),
        )

    def probe(self, record: LocationRecord, location: StorageLocation) -> ProbeResult:
        """Every store works; it is called by its bucket."""
        store = cast("LocationStore", location.store.bucket)
        record.opened = OpenStore(store=store, location=location, credentials=None)
        return FOUND

    def set_location_ready(self, location: str, *, ready: bool) -> None:
        """A moment at which something else happens."""
        super().set_location_ready(location, ready=ready)
        for thread in self.on_ready:
            thread.start()
            thread.join(0.2)

    def request(self, method: str, path: str, **_: object) -> dict[str, Any]:
        """The API server."""
        if self.stored is None:
            raise NotFound(f"{method} {path}", status=404)
        if method == "PATCH":
            self.patches.append(path)
        return self.stored


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_late_deletion_of_a_recording_of_the_same_name_removes_nothing(scene: Scene) -> None:
    scene.keeper.seen(a_location("1", 5))
    scene.keeper.seen(a_location("2", 9))
    scene.keeper.gone(NAME, uid="1")
    assert str(scene.keeper.store_named(NAME, uid="2")) == "bucket-2"
    assert not any(isinstance(fact, LocationGone) for fact in scene.facts)


def test_a_late_version_of_a_namesake_replaces_nothing(scene: Scene) -> None:
    scene.keeper.seen(a_location("2", 9))
    scene.keeper.seen(a_location("1", 7))
    scene.keeper.gone(NAME, uid="1")
    assert str(scene.keeper.store_named(NAME, uid="2")) == "bucket-2"


def test_a_store_is_only_that_of_the_location_that_was_decided_on(scene: Scene) -> None:
    scene.keeper.seen(a_location("1", 5))
    scene.keeper.seen(a_location("2", 9))
    with pytest.raises(LocationError) as caught:
        scene.keeper.store_named(NAME, uid="1")
    assert caught.value.reason is Reason.LOCATION_NOT_READY


def test_a_deletion_is_the_last_event_of_a_location(scene: Scene) -> None:
    """It is deleted while the result of its probe is reported."""
    deleting = threading.Thread(target=scene.keeper.gone, args=(NAME,), kwargs={"uid": "1"})
    scene.on_ready = [deleting]
    scene.keeper.seen(a_location("1", 5))
    deleting.join()
    assert [type(fact) for fact in scene.facts] == [LocationSeen, LocationSeen, LocationGone]


@pytest.mark.parametrize(
    ("stored", "written"),
    [(a_location("1", 5), True), (a_location("2", 9), False), (a_location("1", 9, generation=2), False)],
    ids=["the probed one", "another one", "edited"],
)
def test_a_result_is_written_to_the_location_that_was_probed(
    scene: Scene, stored: dict[str, Any], *, written: bool
) -> None:
    scene.stored = stored
    scene.keeper.seen(a_location("1", 5))
    assert bool(scene.patches) == written
