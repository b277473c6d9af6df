"""Generic: what the mapping of a source makes of an event, and how the event is verified."""

import base64
import hmac
from typing import Any

import pytest

from recording_operator.api.recording import ArtifactKind
from recording_operator.api.recordingsource import RecordingSourceSpec
from recording_operator.providers.generic import Generic, check_mapping
from recording_operator.providers.provider import DeliveryRejected, Event, MalformedDelivery, Outcome
from recording_operator.providers.table import read_options
from tests.support.deliveries import MESSAGE_ID, NOW, SVIX_SECRET, VECTOR_BODY, delivery, signed

MAPPING: dict[str, Any] = {
    "id": "call.id",
    "event": "type",
    "title": "call.subject",
    "mediaEvents": ["call.recorded"],
    "failedEvents": ["call.failed"],
    "failure": "reason",
    "artifacts": [
        {
            "name": "video",
            "kind": "Video",
            "url": "files[?name=='video'] | [0].href",
            "size": "files[?name=='video'] | [0].bytes",
            "expiresAt": "files[?name=='video'] | [0].until",
            "contentType": "video/mp4",
        },
        {"name": "transcript", "kind": "Transcript", "content": "utterances", "optional": True},
    ],
}
EVENT: dict[str, Any] = {
    "type": "call.recorded",
    "call": {"id": 4711, "subject": "Weekly\nsync"},
    "files": [{"name": "video", "href": "https://a.example.test/v?sig=1", "bytes": 5, "until": "2026-01-02T00:00:00Z"}],
    "utterances": [{"text": "Grüße"}],
}


def spec(mapping: dict[str, Any] | None = None, **webhook: Any) -> RecordingSourceSpec:
    return RecordingSourceSpec.model_validate(
        {
            "provider": "Generic",
            "webhook": {"secretRef": {"name": "hook"}, "signature": "None", **webhook},
            "recording": {"owner": {"org": {"from": "customer", "default": "acme"}}},
            "mapping": MAPPING | (mapping or {}),
        }
    )


def read(payload: dict[str, Any], mapping: dict[str, Any] | None = None) -> Event:
    source = spec(mapping)
    return Generic(source).read(delivery(payload), [], read_options(source))


def test_an_event_with_files() -> None:
    event = read(EVENT)
    assert (event.kind, event.outcome, event.recording_id, event.title) == (
        "media",
        Outcome.MEDIA,
        "4711",
        "Weekly sync",
    )
    video, transcript = event.media
    assert (video.name, video.kind, video.size_bytes, video.is_main) == ("video", ArtifactKind.VIDEO, 5, True)
    assert (video.url, video.content_type) == ("https://a.example.test/v?sig=1", "video/mp4")
    assert str(video.expires_at) == "2026-01-02 00:00:00+00:00"
    assert transcript.content == '[{"text":"Grüße"}]'.encode()
    assert (transcript.content_type, transcript.is_main) == ("application/json", False)


def test_a_text_is_stored_as_it_is() -> None:
    event = read({**EVENT, "utterances": "Good morning"})
    assert (event.media[1].content, event.media[1].content_type) == (b"Good morning", "")


def test_files_that_an_event_does_not_have_are_left_out() -> None:
    assert [media.name for media in read({**EVENT, "utterances": None}).media] == ["video"]
    assert [media.name for media in read({**EVENT, "files": []}).media] == ["transcript"]


def test_an_event_that_should_have_files_and_has_none() -> None:
    with pytest.raises(MalformedDelivery, match=r"mapping\.artifacts"):
        read({**EVENT, "files": [], "utterances": ""})


def test_checksums() -> None:
    video = {"name": "video", "kind": "Video", "url": "url", "checksum": "sum"}
    found = {"url": "https://a.example.test/v", "sum": "sha256:" + "0" * 64}
    plain = {"event": None, "mediaEvents": [], "failedEvents": [], "artifacts": [video]}
    assert read({**EVENT, **found}, plain).media[0].checksum == found["sum"]
    assert read({**EVENT, **found, "sum": None}, plain).media[0].checksum is None
    with pytest.raises(MalformedDelivery, match=r"mapping\.artifacts\[video\]\.checksum"):
        read({**EVENT, **found, "sum": "0" * 64}, plain)


def test_a_failure() -> None:
    event = read({"type": "call.failed", "call": {"id": "x"}, "reason": "Line\nlost"})
    assert (event.outcome, event.kind, event.failure) == (Outcome.FAILED, "failed", "Line lost")
    assert read({"type": "call.failed", "call": {"id": "x"}}).failure == "The sender reports a failure"


def test_names_of_other_events_are_not_labels_of_metrics() -> None:
    event = read({**EVENT, "type": "user-7-joined"})
    assert (event.outcome, event.kind) == (Outcome.IGNORED, "other")


def test_without_names_of_events_those_with_files_count() -> None:
    plain: dict[str, Any] = {"event": None, "mediaEvents": [], "failedEvents": []}
    assert read(EVENT, plain).outcome is Outcome.MEDIA
    assert read({"call": {"id": 1}}, plain).outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"call": {}}, r"mapping\.id is missing"),
        ({"call": {"id": ["x"]}}, r"mapping\.id"),
        ({"files": [{"name": "video", "href": "file:///etc/passwd"}]}, r"mapping\.artifacts\[video\]\.url"),
        ({"files": [{"name": "video", "href": {"a": 1}}]}, r"mapping\.artifacts\[video\]\.url"),
        ({"files": [], "utterances": "x" * (2**20 + 1)}, r"mapping\.artifacts\[transcript\]\.content yields more"),
    ],
)
def test_malformed_events(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedDelivery, match=message) as caught:
        read({**EVENT, **changed})
    assert "passwd" not in str(caught.value)


