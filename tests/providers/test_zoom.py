"""Zoom: signatures, the validation of the endpoint, and events."""

import hmac
import json
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.provider import (
    Challenge,
    Delivery,
    DeliveryRejected,
    MalformedDelivery,
    Outcome,
    Rejection,
)
from recording_operator.providers.zoom import Zoom
from tests.providers.deliveries import ALL_KINDS, NOW, TIME, delivery, event, later, options

SECRET = b"zoom-secret-token-for-tests"  # pragma: allowlist secret
OTHER = b"the-secret-before-it-was-replaced"
VECTOR_BODY = b'{"event":"recording.completed"}'
VECTOR = "v0=6e7273175a3e5c73937b5b035afe7da434a5e98accdbd7b2e1971549530c4666"  # pragma: allowlist secret
PLAIN_TOKEN = "q9ibPhGeRZ6ayx5WTrXjRw"  # pragma: allowlist secret
ENCRYPTED_TOKEN = "6fd67e886ba1aa0a08fc794b069eed4eab3c09c1ecca69c1bc7309bba9bb1360"  # pragma: allowlist secret
DOWNLOAD_TOKEN = jwt.encode({"exp": TIME + 86400}, "k" * 64, algorithm="HS512")
FILES: list[dict[str, Any]] = [
    {
        "id": "f-1",
        "recording_start": "2026-01-01T10:00:02Z",
        "recording_type": "shared_screen_with_speaker_view",
        "file_type": "MP4",
        "file_size": 50331648,
        "download_url": "https://zoom.example.test/f-1",
        "status": "completed",
    },
    {
        "id": "f-2",
        "file_type": "M4A",
        "recording_type": "audio_only",
        "status": "completed",
        "recording_start": "2026-01-01T10:00:02Z",
        "download_url": "https://zoom.example.test/f-2",
    },
    {
        "id": "f-3",
        "file_type": "TRANSCRIPT",
        "recording_type": "audio_transcript",
        "status": "completed",
        "recording_start": "2026-01-01T10:00:02Z",
        "download_url": "https://zoom.example.test/f-3",
    },
]


def completed(*, name: str = "recording.completed", files: Any = None, **changes: Any) -> dict[str, Any]:
    recording = {"uuid": "q1w2E3r4T5y6u7I8o9P0aA==", "topic": "Weekly sync", "recording_files": files or FILES}
    payload = {"account_id": "acc_TEST", "object": recording | changes}
    return {"event": name, "event_ts": TIME * 1000, "payload": payload, "download_token": DOWNLOAD_TOKEN}


def signed(body: bytes | dict[str, Any], *, secret: bytes = SECRET, time: str = str(TIME)) -> Delivery:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.new(secret, b"v0:%b:%b" % (time.encode(), content), "sha256").hexdigest()
    return delivery(content, x_zm_signature=f"v0={signature}", x_zm_request_timestamp=time)


def rejection(request: Delivery, *secrets: bytes, seconds_later: float = 0) -> Rejection | None:
    try:
        Zoom().verify(request, secrets or (SECRET,), now=later(seconds_later))
    except DeliveryRejected as error:
        return error.rejection
    return None


def test_the_published_vector_is_accepted() -> None:
    request = delivery(VECTOR_BODY, x_zm_signature=VECTOR, x_zm_request_timestamp=str(TIME))
    assert rejection(request) is None
    assert rejection(request, OTHER, SECRET) is None
    assert rejection(request, OTHER) is Rejection.WRONG_SIGNATURE


@pytest.mark.parametrize(
    ("seconds_later", "expected"),
    [(300, None), (-300, None), (301, Rejection.WRONG_TIME), (-301, Rejection.WRONG_TIME)],
)
def test_a_delivery_is_genuine_for_five_minutes(seconds_later: int, expected: Rejection | None) -> None:
    assert rejection(signed(VECTOR_BODY), seconds_later=seconds_later) is expected


@pytest.mark.parametrize(
    ("signature", "time", "expected"),
    [
        ("", str(TIME), Rejection.NO_SIGNATURE),
        (VECTOR, "", Rejection.NO_SIGNATURE),
        ("garbage", str(TIME), Rejection.WRONG_SIGNATURE),
        ("v0=", str(TIME), Rejection.WRONG_SIGNATURE),
        (VECTOR.removeprefix("v0="), str(TIME), Rejection.WRONG_SIGNATURE),
        (VECTOR[:-1], str(TIME), Rejection.WRONG_SIGNATURE),
        ("v0=é", str(TIME), Rejection.WRONG_SIGNATURE),
        (VECTOR, str(TIME + 1), Rejection.WRONG_SIGNATURE),
        (VECTOR, f" {TIME}", Rejection.WRONG_SIGNATURE),
        (VECTOR, "٣", Rejection.WRONG_SIGNATURE),
        (VECTOR, "9" * 5000, Rejection.WRONG_SIGNATURE),
    ],
)
def test_other_signatures_are_rejected(signature: str, time: str, expected: Rejection) -> None:
    request = delivery(VECTOR_BODY, x_zm_signature=signature, x_zm_request_timestamp=time)
    assert rejection(request) is expected


@pytest.mark.parametrize("time", ["now", f"{TIME}.5", "-1", "9" * 5000])
def test_a_signed_time_that_is_no_number_of_seconds_is_rejected(time: str) -> None:
    assert rejection(signed(VECTOR_BODY, time=time)) is Rejection.WRONG_SIGNATURE


