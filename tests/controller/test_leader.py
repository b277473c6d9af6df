"""A leader with its real parts, and an API server that has only the namespace kube-system."""

import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from recording_operator.controller.clock import Clock
from recording_operator.controller.compose import make_leader
from recording_operator.controller.leader import Leader
from recording_operator.controller.process import Replica
from recording_operator.controller.start_error import StartError
from recording_operator.kube.connection import Connection
from recording_operator.kube.errors import ApiUnavailable
from recording_operator.kube.lease import Leadership
from recording_operator.kube.rest import RestClient
from recording_operator.metrics import Metrics
from recording_operator.settings import Settings
from tests.support.waiting import eventually

WITHIN_S = 20.0


class EmptyServer:
    """Responds to requests; with `away` every request fails."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[str] = []

    def request(self, method: str, path: str, **_: object) -> dict[str, Any]:
        """Nothing is stored."""
        self.asked.append(f"{method} {path}")
        if self.away:
            raise ApiUnavailable(f"{method} {path}: no answer")
        if path.endswith("/namespaces/kube-system"):
            return {"metadata": {"uid": "this-cluster"}}
        return {"items": [], "metadata": {}}


class Watches:
    """Watches that the test completes, silences and ends. A watcher and its health."""

    def __init__(self) -> None:
        self.listed = threading.Event()
        self.ended = threading.Event()
        self.silent: str | None = None
        self.handlers: dict[str, Any] = {}

    def __call__(self, _connection: Connection, **handlers: Any) -> "Watches":
        """As the class of the watcher."""
        self.handlers = handlers
        return self

    @property
    def health(self) -> "Watches":
        """Called by the probes."""
        return self

    def seconds_since_last_byte(self, _resource: str) -> float:
        """For the metric."""
        return 0.0

    def problem(self, **_: float) -> str | None:
        """For liveness."""
        return self.silent

    def run(self, stop: threading.Event) -> None:
        """Until the leader stops it."""
        stop.wait()
        self.ended.set()

    def list_all(self) -> None:
        """Both lists are complete, and empty."""
        self.handlers["on_listed"]("storagelocations", frozenset())
        self.handlers["on_listed"]("recordings", frozenset())
        self.listed.set()


class Lease:
    """Held for good."""

    epoch = 1

    def held(self) -> bool:
        """No other holder exists."""
        return True


class Scene:
    """A leader, its dependencies, and the thread in which it works."""

    def __init__(self) -> None:
        self.server, self.watches, self.metrics = EmptyServer(), Watches(), Metrics(version="test")
        self.stop, self.stop_now = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None

    def make(self) -> Leader:
        """Put the parts together. Raises StartError."""
        replica = Replica(
            namespace="recordings",
            identity="test",
            settings=Settings(),
            connection=cast("Connection", None),  # only the watcher has a use for it
            rest=cast("RestClient", self.server),
            clock=Clock(),
            metrics=self.metrics,
            register_secret=lambda _: None,
            stop=self.stop,
        )
        return make_leader(replica, cast("Leadership", Lease()), make_watcher=self.watches)

    def start(self) -> Leader:
        """Let it work."""
        leader = self.make()
        self.thread = threading.Thread(target=leader.run, args=(self.stop,), kwargs={"stop_now": self.stop_now})
        self.thread.start()
        return leader

    def end(self) -> None:
        """The first signal."""
        self.stop.set()
        if self.thread is not None:
            self.thread.join(WITHIN_S)
            assert not self.thread.is_alive()


@pytest.fixture
def scene() -> Iterator[Scene]:
    """The leader ends with the test."""
    made = Scene()
    yield made
    made.end()


def test_without_the_uid_of_the_cluster_it_does_not_start(scene: Scene) -> None:
    scene.server.away = True
    with pytest.raises(StartError) as caught:
        scene.make()
    assert "kube-system" in str(caught.value)


def test_it_is_ready_once_everything_was_listed(scene: Scene) -> None:
    leader = scene.start()
    assert not leader.listed
    scene.watches.list_all()
    assert leader.listed
    assert leader.fault() is None


def test_finished_recordings_are_swept_after_the_first_list(scene: Scene) -> None:
    scene.start()
    swept = "GET /apis/recordings.dev/v1alpha1/recordings"
    assert swept not in scene.server.asked

    scene.watches.list_all()
    eventually(lambda: swept in scene.server.asked, within_s=WITHIN_S, what="a sweep")


def test_a_silent_watch_is_a_fault(scene: Scene) -> None:
    leader = scene.start()
    scene.watches.silent = "the watch of recordings is silent"
    assert leader.fault() == "the watch of recordings is silent"


def test_an_idle_leader_ends_at_once(scene: Scene) -> None:
    scene.start()
    scene.watches.list_all()
    scene.end()
    assert scene.watches.ended.wait(WITHIN_S)