def test_content_that_is_too_large_is_left_out_if_there_are_other_files() -> None:
    event = read({**EVENT, "utterances": "x" * (2**20 + 1)})
    assert [media.name for media in event.media] == ["video"]
    assert event.left_out == ("transcript",)
    assert read(EVENT).left_out == ()


def test_content_that_contains_itself_many_times_is_not_written_out() -> None:
    doubling = [{"name": "all", "kind": "Transcript", "content": "{a:@,b:@}" + "|{a:@,b:@}" * 24}]
    with pytest.raises(MalformedDelivery, match="1 MiB"):
        read(EVENT, {"artifacts": doubling})


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({"id": "call."}, "spec.mapping.id cannot be used: it is not a JMESPath expression"),
        ({"title": "size(call)"}, "spec.mapping.title cannot be used: JMESPath has no function size"),
        (
            {"artifacts": [{"name": "v", "kind": "Video", "url": "a", "expiresAt": "["}]},
            "spec.mapping.artifacts[v].expiresAt",
        ),
        ({"artifacts": [{"name": "s", "kind": "Summary", "url": "a"}]}, "Add Summary to spec.recording.artifacts"),
    ],
)
def test_the_mapping_is_checked(mapping: dict[str, Any], problem: str) -> None:
    (found,) = check_mapping(spec(mapping))
    assert problem in found
    assert found.endswith(".")


def test_a_mapping_without_problems() -> None:
    assert check_mapping(spec()) == []


def test_the_expressions_of_the_owner_are_checked() -> None:
    source = spec().model_dump(by_alias=True)
    source["recording"]["owner"]["org"]["from"] = "a["
    (found,) = check_mapping(RecordingSourceSpec.model_validate(source))
    assert found.startswith("spec.recording.owner.org.from cannot be used")


def test_a_mapping_that_does_not_compile_makes_no_event() -> None:
    with pytest.raises(MalformedDelivery, match=r"spec\.mapping"):
        read(EVENT, {"id": "call."})


def test_standard_webhooks() -> None:
    source = spec(signature="StandardWebhooks")
    sent = signed({**EVENT})
    Generic(source).verify(sent, [SVIX_SECRET], now=NOW)
    assert Generic(source).read(sent, [], read_options(source)).delivery_id == MESSAGE_ID
    with pytest.raises(DeliveryRejected, match="no_signature"):
        Generic(source).verify(delivery(EVENT), [SVIX_SECRET], now=NOW)


@pytest.mark.parametrize("encoding", ["Hex", "Base64"])
def test_hmac(encoding: str) -> None:
    provider = Generic(
        spec(signature="HMAC", hmac={"header": "X-Signature", "prefix": "sha256=", "encoding": encoding})
    )
    digest = hmac.digest(b"secret", VECTOR_BODY, "sha256")
    written = digest.hex() if encoding == "Hex" else base64.b64encode(digest).decode()
    sent = delivery(VECTOR_BODY, {"x-signature": f"sha256={written}"})
    provider.verify(sent, [b"old", b"secret"], now=NOW)
    with pytest.raises(DeliveryRejected, match="wrong_signature"):
        provider.verify(sent, [b"old"], now=NOW)


def test_without_a_signature_every_delivery_passes() -> None:
    Generic(spec()).verify(delivery(EVENT), [], now=NOW)


def test_a_source_that_says_nothing_about_signatures_accepts_nothing() -> None:
    for webhook in ({"signature": None}, {"signature": "HMAC"}):
        with pytest.raises(DeliveryRejected, match="not_configured"):
            Generic(spec(**webhook)).verify(delivery(EVENT), [b"secret"], now=NOW)


@pytest.mark.parametrize("signature", ["HMAC", "None"])
def test_an_id_that_is_not_signed_does_not_count(signature: str) -> None:
    hmac_header = {"hmac": {"header": "x-signature"}} if signature == "HMAC" else {}
    source = spec(signature=signature, **hmac_header)
    sent = delivery(EVENT, {"webhook-id": "new", "webhook-timestamp": "1", "webhook-signature": "v1,x"})
    assert Generic(source).read(sent, [], read_options(source)).delivery_id is None


def test_the_content_of_all_artifacts_together_is_limited() -> None:
    artifacts = [{"name": f"t{number}", "kind": "Transcript", "content": "text"} for number in range(5)]
    with pytest.raises(MalformedDelivery, match="4 MiB"):
        read({**EVENT, "text": "x" * 2**20}, {"artifacts": artifacts})


def test_expressions_that_take_too_long_together_are_no_recording_without_some_files() -> None:
    url = "(words[?@=='y'] | [0]) || url"
    artifacts = [{"name": f"v{number}", "kind": "Video", "url": url, "optional": True} for number in range(16)]
    with pytest.raises(MalformedDelivery, match="too long"):
        read({**EVENT, "words": ["x"] * 5_000, "url": "https://a.example.test/v"}, {"artifacts": artifacts})
