"""Events on a real API server: few, complete, and without delaying the caller."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localcluster import ControlPlane
from localcluster.ports import free_port
from recording_operator.kube.connection import Connection, NoToken
from recording_operator.kube.events import EventRecorder, EventType
from recording_operator.kube.rest import RestClient
from tests.kube.objects import JsonObject, a_location, a_recording
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster


class Drops:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def drops() -> Drops:
    return Drops()


@pytest.fixture
def recorder(rest: RestClient, drops: Drops) -> Iterator[EventRecorder]:
    made = EventRecorder(rest, instance="operator-0", on_drop=drops)
    yield made
    made.close(timeout_s=10)


def events_about(admin: RestClient, stored: JsonObject) -> list[dict[str, Any]]:
    namespace = stored["metadata"].get("namespace", "default")
    items = admin.request("GET", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events")["items"]
    return [item for item in items if item["regarding"].get("uid") == stored["metadata"]["uid"]]


def test_an_event_is_whole_and_shows_in_describe(
    recorder: EventRecorder, admin: RestClient, cluster: ControlPlane, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")

    recorder.emit(
        stored, reason="SourceExpired", action="Upload", note="The URL has expired.", event_type=EventType.WARNING
    )
    event = eventually(lambda: events_about(admin, stored))[0]

    told = {key: event[key] for key in ("reason", "action", "note", "type", "reportingController", "reportingInstance")}
    assert told == {
        "reason": "SourceExpired",
        "action": "Upload",
        "note": "The URL has expired.",
        "type": "Warning",
        "reportingController": "recordings.dev/operator",
        "reportingInstance": "operator-0",
    }
    assert len(event["eventTime"].partition(".")[2]) == len("123456Z")
    description = cluster.kubectl("describe", "recording", "r", f"--namespace={namespace}")
    assert "The URL has expired." in description


def test_the_same_event_again_increases_its_count(recorder: EventRecorder, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "r")

    for _ in range(4):
        recorder.emit(stored, reason="SourceUnavailable", action="Upload", note="The source answered 503.")
    recorder.emit(stored, reason="SourceUnavailable", action="Upload", note="The source answered 502.")
    eventually(lambda: len(events_about(admin, stored)) == 2)

    counts = sorted((event.get("series") or {"count": 1})["count"] for event in events_about(admin, stored))
    assert counts == [1, 4]


def test_no_note_shows_what_is_secret_in_a_url(recorder: EventRecorder, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "r")
    recorder.emit(
        stored, reason="SourceInvalid", action="Upload", note="Not https://me:word@host/v.mp4?sig=canary, no."
    )
    event = eventually(lambda: events_about(admin, stored))[0]
    assert event["note"] == "Not https://[redacted]@host/v.mp4?[redacted] no."


def test_after_the_window_it_is_a_new_event(rest: RestClient, admin: RestClient, namespace: str) -> None:
    stored = a_recording(admin, namespace, "r")
    now_s = 1000.0
    recorder = EventRecorder(rest, instance="operator-0", series_window_s=360, clock=lambda: now_s)

    recorder.emit(stored, reason="Queued", action="Queue", note="Waits.")
    eventually(lambda: len(events_about(admin, stored)) == 1)
    now_s += 361
    recorder.emit(stored, reason="Queued", action="Queue", note="Waits.")

    eventually(lambda: len(events_about(admin, stored)) == 2)
    recorder.close(timeout_s=10)


def test_an_event_that_expired_meanwhile_is_made_again(
    recorder: EventRecorder, admin: RestClient, namespace: str
) -> None:
    stored = a_recording(admin, namespace, "r")
    recorder.emit(stored, reason="Queued", action="Queue", note="Waits.")
    first = eventually(lambda: events_about(admin, stored))[0]
    admin.request("DELETE", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events/{first['metadata']['name']}")

    recorder.emit(stored, reason="Queued", action="Queue", note="Waits.")

    again = eventually(lambda: events_about(admin, stored))[0]
    assert again["metadata"]["uid"] != first["metadata"]["uid"]


@pytest.mark.parametrize("note", ["x" * 1025, "é" * 513, "😀" * 400, "bad \udcff surrogate"])
def test_a_note_is_cut_so_that_the_server_takes_it(
    recorder: EventRecorder, admin: RestClient, namespace: str, note: str, drops: Drops
) -> None:
    stored = a_recording(admin, namespace, "r")

    recorder.emit(stored, reason="Queued", action="Queue", note=note)
    event = eventually(lambda: events_about(admin, stored))[0]

    assert len(event["note"].encode()) <= 1024
    assert event["note"][:4] == note[:4]
    assert drops.count == 0


def test_events_of_a_location_are_in_default(recorder: EventRecorder, admin: RestClient, namespace: str) -> None:
    stored = a_location(admin, namespace)
    try:
        recorder.emit(stored, reason="AccessDenied", action="Probe", note="Denied.", event_type=EventType.WARNING)
        event = eventually(lambda: events_about(admin, stored))[0]
        assert event["metadata"]["namespace"] == "default"
    finally:
        admin.request("DELETE", f"/apis/recordings.dev/v1alpha1/storagelocations/{namespace}")


def test_k14_an_event_in_a_terminating_namespace_is_dropped_and_counted(
    recorder: EventRecorder, admin: RestClient, drops: Drops, cluster: ControlPlane, namespace: str
) -> None:
    doomed = f"{namespace}-doomed"
    cluster.kubectl("create", "namespace", doomed)
    stored = a_recording(admin, doomed, "r")
    hold = '--patch={"metadata":{"finalizers":["example.com/hold"]}}'
    cluster.kubectl("patch", "recording", "r", f"--namespace={doomed}", "--type=merge", hold)
    cluster.kubectl("delete", "namespace", doomed, "--wait=false")
    try:
        recorder.emit(stored, reason="Deleting", action="Delete", note="Is being deleted.")
        eventually(lambda: drops.count == 1)
    finally:
        free = '--patch={"metadata":{"finalizers":null}}'
        cluster.kubectl("patch", "recording", "r", f"--namespace={doomed}", "--type=merge", free)


def test_k1_without_an_api_server_nothing_blocks_and_what_does_not_fit_is_dropped(drops: Drops) -> None:
    nowhere = RestClient(Connection(server=f"https://127.0.0.1:{free_port()}", namespace="default", token=NoToken()))
    recorder = EventRecorder(nowhere, instance="operator-0", queue_size=8, on_drop=drops)
    stored = {"apiVersion": "v1", "kind": "Recording", "metadata": {"name": "r", "namespace": "n", "uid": "u"}}

    emitting = threading.Thread(target=emit_many, args=(recorder.emit, stored, 50), daemon=True)
    emitting.start()
    emitting.join(timeout=8)  # less than the recorder waits before it gives up the first one

    assert not emitting.is_alive()
    assert drops.count >= 50 - 8 - 1
    recorder.close(timeout_s=10)
    nowhere.close()


def emit_many(emit: Callable[..., None], stored: JsonObject, count: int) -> None:
    for number in range(count):
        emit(stored, reason="Queued", action="Queue", note=f"Note {number}.")
