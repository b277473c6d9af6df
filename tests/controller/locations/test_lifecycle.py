"""The check of a location applies its lifecycle rules, and says in the status what came of it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import pytest

from recording_operator.api.reasons import Reason
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.lifecycle import LifecycleApplier
from recording_operator.controller.locations.record import LocationRecord, OpenStore, ProbeResult
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.engine.facts import Fact
from recording_operator.kube.client import KubeApi
from recording_operator.lifecycle.merge import Difference
from recording_operator.metrics import Metrics
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.lifecycle import LifecycleWrite
from recording_operator.stores.location_store import LocationStore
from recording_operator.stores.s3 import lifecycle
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.events import NotedEvents
from tests.support.inline_pool import InlinePool
from tests.support.lifecycles import GLACIER_AND_EXPIRY, WEEK, a_configuration, a_location_with, foreign_rule
from tests.support.strict_bucket import Bucket
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore
from tests.support.transfers import store_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GET: Final = "GetBucketLifecycleConfiguration"
PUT: Final = "PutBucketLifecycleConfiguration"


class Scene(Metrics):
    """A keeper and the API server that it writes to; every probe succeeds."""

    def __init__(self, strict: StrictStore, store: S3LocationStore) -> None:
        super().__init__(version="test")
        self.strict = strict
        self.store = store
        self.now = NOW
        self.ready = ProbeResult(
            reason=Reason.PROBE_SUCCEEDED, message="it works", capabilities=Capabilities(versioning=False)
        )
        self.events = NotedEvents()
        self.facts: list[Fact] = []
        self.raw: dict[str, Any] = {}
        self.keeper = LocationKeeper(
            prober=cast("Any", self),
            lifecycle=LifecycleApplier(events=self.events),
            status=LocationStatusWriter(KubeApi(self), now=lambda: self.now),
            post=self.facts.append,
            pool=InlinePool(),
            metrics=self,
            bandwidth=BandwidthLimits(operator_limit=None, metrics=self),
            probe_interval=timedelta(minutes=10),
            retry_interval=timedelta(minutes=1),
        )

    def probe(self, record: LocationRecord, location: StorageLocation) -> ProbeResult:
        """The result that the test set."""
        record.opened = OpenStore(store=self.store, location=location, credentials=None)
        return self.ready

    def request(self, method: str, path: str, **sent: Any) -> dict[str, Any]:  # noqa: ARG002 - as the client
        """The API server."""
        if method == "PATCH":
            self.raw["status"] = _merged(self.raw["status"], sent["body"]["status"])
        return self.raw

    def apply(self, *rules: dict[str, Any], generation: int = 1, enforced_by: str = "Auto") -> None:
        """The location is created, edited, or checked again."""
        location = a_location_with(*rules, bucket=self.strict.bucket_name, enforced_by=enforced_by)
        self.raw = {
            "metadata": {"name": "archive", "uid": "u", "generation": generation, "resourceVersion": "1"},
            "spec": location.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            "status": self.raw.get("status", {}),
        }
        self.keeper.seen(self.raw)
        self.see()

    def check(self) -> None:
        """The next check of the location."""
        self.now += timedelta(minutes=10)
        self.keeper.probe("archive")
        self.see()

    def see(self) -> None:
        """The watch delivers what was written."""
        self.keeper.seen(self.raw)

    @property
    def condition(self) -> tuple[str, str] | None:
        """Status and reason of LifecycleApplied."""
        for one in self.raw["status"]["conditions"]:
            if one["type"] == "LifecycleApplied":
                return one["status"], one["reason"]
        return None

    @property
    def message(self) -> str:
        """The message of LifecycleApplied."""
        return next(
            str(one["message"]) for one in self.raw["status"]["conditions"] if one["type"] == "LifecycleApplied"
        )


def _merged(stored: Any, patch: Any) -> Any:
    """A JSON merge patch, carried out."""
    if not isinstance(patch, dict):
        return patch
    before = stored if isinstance(stored, dict) else {}
    merged = before | {name: _merged(before.get(name), value) for name, value in patch.items()}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[StrictStore, S3LocationStore]]:
    """A store and its client, which takes half a second to create."""
    with StrictStore() as strict:
        store = store_of(strict)
        yield strict, store
        store.close()


@pytest.fixture
def scene(served: tuple[StrictStore, S3LocationStore], monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(lifecycle, "_SETTLE_S", 0.0)
    strict, store = served
    strict.reset(Bucket())
    return Scene(strict, store)


def test_a_location_without_lifecycle_never_touches_the_configuration(scene: Scene) -> None:
    scene.apply()
    scene.check()
    assert (scene.condition, scene.strict.count(GET), scene.events.emitted) == (None, 0, [])


def test_the_rules_are_applied_and_shown(scene: Scene) -> None:
    scene.strict.bucket.lifecycle = a_configuration(foreign_rule("logs"))
    scene.apply(GLACIER_AND_EXPIRY, WEEK)
    assert scene.condition == ("True", "RulesApplied")
    assert scene.message.startswith(
        "The bucket's lifecycle configuration has the 2 rules of the location, and 1 of others."
    )
    assert scene.raw["status"]["lifecycle"] == {
        "enforcedBy": "Bucket",
        "appliedTime": "2026-11-01T00:00:00Z",
        "rules": 2,
    }
    assert scene.events.reasons == ["RulesApplied"]


def test_each_check_reads_and_writes_nothing_if_nothing_changed(scene: Scene) -> None:
    scene.apply(WEEK)
    scene.check()
    scene.check()
    assert (scene.strict.count(GET), scene.strict.count(PUT)) == (4, 1)
    assert scene.raw["status"]["lifecycle"]["appliedTime"] == "2026-11-01T00:00:00Z"
    assert scene.events.reasons == ["RulesApplied"]


def test_a_change_of_the_spec_is_no_repair(scene: Scene) -> None:
    scene.apply(WEEK)
    scene.apply(GLACIER_AND_EXPIRY, generation=2)
    assert scene.condition == ("True", "RulesApplied")
    assert b"GLACIER" in (scene.strict.bucket.lifecycle or b"")
    assert scene.events.reasons == ["RulesApplied"]


def test_what_another_client_removed_is_repaired_and_reported(scene: Scene) -> None:
    scene.apply(GLACIER_AND_EXPIRY, WEEK)
    scene.strict.bucket.lifecycle = a_configuration(foreign_rule("logs"))
    scene.check()
    assert scene.condition == ("True", "RulesApplied")
    assert scene.raw["status"]["lifecycle"]["appliedTime"] == "2026-11-01T00:10:00Z"
    assert scene.events.emitted[1:] == [
        (
            "Warning",
            "LifecycleRepaired",
            "Rules of the location in the bucket's lifecycle configuration were 2 missing. They were written again.",
        )
    ]


def test_without_the_permission_the_location_stays_ready(scene: Scene) -> None:
    scene.strict.denied = {"PutLifecycleConfiguration"}
    scene.apply(WEEK)
    assert scene.condition == ("False", "AccessDenied")
    assert "s3:PutLifecycleConfiguration" in scene.message
    assert [one["status"] for one in scene.raw["status"]["conditions"] if one["type"] == "Ready"] == ["True"]
    assert "lifecycle" not in scene.raw["status"]
    scene.check()
    assert [(kind, reason) for kind, reason, _ in scene.events.emitted] == [("Warning", "AccessDenied")]
    scene.strict.denied = set()
    scene.check()
    assert scene.condition == ("True", "RulesApplied")


def without_configuration(scene: Scene) -> None:
    """The store has no lifecycle configuration."""
    scene.strict.fault(Fault(operation=GET, action=ErrorResponse(status=501, code="NotImplemented"), times=9))


def test_a_store_without_lifecycle_configuration_says_so_if_only_the_bucket_may_expire(scene: Scene) -> None:
    without_configuration(scene)
    scene.apply(WEEK, enforced_by="Bucket")
    assert scene.condition == ("False", "LifecycleUnsupported")
    assert "lifecycle" not in scene.raw["status"]


def test_where_the_store_cannot_the_operator_carries_the_rules_out(scene: Scene) -> None:
    without_configuration(scene)
    scene.apply(WEEK)
    assert scene.condition == ("True", "EnforcedByOperator")
    applied = {"enforcedBy": "Operator", "appliedTime": "2026-11-01T00:00:00Z", "rules": 1}
    assert scene.raw["status"]["lifecycle"] == applied
    scene.check()
    assert scene.raw["status"]["lifecycle"] == applied
    assert scene.events.reasons == ["EnforcedByOperator"]


def test_what_is_not_carried_out_is_told(scene: Scene) -> None:
    scene.apply(GLACIER_AND_EXPIRY, WEEK, enforced_by="Operator")
    assert scene.condition == ("False", "RulesPartlyApplied")
    assert "Not carried out: transitions," in scene.message
    assert scene.raw["status"]["lifecycle"]["enforcedBy"] == "Operator"
    assert [one["status"] for one in scene.raw["status"]["conditions"] if one["type"] == "Ready"] == ["True"]


def test_the_operator_needs_no_permission_for_the_configuration(scene: Scene) -> None:
    scene.apply(WEEK, enforced_by="Operator")
    scene.check()
    scene.apply(generation=2)
    assert (scene.condition, scene.strict.count(GET), scene.strict.count(PUT)) == (None, 0, 0)
    assert "lifecycle" not in scene.raw["status"]


def test_rules_of_the_bucket_are_removed_when_the_operator_takes_over(scene: Scene) -> None:
    scene.strict.bucket.lifecycle = before = a_configuration(foreign_rule("logs"))
    scene.apply(WEEK)
    assert scene.strict.bucket.lifecycle != before
    scene.apply(WEEK, generation=2, enforced_by="Operator")
    assert scene.strict.bucket.lifecycle == before
    assert scene.condition == ("True", "EnforcedByOperator")
    scene.apply(WEEK, generation=3)
    assert scene.condition == ("True", "RulesApplied")
    assert scene.raw["status"]["lifecycle"]["enforcedBy"] == "Bucket"


def test_a_missing_permission_does_not_make_the_operator_delete(scene: Scene) -> None:
    scene.strict.denied = {"GetLifecycleConfiguration"}
    scene.apply(WEEK)
    assert scene.condition == ("False", "AccessDenied")
    assert "lifecycle" not in scene.raw["status"]


def test_rules_go_with_the_field_and_so_does_the_condition(scene: Scene) -> None:
    scene.strict.bucket.lifecycle = before = a_configuration(foreign_rule("logs"))
    scene.apply(WEEK)
    scene.apply(generation=2)
    assert scene.strict.bucket.lifecycle == before
    assert scene.condition is None
    assert "lifecycle" not in scene.raw["status"]
    assert scene.events.reasons == ["RulesApplied", "LifecycleRemoved"]
    reads = scene.strict.count(GET)
    scene.check()
    assert scene.strict.count(GET) == reads


def test_a_removal_that_fails_is_tried_again(scene: Scene) -> None:
    scene.apply(WEEK)
    scene.strict.denied = {"GetLifecycleConfiguration"}
    scene.apply(generation=2)
    assert scene.condition == ("False", "AccessDenied")
    scene.strict.denied = set()
    scene.check()
    assert scene.strict.bucket.lifecycle is None
    assert scene.condition is None


def test_a_location_that_is_not_ready_keeps_its_condition(scene: Scene) -> None:
    scene.apply(WEEK)
    scene.ready = ProbeResult(reason=Reason.ENDPOINT_UNREACHABLE, message="it does not respond")
    reads = scene.strict.count(GET)
    scene.check()
    assert (scene.condition, scene.strict.count(GET)) == (("True", "RulesApplied"), reads)


def test_conditions_of_others_stay(scene: Scene) -> None:
    other = {
        "type": "Other",
        "status": "True",
        "lastTransitionTime": "2026-11-01T00:00:00Z",
        "reason": "Fine",
        "message": "",
    }
    scene.raw = {"status": {"conditions": [other]}}
    scene.apply(WEEK)
    assert {one["type"] for one in scene.raw["status"]["conditions"]} == {"Other", "Ready", "LifecycleApplied"}


def test_an_unexpected_error_is_reported_and_the_location_is_checked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> LifecycleWrite:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(S3LocationStore, "apply_lifecycle", broken)
        scene.apply(WEEK)
    assert scene.condition == ("False", "InternalError")
    scene.check()
    assert scene.condition == ("True", "RulesApplied")


def test_one_bucket_is_written_by_one_thread_at_a_time() -> None:
    """Two locations of one bucket are checked at once: neither write may be based on a read before the other's."""
    inside, most = 0, 0
    lock = threading.Lock()

    class Slow:
        capabilities = Capabilities()

        def apply_lifecycle(self, *_: Any, **__: Any) -> LifecycleWrite:
            nonlocal inside, most
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.05)
            with lock:
                inside -= 1
            return LifecycleWrite(found=Difference(), written=False)

    applier = LifecycleApplier(events=NotedEvents())
    store = cast("LocationStore", Slow())
    threads = [
        threading.Thread(target=applier.apply, args=(a_location_with(WEEK, name=name), store)) for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
