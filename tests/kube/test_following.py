"""Lists and watches of programs that people call, on a real API server that ends, restarts and forgets."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from queue import Queue
from threading import Event, Thread
from typing import Any, TypeAlias

import pytest

from localcluster import ControlPlane
from recording_operator.kube.connection import Connection, connection
from recording_operator.kube.errors import ApiUnavailable, Forbidden, Gone, Invalid, KubeError
from recording_operator.kube.following import ObjectSelection, ObjectUpdate, WatchInterruption, follow
from recording_operator.kube.resources import (
    RECORDINGS,
    WATCH_S,
    ChangeType,
    ObjectChange,
    ObjectSnapshot,
    Resources,
)
from recording_operator.kube.rest import RestClient
from tests.kube.objects import a_large_recording, a_recording, annotate
from tests.support.proxy import TcpProxy, port_of
from tests.support.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


class Followed:
    """Everything that is followed in another thread, through a proxy: its end is how the thread is stopped."""

    def __init__(self, where: Connection) -> None:
        self.seen: list[ObjectUpdate] = []
        self.errors: Queue[KubeError] = Queue()
        self.proxy = TcpProxy(port_of(where.server))
        through = replace(where, server=f"https://127.0.0.1:{self.proxy.port}")
        self.resources = Resources(RestClient(through))
        self._stopping = Event()
        self._thread: Thread | None = None
        self.proxy.__enter__()

    def start(self, selection: ObjectSelection, *, watch_s: int = WATCH_S) -> None:
        """Follow until `stop`."""
        updates = follow(self.resources, selection, watch_s=watch_s, pause=self._pause)
        self._thread = Thread(target=self._follow, args=(updates,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the connection, and with it the thread. Raises AssertionError if it does not end."""
        self._stopping.set()
        self.proxy.__exit__(None, None, None)
        if self._thread is not None:
            self._thread.join(15)
            assert not self._thread.is_alive(), "the objects are still followed"

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _follow(self, updates: Iterator[ObjectUpdate]) -> None:
        try:
            for update in updates:
                if self._stopping.is_set():
                    return
                self.seen.append(update)
        except KubeError as error:
            self.errors.put(error)

    def snapshots(self) -> list[ObjectSnapshot]:
        return [one for one in self.seen if isinstance(one, ObjectSnapshot)]

    def interruptions(self) -> list[KubeError]:
        return [one.error for one in self.seen if isinstance(one, WatchInterruption)]

    def changed(self, change_type: ChangeType, name: str) -> bool:
        return any(
            isinstance(one, ObjectChange) and one.type is change_type and one.object["metadata"]["name"] == name
            for one in self.seen
        )


Following: TypeAlias = Callable[[ControlPlane], Followed]


@pytest.fixture
def following() -> Iterator[Following]:
    """Makes those that follow objects of a control plane. They are stopped after the test."""
    made: list[Followed] = []

    def make(cluster: ControlPlane) -> Followed:
        made.append(Followed(connection(kubeconfig=cluster.kubeconfig)))
        return made[-1]

    yield make
    for followed in made:
        followed.stop()


def path_of(namespace: str, name: str) -> str:
    return f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings/{name}"


def in_namespace(namespace: str, **selectors: Any) -> ObjectSelection:
    return ObjectSelection(kind=RECORDINGS, namespace=namespace, **selectors)


def test_a_list_then_its_changes_across_many_watches(
    cluster: ControlPlane, admin: RestClient, namespace: str, following: Following
) -> None:
    stored = a_recording(admin, namespace, "first")
    followed = following(cluster)
    followed.start(in_namespace(namespace), watch_s=1)
    eventually(lambda: len(followed.snapshots()) == 1)
    assert [one["metadata"]["name"] for one in followed.snapshots()[0].items] == ["first"]

    for number in range(3):
        watches = count_watches(cluster, namespace)
        annotate(admin, stored, f"edit {number}")
        eventually(partial(has_seen, followed, 2 + number))
        eventually(partial(opened_more_watches, cluster, namespace, than=watches))
    a_recording(admin, namespace, "second")
    eventually(partial(followed.changed, ChangeType.ADDED, "second"))
    admin.request("DELETE", path_of(namespace, "second"))
    eventually(partial(followed.changed, ChangeType.DELETED, "second"))
    assert len(followed.snapshots()) == 1
    assert followed.interruptions() == []


def has_seen(followed: Followed, updates: int) -> bool:
    return len(followed.seen) == updates


def opened_more_watches(cluster: ControlPlane, namespace: str, *, than: int) -> bool:
    return count_watches(cluster, namespace) > than


def count_watches(cluster: ControlPlane, namespace: str) -> int:
    return sum(
        event["verb"] == "watch" and event["objectRef"].get("namespace") == namespace
        for event in cluster.audit_events()
    )


def test_selectors_apply_to_the_list_and_the_watch(
    cluster: ControlPlane, admin: RestClient, namespace: str, following: Following
) -> None:
    for name in ("one", "two"):
        a_recording(admin, namespace, name)
    followed = following(cluster)
    followed.start(in_namespace(namespace, fields="metadata.name=two"))
    eventually(lambda: len(followed.snapshots()) == 1)
    admin.request("DELETE", path_of(namespace, "one"))
    admin.request("DELETE", path_of(namespace, "two"))
    eventually(partial(followed.changed, ChangeType.DELETED, "two"))
    assert not followed.changed(ChangeType.DELETED, "one")


