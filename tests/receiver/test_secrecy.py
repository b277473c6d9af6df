"""What strangers learn and cause: nothing."""

import base64
import json
import statistics
import time
from collections.abc import Callable

import pytest

from localcluster.install import OPERATOR_NAMESPACE, RECEIVER_ACCOUNT
from localcluster.receiverprocess import ReceiverProcess
from tests.receiver.conftest import Meetings
from tests.receiver.sending import SECRET, SIGNATURE, completed, post, signed, url
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

TOKEN = "0a9b8c7d6e5f4a3b2c1d0e9f"  # pragma: allowlist secret
_GLADIA = {"provider": "Gladia", "recording": {"owner": {"org": {"value": "acme"}}, "artifacts": ["Transcript"]}}


def gladia(text: str = "Good morning everyone.") -> bytes:
    """The callback of a job of Gladia."""
    payload = {"metadata": {"audio_duration": 1834.2}, "transcription": {"full_transcript": text, "utterances": []}}
    return json.dumps({"id": "6f0d8a9e-1111", "event": "transcription.success", "payload": payload}).encode()


def test_unknown_suspended_and_wrong_paths_have_the_same_response(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    meetings.apply(_GLADIA, current=TOKEN)
    receiver = receivers()
    receiver.start()
    paths = [
        meetings.path,
        f"{meetings.path}/wrong-token",
        f"{meetings.path}/{TOKEN}/more",
        f"{meetings.path}/",
        f"/v1/sources/{meetings.namespace}/unknown/{TOKEN}",
        f"/v1/sources/unknown/meetings/{TOKEN}",
        "/",
        "/v1/sources/..%2f..%2fhealthz",
    ]
    replies = [post(receiver.url, path, gladia()) for path in paths]
    replies.append(post(receiver.url, f"{meetings.path}/{TOKEN}", b"", method="GET"))
    accepted = post(receiver.url, f"{meetings.path}/{TOKEN}", gladia(), method="PUT")
    meetings.apply({**_GLADIA, "suspend": True}, current=TOKEN)
    eventually(lambda: post(receiver.url, f"{meetings.path}/{TOKEN}", gladia()).status == 404, what="it is suspended")
    replies.append(post(receiver.url, f"{meetings.path}/{TOKEN}", gladia()))
    seen = {(one.status, one.body, tuple(sorted({**one.headers, "date": ""}.items()))) for one in replies}
    assert len(seen) == 1
    assert replies[0].status == 404
    assert accepted.status == 200
    assert TOKEN not in receiver.log_text() + receiver.metrics()
    assert TOKEN not in json.dumps(meetings.source()) + json.dumps(meetings.recordings())


def test_a_signed_source_has_no_token(receiver: ReceiverProcess, meetings: Meetings) -> None:
    body = completed()
    assert post(receiver.url, f"{meetings.path}/{SECRET}", body, signed(body)).status == 404
    assert meetings.recordings() == []


def test_forged_deliveries_cause_no_request_to_the_api_server(receiver: ReceiverProcess, meetings: Meetings) -> None:
    """The counts are written to the status later: once for all of them."""
    account = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{RECEIVER_ACCOUNT}"

    def requests() -> list[str]:
        ours = [one for one in meetings.cluster.audit_events() if one["user"].get("username") == account]
        return [f"{one['verb']} {one['requestURI']}" for one in ours if meetings.namespace in one["requestURI"]]

    eventually(lambda: meetings.source().get("status", {}).get("path"), what="the first status is written")
    before, began_s = requests(), time.monotonic()
    body = completed()
    for number in range(200):
        forged = signed(body, message_id=f"msg_{number}") | {
            "svix-signature": f"v1,{base64.b64encode(bytes(32)).decode()}"
        }
        assert post(receiver.url, meetings.path, body, forged).status == 401
        assert post(receiver.url, f"/v1/sources/{meetings.namespace}/other-{number}", body, forged).status == 404
    eventually(lambda: meetings.source()["status"].get("rejected") == 200, what="they are counted")
    caused = requests()[len(before) :]
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{meetings.namespace}/recordingsources/meetings/status"
    allowed = {f"patch {path}", f"get /api/v1/namespaces/{meetings.namespace}/secrets/webhook"}
    assert set(caused) <= allowed
    assert len(caused) <= 3 + (time.monotonic() - began_s) / 5, "the counts are written every 10 s, for all deliveries"
    assert meetings.recordings() == []


def test_secrets_and_urls_are_in_no_log(receivers: Callable[..., ReceiverProcess], meetings: Meetings) -> None:
    receiver = receivers(arguments=("--log-level=debug",))
    receiver.start()
    assert meetings.send(receiver, completed(files={"video": url("video.mp4")})).status == 200
    assert meetings.send(receiver, b'{"event": 1', message_id="msg_2").status == 422
    assert meetings.send(receiver, completed("b-2", files={"video": url("v.mp4")}, org="")).status == 503
    seen = receiver.log_text() + receiver.metrics()
    for secret in (SECRET, SECRET.removeprefix("whsec_"), SIGNATURE, "b-2", meetings.path):
        assert secret not in seen


def test_the_time_of_a_rejection_does_not_show_which_token_is_right(
    receivers: Callable[..., ReceiverProcess], meetings: Meetings
) -> None:
    """Medians of 200 requests in turns: of a token that shares all but its last character, and of an unknown source."""
    meetings.apply(_GLADIA, current=TOKEN)
    receiver = receivers()
    receiver.start()
    near, far = f"{meetings.path}/{TOKEN[:-1]}0", f"/v1/sources/{meetings.namespace}/nothing/{'z' * len(TOKEN)}"
    times: dict[str, list[float]] = {near: [], far: []}
    for _ in range(200):
        for path, taken in times.items():
            started_s = time.perf_counter()
            assert post(receiver.url, path, b"{}").status == 404
            taken.append(time.perf_counter() - started_s)
    medians = [statistics.median(taken) for taken in times.values()]
    assert max(medians) < 1.5 * min(medians)
