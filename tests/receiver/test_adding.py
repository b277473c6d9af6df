"""Later deliveries add to a Recording, with a real API server."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from localcluster.receiverprocess import ReceiverProcess
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from recording_operator.receiver.drafting import recording_name
from tests.receiver.conftest import Meetings
from tests.receiver.sending import BOT, completed, failed, post, secret_manifest, url
from tests.receiver.test_secrecy import TOKEN, gladia
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

_EARLY, _LATE = "2026-11-30T10:00:00+00:00", "2026-11-30T11:00:00+00:00"


def only(meetings: Meetings) -> dict[str, Any]:
    """The only Recording."""
    [recording] = meetings.recordings()
    return recording


def value(meetings: Meetings, name: str, key: str) -> str:
    """A value of a Secret."""
    return base64.b64decode(meetings.secrets()[name]["data"][key]).decode()


def test_a_later_transcript_is_added(receiver: ReceiverProcess, meetings: Meetings) -> None:
    assert meetings.send(receiver, completed(files={"video": url("v.mp4")}), message_id="msg_1").status == 200
    before = only(meetings)
    later = completed(files={"transcription": url("t.json")})
    for _ in range(2):
        assert meetings.send(receiver, later, message_id="msg_2").status == 200
    after = only(meetings)
    assert after["spec"]["artifacts"][0] == before["spec"]["artifacts"][0]
    assert [one["name"] for one in after["spec"]["artifacts"]] == ["video", "transcript"]
    name = after["metadata"]["name"]
    assert value(meetings, name, "transcript") == url("t.json")
    assert value(meetings, name, "video") == url("v.mp4")
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1


def test_deliveries_in_the_wrong_order_have_the_same_result(receiver: ReceiverProcess, meetings: Meetings) -> None:
    """The URL of the later event stays."""
    late = completed(files={"video": url("v.mp4", "1a7e"), "transcription": url("t.json")}, sent_at=_LATE)
    early = completed(files={"video": url("v.mp4", "ea41"), "audio": url("a.flac")}, sent_at=_EARLY)
    assert meetings.send(receiver, late, message_id="msg_2").status == 200
    assert meetings.send(receiver, early, message_id="msg_1").status == 200
    name = only(meetings)["metadata"]["name"]
    assert {one["name"] for one in only(meetings)["spec"]["artifacts"]} == {"video", "audio", "transcript"}
    assert value(meetings, name, "video") == url("v.mp4", "1a7e")


def test_a_later_delivery_renews_the_urls_of_what_is_not_stored(
    receiver: ReceiverProcess, meetings: Meetings, admin: RestClient
) -> None:
    files = {"video": url("v.mp4", "01d"), "audio": url("a.flac", "01d")}
    assert meetings.send(receiver, completed(files=files, sent_at=_EARLY), message_id="msg_1").status == 200
    name = only(meetings)["metadata"]["name"]
    artifacts = [{"name": "video", "phase": "Complete"}, {"name": "audio", "phase": "Pending"}]
    admin.request(
        "PATCH",
        f"/apis/recordings.dev/v1alpha1/namespaces/{meetings.namespace}/recordings/{name}/status",
        body={"status": {"artifacts": artifacts}},
        content_type=MERGE_PATCH,
    )
    files = {"video": url("v.mp4", "2e3"), "audio": url("a.flac", "2e3")}
    assert meetings.send(receiver, completed(files=files, sent_at=_LATE), message_id="msg_2").status == 200
    assert value(meetings, name, "video") == url("v.mp4", "01d")
    assert value(meetings, name, "audio") == url("a.flac", "2e3")
    assert len(only(meetings)["spec"]["artifacts"]) == 2


def test_a_failure_becomes_a_failed_artifact_if_the_source_says_so(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    meetings.apply({"failures": "Record", "recording": {"owner": {"org": {"value": "acme"}}}})
    receiver = receivers()
    receiver.start()
    assert meetings.send(receiver, failed()).status == 200
    [artifact] = only(meetings)["spec"]["artifacts"]
    assert (artifact["name"], artifact["optional"]) == ("video", False)
    assert artifact["source"]["provider"]["failure"].startswith("BOT_NOT_ACCEPTED")
    assert meetings.secrets() == {}


def test_media_after_a_failure_replace_it(receivers: Callable[..., ReceiverProcess], meetings: Meetings) -> None:
    """With facts that were not known of the failure, such as the size; a failed file under another name is optional."""
    mapping = {
        "id": "id",
        "failedEvents": ["failed"],
        "event": "event",
        "artifacts": [
            {"name": "video", "kind": "Video", "url": "video", "size": "bytes", "contentType": "video/mp4"},
            {"name": "film", "kind": "Video", "url": "film"},
        ],
    }
    owner = {"org": {"value": "acme"}}
    webhook = {"secretRef": {"name": "webhook"}, "signature": "None"}
    recording = {"provider": "Generic", "failures": "Record", "webhook": webhook, "mapping": mapping}
    meetings.apply({**recording, "recording": {"owner": owner}}, current=TOKEN)
    receiver = receivers()
    receiver.start()
    path = f"{meetings.path}/{TOKEN}"
    for name in ("a", "b"):
        assert post(receiver.url, path, json.dumps({"id": name, "event": "failed"}).encode()).status == 200
    video = json.dumps({"id": "a", "event": "done", "video": url("v.mp4"), "bytes": 7}).encode()
    film = json.dumps({"id": "b", "event": "done", "film": url("f.mp4")}).encode()
    for body in (video, video, film):
        assert post(receiver.url, path, body).status == 200
    a, b = sorted(meetings.recordings(), key=lambda one: len(one["spec"]["artifacts"]))
    [artifact] = a["spec"]["artifacts"]
    reference = {"name": a["metadata"]["name"], "key": "video"}
    assert (artifact["source"]["urlSecretRef"], artifact["source"]["size"]) == (reference, 7)
    assert "provider" not in artifact["source"]
    assert artifact["contentType"] == "video/mp4"
    assert value(meetings, **reference) == url("v.mp4")
    assert a["spec"]["retryToken"].startswith("delivery-")
    shown = [(one["name"], one["optional"], "provider" in one["source"]) for one in b["spec"]["artifacts"]]
    assert shown == [("video", True, True), ("film", False, False)]


@pytest.mark.parametrize("words", [1, 20_000])
def test_a_transcript_after_an_error_replaces_it(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings, words: int
) -> None:
    recording = {"owner": {"org": {"value": "acme"}}, "artifacts": ["Transcript"]}
    meetings.apply({"provider": "Gladia", "failures": "Record", "recording": recording}, current=TOKEN)
    receiver = receivers()
    receiver.start()
    path = f"{meetings.path}/{TOKEN}"
    error = json.dumps({"id": "6f0d8a9e-1111", "event": "transcription.error", "error": {"message": "busy"}}).encode()
    assert post(receiver.url, path, error).status == 200
    assert "busy" in only(meetings)["spec"]["artifacts"][0]["source"]["provider"]["failure"]
    assert post(receiver.url, path, gladia("word " * words)).status == 200
    [artifact] = only(meetings)["spec"]["artifacts"]
    assert artifact.keys() & {"source", "inline", "contentSecretRef"} == {
        "inline" if words == 1 else "contentSecretRef"
    }
    assert artifact["contentType"] == "application/json"


def test_a_new_url_restarts_what_has_failed(receiver: ReceiverProcess, meetings: Meetings, admin: RestClient) -> None:
    """No time of expiry tells the operator of it. The same delivery has the same token."""

    def end(phase: str) -> None:
        path = f"/apis/recordings.dev/v1alpha1/namespaces/{meetings.namespace}/recordings/{name}/status"
        body = {"status": {"artifacts": [{"name": "video", "phase": phase}]}}
        admin.request("PATCH", path, body=body, content_type=MERGE_PATCH)

    def send(signature: str, number: int) -> str:
        files = {"video": url("v.mp4", signature)}
        assert meetings.send(receiver, completed(files=files), message_id=f"msg_{number}").status == 200
        return str(only(meetings)["spec"].get("retryToken", ""))

    assert send("01d", 1) == ""
    name = only(meetings)["metadata"]["name"]
    end("Failed")
    token = send("2e3", 2)
    assert token.startswith("delivery-")
    assert value(meetings, name, "video") == url("v.mp4", "2e3")
    assert send("2e3", 2) == token, "a redelivery"
    end("Complete")
    assert send("4f5", 3) == token, "it is stored"


def test_a_delivery_that_ended_after_the_secret_restarts_what_has_failed(
    receiver: ReceiverProcess, meetings: Meetings, admin: RestClient
) -> None:
    """The Secret has the URL already, because an earlier attempt did not reach the Recording."""
    assert meetings.send(receiver, completed(files={"video": url("v.mp4", "01d")}), message_id="msg_1").status == 200
    name = only(meetings)["metadata"]["name"]
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{meetings.namespace}/recordings/{name}/status"
    body = {"status": {"artifacts": [{"name": "video", "phase": "Failed"}]}}
    admin.request("PATCH", path, body=body, content_type=MERGE_PATCH)
    meetings.cluster.kubectl.apply(secret_manifest(name, meetings.namespace, video=url("v.mp4", "2e3")))
    assert meetings.send(receiver, completed(files={"video": url("v.mp4", "2e3")}), message_id="msg_2").status == 200
    assert only(meetings)["spec"]["retryToken"].startswith("delivery-")


def test_an_event_whose_url_comes_from_the_api_restarts_what_has_failed(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings, admin: RestClient
) -> None:
    api = {"secretRef": {"name": "recall"}, "endpoint": "https://eu-central-1.recall.ai"}
    recording = {"owner": {"org": {"value": "acme"}}}
    meetings.apply({"provider": "Recall", "api": api, "failures": "Record", "recording": recording})
    receiver = receivers()
    receiver.start()

    def send(event: str, message: str) -> str:
        data = {"recording": {"id": "5c1b4f8e"}, "data": {"code": "done", "updated_at": _EARLY}}
        body = json.dumps({"event": event, "data": data}).encode()
        assert meetings.send(receiver, body, message_id=message).status == 200
        return str(only(meetings)["spec"].get("retryToken", ""))

    assert (send("recording.done", "msg_1"), send("recording.done", "msg_2")) == ("", "")
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{meetings.namespace}/recordings"
    status = {"status": {"artifacts": [{"name": "video", "phase": "Failed"}]}}
    name = only(meetings)["metadata"]["name"]
    admin.request("PATCH", f"{path}/{name}/status", body=status, content_type=MERGE_PATCH)

    assert send("recording.failed", "msg_3") == "", "it brings nothing"
    token = send("recording.done", "msg_4")
    assert token.startswith("delivery-")
    assert send("recording.done", "msg_4") == token, "a redelivery"


def test_a_reported_failure_leaves_a_url_as_it_is(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    meetings.apply({"failures": "Record", "recording": {"owner": {"org": {"value": "acme"}}}})
    receiver = receivers()
    receiver.start()
    sent = url("v.mp4").replace("?", "?X-Amz-Date=20261130T100000Z&")
    assert meetings.send(receiver, completed(files={"video": sent}), message_id="msg_1").status == 200
    before = only(meetings)["spec"]
    assert "expiresAt" in before["artifacts"][0]["source"]

    assert meetings.send(receiver, failed(), message_id="msg_2").status == 200

    assert only(meetings)["spec"] == before


def test_an_inline_transcript_is_in_the_recording_or_in_a_secret(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    owner = {"org": {"value": "acme"}}
    meetings.apply({"provider": "Gladia", "recording": {"owner": owner, "artifacts": ["Transcript"]}}, current=TOKEN)
    receiver = receivers()
    receiver.start()
    path = f"{meetings.path}/{TOKEN}"
    long = gladia("word " * 180_000).replace(b"6f0d8a9e-1111", b"6f0d8a9e-2222")
    assert post(receiver.url, path, gladia()).status == 200
    assert post(receiver.url, path, long).status == 200
    assert post(receiver.url, path, long).status == 200
    short, large = sorted(meetings.recordings(), key=lambda one: "contentSecretRef" in one["spec"]["artifacts"][0])
    assert "Good morning" in short["spec"]["artifacts"][0]["inline"]
    reference = large["spec"]["artifacts"][0]["contentSecretRef"]
    stored = json.loads(value(meetings, reference["name"], reference["key"]))
    assert "word word" in json.dumps(stored)
    assert list(meetings.secrets()) == [reference["name"]]


def test_a_transcript_that_is_too_large_does_not_cost_the_video(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    key = "v1-api-key-0a9b8c7d6e5f4a3b"  # pragma: allowlist secret
    meetings.apply(current=key)
    receiver = receivers(settings="bodyBytes: 2Mi")
    receiver.start()
    data = {"bot_id": BOT, "mp4": url("v.mp4"), "transcript": [{"speaker": "Ada", "text": "a" * 2**20}]}
    body = json.dumps({"event": "complete", "data": {**data, "extra": {"org_id": "acme"}}}).encode()
    assert post(receiver.url, meetings.path, body, {"x-meeting-baas-api-key": key}).status == 200
    assert [one["name"] for one in only(meetings)["spec"]["artifacts"]] == ["video"]
    assert 'recording_operator_contents_left_out_total{provider="MeetingBaaS"} 1.0' in receiver.metrics()
    assert "The content of transcript is empty or larger than 1 MiB" in receiver.log_text()


def test_a_recording_of_another_origin_is_left_alone(receiver: ReceiverProcess, meetings: Meetings) -> None:
    namespace = f"--namespace={meetings.namespace}"
    assert meetings.send(receiver, completed()).status == 200
    name = only(meetings)["metadata"]["name"]
    meetings.cluster.kubectl("label", "recording", name, namespace, "recordings.dev/source-")
    before = only(meetings)
    assert meetings.send(receiver, completed(files={"transcription": url("t.json")}), message_id="m2").status == 200
    assert only(meetings) == before
    events = ("get", "events.events.k8s.io", namespace, "--field-selector=reason=NameTaken")
    [event] = eventually(lambda: meetings.cluster.kubectl.json(*events)["items"], what="an Event")
    assert (event["regarding"]["kind"], event["type"]) == ("RecordingSource", "Warning")


def test_a_secret_of_another_origin_is_left_alone(receiver: ReceiverProcess, meetings: Meetings) -> None:
    """The Recording exists by now, and the redelivery completes it when the Secret is gone."""
    source = RecordingSource.model_validate(meetings.source())
    meetings.cluster.kubectl.apply(secret_manifest(recording_name(source, BOT), meetings.namespace, video="theirs"))
    assert meetings.send(receiver, completed(files={"video": url("v.mp4")})).status == 503
    name = only(meetings)["metadata"]["name"]
    assert value(meetings, name, "video") == "theirs"
    meetings.cluster.kubectl("delete", "secret", name, f"--namespace={meetings.namespace}")
    assert meetings.send(receiver, completed(files={"video": url("v.mp4")}), message_id="m2").status == 200
    assert value(meetings, name, "video") == url("v.mp4")


def test_a_recording_that_was_deleted_is_created_again_with_its_own_secret(
    receiver: ReceiverProcess, meetings: Meetings
) -> None:
    """The garbage collector may not have removed the Secret of the first one yet."""
    assert meetings.send(receiver, completed(files={"video": url("v.mp4", "01d")}), message_id="msg_1").status == 200
    name = only(meetings)["metadata"]["name"]
    options = [f"--namespace={meetings.namespace}", "--cascade=orphan"]
    meetings.cluster.kubectl("delete", "recording", name, *options)
    assert meetings.send(receiver, completed(files={"video": url("v.mp4", "2e3")}), message_id="msg_2").status == 200
    secret = meetings.secrets()[name]
    assert value(meetings, name, "video") == url("v.mp4", "2e3")
    assert [one["uid"] for one in secret["metadata"]["ownerReferences"]] == [only(meetings)["metadata"]["uid"]]


def test_owners_that_do_not_fit_are_escaped(receiver: ReceiverProcess, meetings: Meetings) -> None:
    owners = ["auth0|5f", "jo@example.com", "../x", ".hidden", "(unknown)", "https://id.example.com/7", "x" * 300]
    owners += ["=2Ehidden", "Zoë Ångström GmbH & Söhne (Übersee)", "日本" * 40, "a\u202eb", "a\tb"]
    for number, org in enumerate(owners):
        assert meetings.send(receiver, completed(f"bot-{number}", org=org), message_id=f"m{number}").status == 200, org
    orgs = [one["spec"]["owner"]["org"] for one in meetings.recordings()]
    assert len(set(orgs)) == len(owners)
    assert {"auth0|5f", "jo@example.com", "=2Ehidden", "=3D2Ehidden"} <= set(orgs)
