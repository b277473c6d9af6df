"""All providers: whatever arrives, there is a value or one of three errors."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.api.recordingsource import ProviderName, RecordingSourceSpec
from recording_operator.egress.policy import SourcePolicy
from recording_operator.providers.provider import Challenge, DeliveryRejected, Event, MalformedDelivery
from recording_operator.providers.table import PROVIDERS, api_policy, endpoint_of, provider_of, read_options
from tests.support.deliveries import NOW, SVIX_SECRET, any_headers, delivery, json_values

MAPPING = {
    "id": "data.bot_id || id",
    "event": "event",
    "artifacts": [
        {"name": "video", "kind": "Video", "url": "data.video", "size": "data", "expiresAt": "data.x"},
        {"name": "transcript", "kind": "Transcript", "content": "data"},
    ],
}
NAMES = (
    *("bot.completed", "complete", "bot.failed", "recording.done", "transcript.done", "recording.failed", "bot.fatal"),
    *("recording.completed", "endpoint.url_validation", "egress_ended", "transcription.success", "meeting.transcribed"),
)
FIELDS = (
    *("event", "data", "extra", "bot_id", "id", "video", "audio", "transcript", "error_code", "recording", "bot"),
    *("payload", "object", "uuid", "recording_files", "download_url", "download_token", "plainToken", "egressInfo"),
    *("fileResults", "file", "location", "egressId", "custom_metadata", "error", "meeting_id", "meetingId"),
)


def spec(name: ProviderName, **more: Any) -> RecordingSourceSpec:
    is_generic = name is ProviderName.GENERIC
    webhook = {"secretRef": {"name": "hook"}} | ({"signature": "StandardWebhooks"} if is_generic else {})
    recording = {"owner": {"org": {"value": "acme"}}, "importFrom": {"storageLocation": "egress"}}
    document = {
        "provider": name,
        "webhook": webhook,
        "recording": recording,
        "mapping": MAPPING if is_generic else None,
    }
    return RecordingSourceSpec.model_validate({**document, **more})


likely_values = st.recursive(
    json_values | st.sampled_from([*NAMES, "https://a.example.test/v", "s3://b/k"]),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.sampled_from(FIELDS), children, max_size=4),
    max_leaves=12,
)
likely_payloads = st.fixed_dictionaries(
    {"event": st.sampled_from(NAMES)}, optional={name: likely_values for name in FIELDS if name != "event"}
)


def test_every_name_has_a_provider() -> None:
    assert set(PROVIDERS) == set(ProviderName)


@pytest.mark.parametrize("name", list(PROVIDERS))
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=80), payload=likely_payloads, headers=any_headers, secret=st.binary(max_size=40))
def test_any_bytes_and_any_headers(
    name: ProviderName, body: bytes, payload: dict[str, Any], headers: dict[str, str], secret: bytes
) -> None:
    source = spec(name)
    provider = provider_of(source)
    for sent in (delivery(body, headers), delivery(json.dumps(payload).encode(), headers)):
        with suppress(DeliveryRejected):
            provider.verify(sent, [secret, SVIX_SECRET], now=NOW)
        with suppress(MalformedDelivery):
            read = provider.read(sent, [secret, SVIX_SECRET], read_options(source))
            assert isinstance(read, Event | Challenge)
            assert isinstance(read, Challenge) or len(read.recording_id) <= 512


def test_endpoints() -> None:
    named = {"api": {"secretRef": {"name": "api"}, "endpoint": "https://eu-central-1.recall.ai"}}
    assert endpoint_of(spec(ProviderName.RECALL, **named)) == "https://eu-central-1.recall.ai"
    assert endpoint_of(spec(ProviderName.MEETING_BAAS)) == "https://api.meetingbaas.com"
    assert endpoint_of(spec(ProviderName.GENERIC)) == ""


def test_the_usual_endpoint_needs_no_entry_in_the_policy() -> None:
    policy = SourcePolicy(allowed_hosts=("*.example.test",))
    assert api_policy(policy, spec(ProviderName.MEETING_BAAS)).permits_host("api.meetingbaas.com")
    assert not policy.permits_host("api.meetingbaas.com")
    assert api_policy(policy, spec(ProviderName.GENERIC)) is policy
    assert api_policy(SourcePolicy(), spec(ProviderName.MEETING_BAAS)) == SourcePolicy()
