"""kopf as the watcher, with a real API server and faults."""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import yaml

from localcluster import ControlPlane
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, install, operator_objects
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import Connection, connection
from recording_operator.kube.rest import RestClient
from recording_operator.kube.watch import WatchOptions, session
from tests.kube.conftest import connection_of_operator
from tests.kube.objects import JsonObject, a_large_recording, a_location, a_recording, annotate, set_status
from tests.kube.observed import Observed
from tests.support.proxy import TcpProxy, port_of
from tests.support.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

CRDS = Path(__file__).resolve().parents[2] / "crds"

Watch = Callable[..., Observed]
WATCHER_USER = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"


@pytest.fixture
def rough_admin(rough_cluster: ControlPlane) -> Iterator[RestClient]:
    client = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    yield client
    client.close()


@pytest.fixture
def rough_namespace(rough_cluster: ControlPlane, namespace: str) -> str:
    rough_cluster.kubectl("create", "namespace", namespace)
    return namespace


def uid_of(stored: JsonObject) -> str:
    uid: str = stored["metadata"]["uid"]
    return uid


def test_finished_recordings_are_not_listed_but_their_edits_and_deletions_are_seen(
    watch: Watch, rough_cluster: ControlPlane, rough_admin: RestClient, rough_namespace: str
) -> None:
    complete = [a_recording(rough_admin, rough_namespace, f"complete-{n}", phase="Complete") for n in range(5)]
    failed = a_recording(rough_admin, rough_namespace, "failed", phase="Failed")
    active = [a_recording(rough_admin, rough_namespace, f"active-{n}") for n in range(3)]

    seen = watch(connection_of_operator(rough_cluster), WatchOptions(chunk_size=2))
    seen.wait_listed()

    ours = [uid for kind, stored in seen.events if kind == "LISTED" for uid in [uid_of(stored)]]
    assert {uid_of(one) for one in active} <= set(ours)
    assert not {uid_of(one) for one in [*complete, failed]} & set(ours)
    assert set(ours) == seen.lists_of("recordings")[0]
    assert all("managedFields" not in stored["metadata"] for _, stored in seen.events)

    # The server ends each watch after some 3 to 6 s: go through several of them.
    for number, stored in enumerate(complete):
        watches = count_watches(rough_cluster)
        annotate(rough_admin, stored, f"edit {number}")
        eventually(partial(seen.saw, "MODIFIED", uid_of(stored)))
        eventually(partial(opened_more_watches, rough_cluster, than=watches), within_s=30, poll_s=0.2)
    KubeApi(rough_admin).delete_recording(rough_namespace, "complete-0", uid=uid_of(complete[0]))
    KubeApi(rough_admin).delete_recording(rough_namespace, "failed", uid=uid_of(failed))
    eventually(lambda: seen.saw("DELETED", uid_of(complete[0])) and seen.saw("DELETED", uid_of(failed)))

    set_status(rough_admin, active[0], {"phase": "Complete"})
    eventually(lambda: seen.saw("MODIFIED", uid_of(active[0])))
    assert not seen.saw("DELETED", uid_of(active[0])), "it left the selector, not the cluster"
    assert len(seen.lists_of("recordings")) == 1
    assert seen.watcher.health.restarts == 0


def count_watches(cluster: ControlPlane) -> int:
    """How many watches of Recordings the operator opened so far."""
    return sum(
        event["verb"] == "watch" and event["objectRef"]["resource"] == "recordings"
        for event in cluster.audit_events()
        if event["user"].get("username") == WATCHER_USER
    )


def opened_more_watches(cluster: ControlPlane, *, than: int) -> bool:
    return count_watches(cluster) > than


def test_locations_are_all_listed_and_followed(
    watch: Watch, operator_connection: Connection, admin: RestClient, namespace: str
) -> None:
    before = a_location(admin, f"{namespace}-before")
    seen = watch(operator_connection)
    seen.wait_listed()
    after = a_location(admin, f"{namespace}-after")
    eventually(lambda: ("ADDED", uid_of(after)) in told_of_locations(seen))
    admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{namespace}-before")
    admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{namespace}-after")
    eventually(lambda: ("DELETED", uid_of(before)) in told_of_locations(seen))
    assert ("LISTED", uid_of(before)) in told_of_locations(seen)