def test_a_snapshot_of_several_pages_is_of_one_moment(
    admin: RestClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recording_operator.kube.resources._PAGE", 2)
    for number in range(5):
        a_recording(admin, namespace, f"r{number}")
    snapshot = Resources(admin).snapshot(RECORDINGS, namespace=namespace)
    assert [one["metadata"]["name"] for one in snapshot.items] == [f"r{number}" for number in range(5)]
    late = a_recording(admin, namespace, "late")
    change = next(Resources(admin).watch(RECORDINGS, namespace=namespace, version=snapshot.version))
    assert (change.type, change.object["metadata"]["uid"]) == (ChangeType.ADDED, late["metadata"]["uid"])


def test_a_version_that_the_server_has_forgotten_is_gone_and_is_listed_again(
    rough_cluster: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch, following: Following
) -> None:
    with_admin = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    rough_cluster.kubectl("create", "namespace", namespace)
    stored = a_recording(with_admin, namespace, "r")
    followed = following(rough_cluster)
    resources = followed.resources
    with pytest.raises(Gone):
        list(resources.watch(RECORDINGS, namespace=namespace, version="1"))

    real = resources.snapshot
    versions = iter(["1"])

    def outdated(*args: Any, **selectors: Any) -> ObjectSnapshot:
        snapshot = real(*args, **selectors)
        return replace(snapshot, version=next(versions, snapshot.version))

    monkeypatch.setattr(resources, "snapshot", outdated)
    followed.start(in_namespace(namespace))
    eventually(lambda: len(followed.snapshots()) == 2)
    annotate(with_admin, stored, "edit")
    eventually(partial(followed.changed, ChangeType.MODIFIED, "r"))
    assert followed.interruptions() == []


def test_after_a_crash_of_the_api_server_everything_is_listed_again(
    rough_cluster: ControlPlane, namespace: str, following: Following
) -> None:
    with_admin = RestClient(connection(kubeconfig=rough_cluster.kubeconfig))
    rough_cluster.kubectl("create", "namespace", namespace)
    a_recording(with_admin, namespace, "before")
    followed = following(rough_cluster)
    followed.start(in_namespace(namespace))
    eventually(lambda: len(followed.snapshots()) == 1)

    rough_cluster.kill_component("kube-apiserver")
    eventually(lambda: any(isinstance(one, ApiUnavailable) for one in followed.interruptions()))
    rough_cluster.start_component("kube-apiserver")
    a_recording(with_admin, namespace, "after")

    eventually(lambda: len(followed.snapshots()) >= 2, within_s=60)
    eventually(
        lambda: (
            followed.changed(ChangeType.ADDED, "after")
            or "after" in [one["metadata"]["name"] for one in followed.snapshots()[-1].items]
        ),
        within_s=60,
    )
    assert followed.errors.empty()


def test_a_connection_that_is_silent_is_opened_again(
    cluster: ControlPlane, admin: RestClient, namespace: str, following: Following
) -> None:
    stored = a_recording(admin, namespace, "r")
    followed = following(cluster)
    followed.start(in_namespace(namespace), watch_s=1)
    watches = count_watches(cluster, namespace)
    eventually(lambda: count_watches(cluster, namespace) > watches)
    assert followed.proxy.swallow() >= 1
    annotate(admin, stored, "unseen")
    eventually(lambda: len(followed.snapshots()) == 2, within_s=40)
    assert [type(one) for one in followed.interruptions()] == [ApiUnavailable]


def test_the_first_failure_is_raised(cluster: ControlPlane, namespace: str) -> None:
    without_rights = Resources(RestClient(connection(kubeconfig=cluster.user_kubeconfig("tenant"))))
    with pytest.raises(Forbidden) as forbidden:
        next(follow(without_rights, in_namespace(namespace)))
    assert forbidden.value.path.endswith("/recordings")


def test_a_rejection_that_lasts_is_raised(admin: RestClient, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    a_recording(admin, namespace, "r")
    resources = Resources(admin)
    pauses: list[float] = []
    updates = follow(resources, in_namespace(namespace), watch_s=1, pause=pauses.append)
    assert isinstance(next(updates), ObjectSnapshot)
    a_recording(admin, namespace, "new")
    assert isinstance(next(updates), ObjectChange)
    monkeypatch.setattr(resources, "watch", _rejects)
    seen: list[ObjectUpdate] = []
    with pytest.raises(Invalid):  # noqa: PT012 - what was seen before it is checked
        for update in updates:
            seen.append(update)
    assert [type(one) for one in seen] == [WatchInterruption, *[ObjectSnapshot, WatchInterruption] * 5, ObjectSnapshot]
    assert pauses == [0.5, 1, 2, 4, 8, 8]


def test_the_first_watch_that_is_rejected_is_raised(
    admin: RestClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = Resources(admin)
    monkeypatch.setattr(resources, "watch", _rejects)
    updates = follow(resources, in_namespace(namespace))
    assert isinstance(next(updates), ObjectSnapshot)
    with pytest.raises(Invalid):
        next(updates)


def _rejects(*_: Any, **__: Any) -> Iterator[ObjectChange]:
    raise Invalid("the selector is wrong", status=400)


def test_objects_larger_than_a_chunk_are_whole(
    cluster: ControlPlane, admin: RestClient, namespace: str, following: Following
) -> None:
    followed = following(cluster)
    followed.start(in_namespace(namespace))
    eventually(lambda: len(followed.snapshots()) == 1)
    stored = a_large_recording(admin, namespace, "large")
    eventually(partial(followed.changed, ChangeType.ADDED, "large"))
    [change] = [one for one in followed.seen if isinstance(one, ObjectChange)]
    assert change.object["spec"] == stored["spec"]
