"""What happens to a Recording is announced to the EventSinks of its namespace, from a real operator."""

import threading
import urllib.request
from collections.abc import Iterator

import pytest

from localcluster.install import OPERATOR_NAMESPACE
from tests.support.recordings import from_media
from tests.support.sinks import KEY, NEXT_KEY, Reply, SinkServer, a_sink
from tests.support.sinks_in_cluster import add_sink, sink_status
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.fixture
def app() -> Iterator[SinkServer]:
    with a_sink() as server:
        yield server


def test_a_complete_recording_is_announced_with_a_signature_of_each_key(world: World, app: SinkServer) -> None:
    add_sink(world, app, events=["Completed"], keys={"old": KEY, "new": NEXT_KEY})
    recording = world.create(from_media(world.media))

    event = app.wait("recording.completed")[0]

    status = eventually(lambda: recording.status() if recording.status().get("settled") else None, within_s=20)
    assert status["notifications"] == [
        {
            "sink": "app",
            "event": "Completed",
            "id": f"{recording.uid}/completed/1",
            "time": event["time"],
            "phase": "Delivered",
            "attempts": 0,
        }
    ]
    assert event["id"] == app.headers[0]["webhook-id"] == f"{recording.uid}/completed/1"
    assert event["source"] == f"/apis/recordings.dev/v1alpha1/namespaces/{world.namespace}/recordings/meeting"
    assert (event["specversion"], event["subject"], event["orgid"]) == ("1.0", "meeting", "acme")
    assert app.headers[0]["content-type"] == "application/cloudevents+json"
    assert len(app.headers[0]["webhook-signature"].split()) == 2
    assert event["time"] == status["completedAt"]
    artifact, stored = event["data"]["recording"]["artifacts"][0], status["artifacts"][0]
    assert (artifact["uri"], artifact["size"], artifact["checksum"]) == (
        stored["uri"],
        stored["bytesTotal"],
        stored["checksum"],
    )
    assert app.forged == 0
    eventually(lambda: sink_status(world).get("delivered") == 1, within_s=20, what="the status of the EventSink")


def test_an_event_that_was_not_accepted_is_sent_again_by_the_next_operator(own_world: World) -> None:
    world = own_world
    with a_sink(Reply(status=503)) as app:
        first = world.start_operator()
        add_sink(world, app, events=["Completed"])
        recording = world.create(from_media(world.media))
        eventually(lambda: app.received, what="the first attempt")
        world.kill(first)
        app.replies[:] = [Reply()]

        world.start_operator()

        app.wait("recording.completed")
        assert {one["id"] for one in app.received} == {f"{recording.uid}/completed/1"}
        eventually(lambda: recording.status().get("settled"), within_s=20, what="settled")


def test_a_sink_that_does_not_respond_delays_neither_uploads_nor_other_sinks(world: World, app: SinkServer) -> None:
    pause = threading.Event()
    with a_sink(Reply(pause=pause)) as slow:
        add_sink(world, slow, events=["Completed"], name="slow")
        add_sink(world, app, events=["Completed"])
        recordings = [world.create(from_media(world.media, name=f"video-{one}"), name=f"r{one}") for one in range(4)]

        for recording in recordings:
            recording.wait_phase("Complete")
        app.wait("recording.completed", count=4, within_s=10)

        assert not slow.accepted
        pause.set()
        slow.wait("recording.completed", count=4)


def test_urls_are_in_the_event_only_if_the_sink_asks_for_them(world: World, app: SinkServer) -> None:
    with a_sink() as plain:
        add_sink(world, plain, events=["Completed"], name="plain")
        add_sink(world, app, events=["Completed"], presign={"expiresAfter": "5m"})
        world.create(from_media(world.media))

        with_url = app.wait("recording.completed")[0]["data"]["recording"]["artifacts"][0]
        without = plain.wait("recording.completed")[0]["data"]["recording"]["artifacts"][0]

        assert "url" not in without
        with urllib.request.urlopen(with_url["url"]) as response:
            assert len(response.read()) == with_url["size"]


def test_a_location_that_is_not_ready_is_announced_in_the_operators_namespace(world: World, app: SinkServer) -> None:
    add_sink(world, app, events=["LocationNotReady"], namespace=OPERATOR_NAMESPACE, name="platform")
    try:
        world.edit_location(s3={"credentials": {"secretName": "no-such-secret"}})

        event = app.wait("location.not-ready")[0]

        assert event["data"]["storageLocation"] == world.location
        assert event["source"] == f"/apis/recordings.dev/v1alpha1/storagelocations/{world.location}"
    finally:
        world.sinks.clear()
        world.admin.request(
            "DELETE", f"/apis/recordings.dev/v1alpha1/namespaces/{OPERATOR_NAMESPACE}/eventsinks/platform"
        )
