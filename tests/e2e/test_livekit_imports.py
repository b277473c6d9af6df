"""From LiveKit's webhook to a stored Recording: the egress object is copied inside the store."""

import json

import pytest

from recording_operator.api.recordingsource import RecordingSource
from recording_operator.providers.provider import Delivery, Event
from recording_operator.providers.table import provider_of, read_options
from recording_operator.receiver.drafting import draft
from tests.support.fake_providers.events import livekit_ended
from tests.support.fake_providers.recordings import a_recording
from tests.support.recordings import Artifact, Live, media_body, media_bytes, path_of
from tests.support.world import World

pytestmark = pytest.mark.cluster

EGRESS = "EG_test0001"


def test_the_object_of_an_egress_becomes_a_recording(world: World) -> None:
    folder = f"egress/{world.namespace}/"
    opened = [{"prefix": "egress/{namespace}/"}]
    holder = world.make_location(spec={"s3": {"prefix": "operator/"}, "imports": opened})
    kept = a_recording(EGRESS, kinds=("video",))
    (video,) = kept.files
    world.put_source(f"{folder}{video.path}", media_body(video.path, video.size_bytes), ContentType="video/mp4")
    world.wait_location("ProbeSucceeded", name=holder)
    where = f"{world.s3.endpoint}/{world.bucket}"
    payload = livekit_ended(kept, event_id="EV_test0001", location=where, folder=folder)

    source = RecordingSource.model_validate(
        {
            "metadata": {"name": "rooms", "namespace": world.namespace},
            "spec": {
                "provider": "LiveKit",
                "webhook": {"secretRef": {"name": "hook"}},
                "recording": {
                    "storageLocation": world.location,
                    "owner": {"org": {"value": "acme"}},
                    "importFrom": {"storageLocation": holder},
                },
            },
        }
    )
    delivery = Delivery(method="POST", headers={}, body=json.dumps(payload).encode())
    event = provider_of(source.spec).read(delivery, (), read_options(source.spec))
    assert isinstance(event, Event)
    drafted = draft(source, event, asks_api=False)
    (spec,) = drafted.recording["spec"]["artifacts"]
    assert spec["source"]["object"] == {"storageLocation": holder, "key": f"{folder}{video.path}"}

    stored = world.admin.request("POST", path_of(world.namespace), body=drafted.recording)
    live = Live(stored, admin=world.admin, history=world.history)
    world.expect(live, Artifact(spec=spec, expected=media_bytes(video.path, video.size_bytes)))

    assert live.wait_phase("Complete")["reason"] == "Stored"
    assert not drafted.secrets
