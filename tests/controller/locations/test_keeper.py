"""The result of a probe is used only for the location and store that were probed."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.controller.locations.bandwidth import BandwidthLimits
from recording_operator.controller.locations.keeper import LocationKeeper
from recording_operator.controller.locations.lifecycle import LifecycleApplier
from recording_operator.controller.locations.prober import LocationProber
from recording_operator.controller.locations.status import LocationStatusWriter
from recording_operator.errors import TransferError
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from recording_operator.metrics import Metrics
from recording_operator.stores.capabilities import UNKNOWN, Capabilities, Joins
from recording_operator.stores.factory import open_store
from recording_operator.stores.s3.location import S3LocationStore
from tests.support.dialects_found import FOUND
from tests.support.events import NoEvents
from tests.support.strict_dialect import DIALECTS
from tests.support.strict_faults import ErrorResponse, Fault
from tests.support.strict_store import StrictStore

pytestmark = pytest.mark.cluster

Keep = Callable[..., None]


class AtOnce(Executor):
    """Runs what is submitted before `submit` returns."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run it."""
        done: Future[Any] = Future()
        done.set_result(call(*arguments, **named))
        return done


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictStore]:
    """A store without checksums, whose keys are the ambient ones."""
    with StrictStore() as strict:
        strict.bucket.dialect = DIALECTS["no-sums"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
        yield strict


@pytest.fixture
def taken_for(monkeypatch: pytest.MonkeyPatch) -> list[Capabilities]:
    """What a store was taken for when each of its probes began."""
    noted: list[Capabilities] = []
    probe = S3LocationStore.probe

    def noting(store: S3LocationStore, *, name: str, joins: Joins | None = None) -> Capabilities:
        noted.append(store.capabilities)
        return probe(store, name=name, joins=joins)

    monkeypatch.setattr(S3LocationStore, "probe", noting)
    return noted


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keeper(cluster: ControlPlane, clock: Clock) -> Iterator[LocationKeeper]:
    """Runs each probe at once."""
    client, metrics = RestClient(connection(kubeconfig=cluster.kubeconfig)), Metrics(version="test")
    kube = KubeApi(client)
    yield LocationKeeper(
        prober=LocationProber(
            kube=kube,
            open_store=open_store,
            cluster_id="here",
            operator_namespace="default",
            register_secret=lambda _: None,
        ),
        lifecycle=LifecycleApplier(events=NoEvents()),
        status=LocationStatusWriter(kube, now=clock),
        post=lambda _: None,
        pool=AtOnce(),
        metrics=metrics,
        bandwidth=BandwidthLimits(operator_limit=None, metrics=metrics),
        probe_interval=timedelta(minutes=10),
        retry_interval=timedelta(minutes=1),
        uptime=clock,
    )
    client.close()


@pytest.fixture
def keep(strict: StrictStore, keeper: LocationKeeper) -> Keep:
    """Show the keeper a version of the location."""

    def seen(generation: int, *, s3: dict[str, Any] | None = None, status: Any = None, **spec: Any) -> None:
        here = {"bucket": strict.bucket_name, "endpoint": strict.endpoint, "pathStyle": True, **(s3 or {})}
        metadata = {"name": "only-here", "uid": "u", "generation": generation}
        keeper.seen({"metadata": metadata, "spec": {"s3": here, **spec}, "status": status or {}})

    return seen


def test_a_changed_limit_does_not_change_a_store(keep: Keep, taken_for: list[Capabilities]) -> None:
    keep(1)
    keep(2, limits={"perNamespace": 2})
    assert taken_for == [UNKNOWN, FOUND["no-sums"]]


@pytest.mark.parametrize("changed", [{"checksums": "Off"}, {"prefix": "elsewhere/"}, {"region": "eu-west-2"}])
def test_after_a_change_of_the_connection_a_store_is_probed_again(
    keep: Keep, taken_for: list[Capabilities], changed: dict[str, Any]
) -> None:
    keep(1)
    keep(2, s3=changed)
    assert taken_for == [UNKNOWN, UNKNOWN]


def test_t31_a_location_that_is_rechecked_repeatedly_is_probed_every_ten_seconds(
    keep: Keep, keeper: LocationKeeper, taken_for: list[Capabilities], clock: Clock
) -> None:
    """Its probe succeeds, and each transfer meets a fault of it."""
    keep(1)
    for _ in range(100):
        keeper.recheck("only-here")
    assert len(taken_for) == 2
    clock.now += timedelta(seconds=9)
    keeper.tick()
    assert len(taken_for) == 2
    clock.now += timedelta(seconds=1)
    keeper.tick()
    assert len(taken_for) == 3
    clock.now += timedelta(seconds=10)
    keeper.recheck("only-here")
    assert len(taken_for) == 4, "the first recheck after ten seconds is immediate"
    keeper.recheck("nowhere")


def test_t32_a_location_is_left_alone_as_long_as_its_store_asks(
    keep: Keep, keeper: LocationKeeper, strict: StrictStore, taken_for: list[Capabilities], clock: Clock
) -> None:
    strict.fault(
        Fault(operation="any", action=ErrorResponse(status=503, code="SlowDown", retry_after="90"), times=1000)
    )
    keep(1)
    strict.heal()
    clock.now += timedelta(seconds=89)
    keeper.tick()
    assert len(taken_for) == 1
    clock.now += timedelta(seconds=1)
    keeper.tick()
    assert len(taken_for) == 2


@pytest.mark.parametrize(("generation", "ready", "tried"), [(1, "True", False), (2, "True", True), (1, "False", True)])
def test_t28_joins_are_tried_once_for_a_spec_also_after_a_restart(
    keep: Keep, strict: StrictStore, *, generation: int, ready: str, tried: bool
) -> None:
    condition = {
        "type": "Ready",
        "status": ready,
        "observedGeneration": 1,
        "reason": "ProbeSucceeded",
        "message": "",
        "lastTransitionTime": "2026-11-01T00:00:00Z",
    }
    keep(generation, status={"conditions": [condition], "capabilities": Capabilities().as_status()})
    assert (sum(seen.body_bytes for seen in strict.requests) > 10 * 2**20) == tried


def test_t32_a_retry_after_sent_to_a_transfer_delays_the_probe_too(
    keep: Keep, keeper: LocationKeeper, strict: StrictStore, taken_for: list[Capabilities], clock: Clock
) -> None:
    keep(1)
    ((_, store),) = keeper.locations()
    strict.fault(Fault(operation="HeadObject", action=ErrorResponse(status=503, code="SlowDown", retry_after="60")))
    with pytest.raises(TransferError):
        store.head("any")
    keeper.recheck("only-here")
    clock.now += timedelta(seconds=50)
    keeper.tick()
    assert len(taken_for) == 1
    clock.now += timedelta(seconds=10)
    keeper.tick()
    assert len(taken_for) == 2
