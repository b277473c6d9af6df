"""The policy for requests to the APIs of providers."""

from typing import Any

from recording_operator.api.recordingsource import RecordingSourceSpec
from recording_operator.egress.policy import SourcePolicy
from recording_operator.providers.table import api_policy


def spec(provider: str, **changes: Any) -> RecordingSourceSpec:
    return RecordingSourceSpec.model_validate(
        {
            "provider": provider,
            "webhook": {"secretRef": {"name": "s"}},
            "recording": {"owner": {"org": {"value": "acme"}}},
        }
        | changes
    )


def test_the_usual_hosts_of_a_provider_need_no_entry() -> None:
    policy = SourcePolicy(allowed_hosts=("media.example.com",))
    assert api_policy(policy, spec("Gladia")).allowed_hosts == ("media.example.com", "api.gladia.io")
    assert api_policy(policy, spec("Zoom")).allowed_hosts == ("media.example.com", "api.zoom.us", "zoom.us")
    assert api_policy(policy, spec("LiveKit")) == policy
    assert api_policy(SourcePolicy(), spec("Zoom")) == SourcePolicy()
