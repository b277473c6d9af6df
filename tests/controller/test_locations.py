"""What was found of a store is believed of that store only."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import timedelta
from typing import Any

import pytest

from localcluster import ControlPlane
from recording_operator.api.storagelocation import StorageLocation
from recording_operator.controller.bandwidth import BandwidthLimits
from recording_operator.controller.locations import LocationKeeper
from recording_operator.controller.stores import S3Stores
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from recording_operator.metrics import Metrics
from recording_operator.transfer.stores.capabilities import UNKNOWN, Capabilities
from recording_operator.transfer.stores.s3 import S3Store
from tests.support.dialects_found import FOUND
from tests.support.strict_dialect import DIALECTS
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


class Noted(S3Stores):
    """Notes what a store was taken for when its probe began."""

    def __init__(self) -> None:
        super().__init__(cluster_id="here", connections=4)
        self.taken_for: list[Capabilities] = []

    def probe(self, location: StorageLocation, store: S3Store) -> Capabilities:
        """As ever."""
        self.taken_for.append(store.capabilities)
        return super().probe(location, store)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[StrictStore]:
    """A store without checksums, whose keys are the ambient ones."""
    with StrictStore() as strict:
        strict.bucket.dialect = DIALECTS["no-sums"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", strict.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", strict.secret_key)
        yield strict


@pytest.fixture
def stores() -> Noted:
    return Noted()


@pytest.fixture
def keep(cluster: ControlPlane, strict: StrictStore, stores: Noted) -> Iterator[Keep]:
    """Show the keeper a version of the location."""
    client, metrics = RestClient(connection(kubeconfig=cluster.kubeconfig)), Metrics(version="test")
    keeper = LocationKeeper(
        kube=KubeApi(client),
        stores=stores,
        post=lambda _: None,
        pool=AtOnce(),
        metrics=metrics,
        bandwidth=BandwidthLimits(operator_limit=None, metrics=metrics),
        operator_namespace="default",
        probe_interval=timedelta(minutes=10),
        retry_interval=timedelta(minutes=1),
        register_secret=lambda _: None,
    )

    def seen(generation: int, *, s3: dict[str, Any] | None = None, **spec: Any) -> None:
        here = {"bucket": strict.bucket_name, "endpoint": strict.endpoint, "pathStyle": True, **(s3 or {})}
        metadata = {"name": "only-here", "uid": "u", "generation": generation}
        keeper.seen({"metadata": metadata, "spec": {"s3": here, **spec}})

    yield seen
    client.close()


def test_a_changed_limit_does_not_change_a_store(keep: Keep, stores: Noted) -> None:
    keep(1)
    keep(2, limits={"perNamespace": 2})
    assert stores.taken_for == [UNKNOWN, FOUND["no-sums"]]


@pytest.mark.parametrize("changed", [{"checksums": "Off"}, {"prefix": "elsewhere/"}, {"region": "eu-west-2"}])
def test_another_way_to_a_store_is_found_out_anew(keep: Keep, stores: Noted, changed: dict[str, Any]) -> None:
    keep(1)
    keep(2, s3=changed)
    assert stores.taken_for == [UNKNOWN, UNKNOWN]