def test_a_changed_body_and_a_missing_secret_are_rejected() -> None:
    request = signed(VECTOR_BODY)
    changed = Delivery(method="POST", headers=request.headers, body=VECTOR_BODY + b" ")
    assert rejection(changed) is Rejection.WRONG_SIGNATURE
    assert rejection(signed(VECTOR_BODY, secret=b""), b"", b" \n") is Rejection.NOT_CONFIGURED


def validation(token: Any) -> dict[str, Any]:
    return {"event": "endpoint.url_validation", "payload": {"plainToken": token}, "event_ts": TIME * 1000}


def test_the_validation_gets_the_published_response() -> None:
    read = Zoom().read(signed(validation(PLAIN_TOKEN)), [SECRET], ALL_KINDS)
    assert read == Challenge(body={"plainToken": PLAIN_TOKEN, "encryptedToken": ENCRYPTED_TOKEN})


def test_the_validation_is_signed_with_the_secret_of_its_request() -> None:
    """While a secret is replaced, both are valid: Zoom compares with the one that it used itself."""
    request = signed(validation(PLAIN_TOKEN), secret=SECRET)
    assert rejection(request, OTHER, SECRET) is None
    read = Zoom().read(request, [OTHER, SECRET], ALL_KINDS)
    assert isinstance(read, Challenge)
    assert read.body["encryptedToken"] == ENCRYPTED_TOKEN


def test_an_unsigned_validation_is_rejected_and_gets_no_hmac() -> None:
    request = delivery(validation(PLAIN_TOKEN))
    assert rejection(request) is Rejection.NO_SIGNATURE
    with pytest.raises(MalformedDelivery):
        Zoom().read(request, [SECRET], ALL_KINDS)


@pytest.mark.parametrize(
    "token",
    [f"v0:{TIME}:{VECTOR_BODY.decode()}", f"v0:{TIME}:", "a:b", "a" * 65, "", "a\n", "é", None, 7, {}, ["a"], "a b"],
)
def test_no_event_can_be_signed_through_the_validation(token: Any) -> None:
    with pytest.raises(MalformedDelivery, match="plainToken is not 1 to 64 letters"):
        Zoom().read(signed(validation(token)), [SECRET], ALL_KINDS)


def test_a_completed_recording() -> None:
    read = event(Zoom().read(signed(completed()), [SECRET], ALL_KINDS))
    assert (read.kind, read.outcome) == ("recording.completed", Outcome.MEDIA)
    assert read.recording_id == "q1w2E3r4T5y6u7I8o9P0aA=="
    assert (read.title, read.occurred_at) == ("Weekly sync", NOW)
    assert [(m.name, m.kind, m.is_main) for m in read.media] == [
        ("video", ArtifactKind.VIDEO, True),
        ("audio", ArtifactKind.AUDIO, False),
        ("transcript", ArtifactKind.TRANSCRIPT, False),
    ]
    assert [m.url for m in read.media] == [f"https://zoom.example.test/f-{n}" for n in (1, 2, 3)]
    assert {m.headers["Authorization"] for m in read.media} == {f"Bearer {DOWNLOAD_TOKEN}"}
    assert {m.expires_at for m in read.media} == {datetime(2026, 1, 2, tzinfo=UTC)}


def test_a_redelivery_has_the_same_id_and_the_transcript_another_one() -> None:
    first, again = (event(Zoom().read(signed(completed()), [SECRET], ALL_KINDS)) for _ in range(2))
    late = completed(name="recording.transcript_completed", files=FILES[2:])
    transcript = event(Zoom().read(signed(late), [SECRET], ALL_KINDS))
    assert first.delivery_id == again.delivery_id != transcript.delivery_id
    assert transcript.recording_id == first.recording_id
    assert [media.name for media in transcript.media] == ["transcript"]
    assert not transcript.media[0].is_main


def test_only_wanted_kinds_and_without_any_no_recording() -> None:
    read = event(Zoom().read(signed(completed()), [SECRET], options(ArtifactKind.AUDIO)))
    assert [(media.name, media.is_main) for media in read.media] == [("audio", True)]
    read = event(Zoom().read(signed(completed()), [SECRET], options(ArtifactKind.SUMMARY)))
    assert read.outcome is Outcome.IGNORED


@pytest.mark.parametrize("token", [None, "", "with space", "line\r\nbreak", 7, "t" * 5000])
def test_without_a_usable_token_the_url_is_requested_from_the_api(token: Any) -> None:
    read = event(Zoom().read(signed(completed() | {"download_token": token}), [SECRET], ALL_KINDS))
    assert {(media.url, media.expires_at) for media in read.media} == {(None, None)}
    assert all(not media.headers for media in read.media)


def test_a_token_that_is_no_jwt_states_no_expiry() -> None:
    read = event(Zoom().read(signed(completed() | {"download_token": "opaque"}), [SECRET], ALL_KINDS))
    assert read.media[0].headers == {"Authorization": "Bearer opaque"}
    assert read.media[0].expires_at is None


def test_other_events_are_ignored() -> None:
    known = event(Zoom().read(signed({"event": "recording.trashed"}), [SECRET], ALL_KINDS))
    assert (known.kind, known.outcome) == ("recording.trashed", Outcome.IGNORED)
    other = event(Zoom().read(signed({"event": "meeting.started"}), [SECRET], ALL_KINDS))
    assert (other.kind, other.outcome) == ("unknown", Outcome.IGNORED)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b"",
        b"[]",
        b"{",
        json.dumps(completed(uuid=None)).encode(),
        json.dumps(completed(uuid="")).encode(),
        json.dumps(completed(files=[FILES[0] | {"download_url": "file:///etc/passwd"}])).encode(),
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    assert rejection(signed(body)) is None
    with pytest.raises(MalformedDelivery):
        Zoom().read(signed(body), [SECRET], ALL_KINDS)
