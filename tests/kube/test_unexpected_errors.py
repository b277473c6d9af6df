"""Threads that call the API server continue after an error other than a response."""

import threading
from typing import Any, Final, cast

from recording_operator.kube.errors import NotFound
from recording_operator.kube.events import EventRecorder
from recording_operator.kube.lease import Leadership, LeaseTimings
from recording_operator.kube.rest import RestClient
from tests.support.waiting import eventually

QUICK: Final = LeaseTimings(duration_s=2, renew_s=0.5, retry_s=0.02)


class Server:
    """Stores one object. `fault` is raised in its place."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] | None = None
        self.version = 0
        self.fault: Exception | None = None
        self.faults = 0

    def request(self, method: str, path: str, *, body: dict[str, Any] | None = None, **_: object) -> dict[str, Any]:
        """As a RestClient."""
        if self.fault is not None:
            self.faults += 1
            raise self.fault
        if body is not None:
            self.version += 1
            self.stored = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self.version)}}
        if self.stored is None:
            raise NotFound(f"{method} {path}", status=404)
        return self.stored


def test_the_lease_is_renewed_again() -> None:
    server = Server()
    leadership = Leadership(
        cast("RestClient", server), namespace="here", identity="me", on_lost=lambda _: None, timings=QUICK
    )
    assert leadership.acquire(threading.Event())

    server.fault = RuntimeError("no credentials")
    eventually(lambda: server.faults > 0 and not leadership.held(), within_s=10, what="the Lease to be uncertain")
    server.fault = None

    eventually(leadership.held, within_s=10, what="the Lease to be renewed again")
    leadership.release()


def test_later_events_are_posted() -> None:
    server, dropped = Server(), threading.Event()
    recorder = EventRecorder(cast("RestClient", server), instance="me", on_drop=dropped.set)
    regarding = {"metadata": {"namespace": "here", "name": "r"}}

    server.fault = RuntimeError("no credentials")
    recorder.emit(regarding, reason="Stored", action="Upload", note="the first")
    assert dropped.wait(10)
    server.fault = None

    recorder.emit(regarding, reason="Stored", action="Upload", note="the second")
    recorder.close(timeout_s=10)
    assert server.stored is not None
    assert server.stored["note"] == "the second"