def told_of_locations(seen: Observed) -> list[tuple[str, str]]:
    return [(kind, uid_of(stored)) for kind, stored in seen.locations]


def test_kopf_never_writes_not_even_when_its_marks_are_forged(
    watch: Watch, cluster: ControlPlane, operator_connection: Connection, admin: RestClient, namespace: str
) -> None:
    seen = watch(operator_connection)
    seen.wait_listed()
    stored = a_recording(admin, namespace, "r")
    forged = {
        "metadata": {
            "finalizers": ["kopf.zalando.org/KopfFinalizerMarker"],
            "annotations": {
                "kopf.zalando.org/last-handled-configuration": "{}",
                "kopf.zalando.org/recording": '{"success": true}',
            },
        }
    }
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings/r"
    patched = admin.request("PATCH", path, body=forged, content_type="application/merge-patch+json")
    eventually(lambda: seen.saw("MODIFIED", uid_of(stored)))
    annotate(admin, stored, "once more")
    eventually(lambda: len([kind for kind, one in seen.events if uid_of(one) == uid_of(stored)]) == 3)

    after = KubeApi(admin).get_recording(namespace, "r")
    assert after["metadata"]["finalizers"] == patched["metadata"]["finalizers"]
    calls = [event for event in cluster.audit_events() if event.get("userAgent") == "recording-operator/watch"]
    verbs = {event["verb"] for event in calls}
    assert verbs == {"get", "list", "watch"}


def test_nothing_is_kept_of_objects_that_went_by(
    watch: Watch, operator_connection: Connection, admin: RestClient, namespace: str
) -> None:
    listed = a_recording(admin, namespace, "listed")
    seen = watch(operator_connection)
    seen.wait_listed()
    before = records_of_kopf()
    assert before == len(seen.events) + len(seen.locations) + len(seen.reports), (
        "what is listed is kept until it changes"
    )
    for number in range(20):
        a_recording(admin, namespace, f"r{number}")
    eventually(lambda: len([kind for kind, _ in seen.events if kind == "ADDED"]) >= 20)
    annotate(admin, listed, "changed")

    # Listed objects of others may change as well.
    eventually(lambda: records_of_kopf() <= before - 1, what="the record of the listed object to go")


