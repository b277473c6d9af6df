"""What happens to a Recording is announced to the EventSinks of its namespace, from a real operator."""

from collections.abc import Iterator

import pytest

from localcluster.install import secrets_binding
from tests.support.recordings import from_media
from tests.support.sinks import KEY, NEXT_KEY, SinkServer, a_sink
from tests.support.sinks_in_cluster import add_sink, sink_status
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster


@pytest.fixture
def app() -> Iterator[SinkServer]:
    with a_sink() as server:
        yield server


def test_a_complete_recording_is_announced_with_a_signature_of_each_key(world: World, app: SinkServer) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
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
