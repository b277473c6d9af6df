"""The payloads of the fakes name their recording, and are JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from localcluster.mediaserver import MediaServer
from tests.support.fake_providers import events
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recordings import ProviderRecording, a_recording
from tests.support.fake_providers.zoom import FakeZoom


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Providers whose events contain URLs."""

    baas: FakeMeetingBaas
    zoom: FakeZoom


BUILDERS: dict[str, Callable[[Providers, ProviderRecording], events.Payload]] = {
    "MeetingBaaS v2": lambda p, r: events.meetingbaas_completed(p.baas, r),
    "MeetingBaaS v2 as in the guide": lambda p, r: events.meetingbaas_completed_as_in_guide(p.baas, r),
    "MeetingBaaS v2 failed": lambda _, r: events.meetingbaas_failed(r),
    "MeetingBaaS v1": lambda p, r: events.meetingbaas_v1_complete(p.baas, r),
    "Recall": lambda _, r: events.recall_event(r),
    "Recall transcript": lambda _, r: events.recall_event(r, "transcript.done"),
    "Zoom": lambda p, r: events.zoom_completed(p.zoom, r),
    "LiveKit": lambda _, r: events.livekit_ended(r, event_id="EV_1", location="https://s3.example.test/bucket"),
    "Gladia": lambda _, r: events.gladia_success(r),
    "Gladia error": lambda _, r: events.gladia_error(r),
    "Fireflies": lambda _, r: events.fireflies_transcribed(r),
    "Fireflies v1": lambda _, r: events.fireflies_v1_transcribed(r),
    "Generic": lambda p, r: events.generic_ready(p.baas, r),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_events_name_their_recording(name: str) -> None:
    with MediaServer() as media, FakeMeetingBaas(media) as baas, FakeZoom(media) as zoom:
        payload = BUILDERS[name](Providers(baas=baas, zoom=zoom), a_recording("recording-7"))
    assert "recording-7" in json.dumps(payload)


def test_a_challenge_names_no_recording() -> None:
    assert events.zoom_challenge("abc")["payload"] == {"plainToken": "abc"}