def test_nothing_is_kept_of_listed_objects_that_only_the_operator_writes(
    watch: Watch,
    operator_connection: Connection,
    admin: RestClient,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed = a_recording(admin, namespace, "listed")
    seen = watch(operator_connection)
    monkeypatch.setattr(seen.own_writes, "take", lambda _: True)
    seen.wait_listed()
    before = records_of_kopf()

    annotate(admin, listed, "own")
    eventually(lambda: records_of_kopf() <= before - 1, what="the record of the listed object to go")
    annotate(admin, listed, "own, too")
    a_recording(admin, namespace, "next")
    eventually(lambda: len([kind for kind, _ in seen.events if kind == "ADDED"]) == 1)
    assert [kind for kind, one in seen.events if uid_of(one) == uid_of(listed)] == ["LISTED", "MODIFIED"]


def records_of_kopf() -> int:
    """How many records of objects kopf keeps. Their class is private; the test above shows that it has this name."""
    gc.collect()
    return sum(type(thing).__name__ == "ResourceMemory" for thing in gc.get_objects())


def test_own_writes_are_left_out_and_those_of_others_are_not(
    watch: Watch,
    operator_connection: Connection,
    admin: RestClient,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = watch(operator_connection)
    seen.wait_listed()
    stored = a_recording(admin, namespace, "r")
    eventually(lambda: seen.saw("ADDED", uid_of(stored)))
    asked: list[str] = []

    def take(version: str) -> bool:
        asked.append(version)
        return len(asked) == 1

    monkeypatch.setattr(seen.own_writes, "take", take)
    own = annotate(admin, stored, "own")
    foreign = annotate(admin, stored, "of somebody else")
    eventually(lambda: seen.saw("MODIFIED", uid_of(stored)))
    assert asked == [one["metadata"]["resourceVersion"] for one in (own, foreign)]
    edits = [one for kind, one in seen.events if uid_of(one) == uid_of(stored) and kind == "MODIFIED"]
    assert [one["metadata"]["annotations"]["example.com/edit"] for one in edits] == ["of somebody else"]


def test_an_error_of_a_callback_does_not_stop_the_watch(
    watch: Watch, operator_connection: Connection, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    seen = watch(operator_connection, failing=True)
    seen.wait_listed()
    assert seen.saw("LISTED", uid_of(stored))
    annotate(admin, stored, "edit")
    eventually(lambda: seen.saw("MODIFIED", uid_of(stored)))
    assert seen.watcher.health.restarts == 0


def test_k1_k3_after_a_crash_of_the_api_server_events_flow_and_the_missed_ones_are_found(
    watch: Watch, rough_cluster: ControlPlane, rough_admin: RestClient, rough_namespace: str
) -> None:
    kept = a_recording(rough_admin, rough_namespace, "kept")
    gone = a_recording(rough_admin, rough_namespace, "gone")
    seen = watch(connection_of_operator(rough_cluster))
    seen.wait_listed()
    lists = len(seen.lists_of("recordings"))

    rough_cluster.kill_component("kube-apiserver")
    eventually(lambda: not seen.watcher.health.connected("recordings"))
    assert seen.watcher.health.problem() is None
    rough_cluster.start_component("kube-apiserver")
    KubeApi(rough_admin).delete_recording(rough_namespace, "gone", uid=uid_of(gone))
    new = a_recording(rough_admin, rough_namespace, "new")

    eventually(lambda: seen.saw("ADDED", uid_of(new)) or seen.saw("LISTED", uid_of(new)), within_s=60)
    eventually(lambda: seen.saw("DELETED", uid_of(gone)) or len(seen.lists_of("recordings")) > lists, within_s=60)
    if not seen.saw("DELETED", uid_of(gone)):
        last = seen.lists_of("recordings")[-1]
        assert uid_of(kept) in last
        assert uid_of(gone) not in last


def test_k4_a_half_open_watch_is_noticed_and_opened_again(
    watch: Watch, cluster: ControlPlane, operator_connection: Connection, admin: RestClient, namespace: str
) -> None:
    with TcpProxy(port_of(cluster.server)) as proxy:
        through_proxy = replace(operator_connection, server=f"https://127.0.0.1:{proxy.port}")
        seen = watch(through_proxy, WatchOptions(inactivity_timeout_s=3))
        seen.wait_listed()

        assert proxy.swallow() >= 2
        unseen = a_recording(admin, namespace, "r")
        eventually(lambda: seen.saw("ADDED", uid_of(unseen)), within_s=20)

        assert seen.watcher.health.restarts == 0
        seen.stop()


def test_pages_that_are_too_large_for_the_way_become_smaller(
    watch: Watch, cluster: ControlPlane, operator_connection: Connection, admin: RestClient, namespace: str
) -> None:
    """A list of a hundred Recordings of 250 KB takes three seconds. A page may take one second, and kopf is started
    again if there was neither a page nor a WATCH for 1.5 s.
    """
    uids = {uid_of(a_large_recording(admin, namespace, f"large-{number}")) for number in range(100)}
    with TcpProxy(port_of(cluster.server)) as proxy:
        proxy.bytes_per_s = 8e6
        through_proxy = replace(operator_connection, server=f"https://127.0.0.1:{proxy.port}")
        seen = watch(through_proxy, WatchOptions(request_timeout_s=1, away_timeout_s=1.5))
        eventually(seen.watcher.listed.is_set, within_s=60)
        assert uids <= seen.lists_of("recordings")[0]
        seen.stop()


@pytest.mark.parametrize("how", ["no answer", "504"])
def test_pages_that_the_api_server_cannot_find_are_requested_all_at_once(
    admin: RestClient,
    namespace: str,
    watch: Watch,
    operator_connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """A page that never arrives, as if etcd had to read past a hundred thousand finished Recordings."""
    uids = {uid_of(a_recording(admin, namespace, f"r-{number}")) for number in range(45)}
    asked: list[Mapping[str, str]] = []

    async def etcd(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        query = request.url.query
        if request.url.name != "recordings" or "watch" in query:
            return await handler(request)
        asked.append(dict(query))
        if "continue" not in query or len(asked) == 3:  # a response in between changes nothing
            return await handler(request)
        if how == "no answer":
            raise TimeoutError  # as aiohttp does while it waits for the headers of a response
        response = await handler(request)
        response.status = 504
        return response

    def beside(*, middlewares: tuple[aiohttp.ClientMiddlewareType, ...], **more: Any) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(middlewares=(*middlewares, etcd), **more)

    monkeypatch.setattr(session, "aiohttp", SimpleNamespace(**vars(aiohttp) | {"ClientSession": beside}))
    seen = watch(operator_connection, WatchOptions(chunk_size=10, request_timeout_s=2))
    seen.wait_listed()
    assert uids <= seen.lists_of("recordings")[0]
    assert ["continue" in query for query in asked] == [False, True, True, True, False]
    assert "limit" not in asked[-1]
    assert asked[-1]["resourceVersion"] == "0", "from the API server's memory"
    late = a_recording(admin, namespace, "late")
    eventually(lambda: seen.saw("ADDED", uid_of(late)), within_s=30)


def test_k7_rights_taken_away_and_given_back(
    watch: Watch, rough_cluster: ControlPlane, rough_admin: RestClient, rough_namespace: str
) -> None:
    seen = watch(connection_of_operator(rough_cluster))
    seen.wait_listed()
    rough_cluster.kubectl("delete", "clusterrolebinding", OPERATOR_ACCOUNT, "--wait=false")
    eventually(lambda: not seen.watcher.health.connected("recordings"), within_s=30)
    rough_cluster.kubectl.apply(*operator_objects())

    stored = a_recording(rough_admin, rough_namespace, "r")
    eventually(lambda: seen.saw("ADDED", uid_of(stored)) or seen.saw("LISTED", uid_of(stored)), within_s=60)


def test_the_crds_deleted_and_applied_again(
    watch: Watch, rough_cluster: ControlPlane, rough_admin: RestClient, rough_namespace: str
) -> None:
    stored = a_recording(rough_admin, rough_namespace, "r")
    seen = watch(connection_of_operator(rough_cluster), WatchOptions(start_timeout_s=3))
    seen.wait_listed()
    rough_cluster.kubectl("delete", "-f", str(CRDS), "--wait=false")
    eventually(lambda: seen.saw("DELETED", uid_of(stored)), within_s=60)
    eventually(lambda: seen.watcher.health.restarts >= 2, within_s=60)
    install(rough_cluster.kubectl)

    again = a_recording(rough_admin, rough_namespace, "again")
    eventually(lambda: seen.saw("ADDED", uid_of(again)) or seen.saw("LISTED", uid_of(again)), within_s=60)


def test_a_dead_token_is_replaced_without_a_restart(
    watch: Watch, rough_cluster: ControlPlane, rough_admin: RestClient, rough_namespace: str, tmp_path: Path
) -> None:
    made = rough_cluster.service_account_kubeconfig(
        namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT, path=tmp_path / "made"
    )
    config = yaml.safe_load(made.read_text())
    token = config["users"][0]["user"].pop("token")
    (tmp_path / "token").write_text(token)
    config["users"][0]["user"]["tokenFile"] = "token"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    seen = watch(connection(kubeconfig=tmp_path / "kubeconfig"))
    seen.wait_listed()

    (tmp_path / "token").write_text("dead")
    eventually(lambda: not seen.watcher.health.connected("recordings"), within_s=30)
    time.sleep(3)  # it has to be rejected a few times, and not in a tight loop
    (tmp_path / "token").write_text(token)

    stored = a_recording(rough_admin, rough_namespace, "r")
    eventually(lambda: seen.saw("ADDED", uid_of(stored)) or seen.saw("LISTED", uid_of(stored)), within_s=30)
