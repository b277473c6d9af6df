"""LiveKit: tokens, and the events of egress."""

import base64
import hashlib
import json
from typing import Any

import jwt
import pytest

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.livekit import LiveKit
from recording_operator.providers.provider import (
    Delivery,
    DeliveryRejected,
    MalformedDelivery,
    Outcome,
    ProviderObject,
    Rejection,
)
from tests.providers.deliveries import ALL_KINDS, TIME, ScriptedApi, delivery, event, later, options

KEY = "APItestkey"
SECRET = "livekit-test-secret-livekit-test-secret"  # pragma: allowlist secret
OTHER = "another-test-secret-another-test-secret"  # pragma: allowlist secret
VECTOR_BODY = b'{"event":"egress_ended","id":"EV_test"}'
VECTOR = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."  # pragma: allowlist secret
    "eyJpc3MiOiJBUEl0ZXN0a2V5IiwibmJmIjoxNzY3MjI1NjAwLCJleHAiOjE3NjcyMjU5MDAsInNoYTI1NiI6InFzdmJPeDVTVHhkUmtzbHgzM0p1"
    "d2hUaXR5SDYvWFRPMkdoQ25OWUJUQXM9In0."
    "W2aZBygeNRas2kEVSJp0CZ1DiNFrx2W19x6Mym6JETQ"  # pragma: allowlist secret
)
FILE = {
    "filename": "acme/weekly.mp4",
    "duration": "1840000000000",
    "size": "50331648",
    "location": "https://livekit-out.s3.eu-west-2.amazonaws.com/acme/weekly.mp4",
}


def claims(body: bytes = VECTOR_BODY, **changes: Any) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    found = {"iss": KEY, "nbf": TIME, "exp": TIME + 300, "sha256": digest} | changes
    return {name: value for name, value in found.items() if value is not None}


def signed(body: bytes = VECTOR_BODY, *, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> Delivery:
    return delivery(body, authorization=jwt.encode(claims(body, **changes), secret, algorithm=algorithm))


def rejection(request: Delivery, *secrets: str, seconds_later: float = 0) -> Rejection | None:
    keys = [secret.encode() for secret in secrets or (SECRET,)]
    try:
        LiveKit().verify(request, keys, now=later(seconds_later))
    except DeliveryRejected as error:
        return error.rejection
    return None


def ended(**changes: Any) -> bytes:
    info = {
        "egressId": "EG_test0001",
        "roomName": "acme-weekly",
        "status": "EGRESS_COMPLETE",
        "fileResults": [FILE],
        "segmentResults": [],
        "error": "",
        "errorCode": 0,
    } | changes
    return json.dumps(
        {"event": "egress_ended", "id": "EV_test0001", "createdAt": str(TIME), "egressInfo": info}
    ).encode()


def read(body: bytes, *kinds: ArtifactKind) -> Any:
    return event(LiveKit().read(delivery(body), [], options(*kinds) if kinds else ALL_KINDS))


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_the_published_vector_is_accepted(prefix: str) -> None:
    request = delivery(VECTOR_BODY, authorization=prefix + VECTOR)
    assert rejection(request) is None
    assert rejection(request, OTHER, SECRET) is None
    assert rejection(request, OTHER) is Rejection.WRONG_SIGNATURE


@pytest.mark.parametrize(
    ("seconds_later", "expected"),
    [(300, None), (-300, None), (301, Rejection.WRONG_TIME), (-301, Rejection.WRONG_TIME)],
)
def test_a_token_is_valid_for_five_minutes(seconds_later: int, expected: Rejection | None) -> None:
    assert rejection(signed(), seconds_later=seconds_later) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": None}, Rejection.WRONG_SIGNATURE),
        ({"exp": "never"}, Rejection.WRONG_SIGNATURE),
        ({"exp": True}, Rejection.WRONG_SIGNATURE),
        ({"exp": 10**30}, Rejection.WRONG_SIGNATURE),
        ({"exp": TIME + 10**7}, Rejection.WRONG_TIME),
        ({"nbf": "now"}, Rejection.WRONG_SIGNATURE),
        ({"nbf": TIME + 301, "exp": TIME + 400}, Rejection.WRONG_TIME),
        ({"iss": ""}, Rejection.WRONG_SIGNATURE),
        ({"iss": None}, Rejection.WRONG_SIGNATURE),
        ({"sha256": None}, Rejection.WRONG_SIGNATURE),
        ({"sha256": ""}, Rejection.WRONG_SIGNATURE),
        ({"sha256": 7}, Rejection.WRONG_SIGNATURE),
        ({"sha256": "é"}, Rejection.WRONG_SIGNATURE),
        ({"nbf": None}, None),
        ({"aud": "else", "sub": 7, "iat": "x", "jti": 1}, None),
    ],
)
def test_claims(changes: dict[str, Any], expected: Rejection | None) -> None:
    assert rejection(signed(**changes)) is expected


def test_the_token_of_a_participant_is_rejected() -> None:
    """It is signed with the same secret, and its owner is anyone who may join a room."""
    grants: dict[str, Any] = {"video": {"room": "acme", "roomJoin": True}, "sha256": None}
    assert rejection(signed(**grants)) is Rejection.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        "a.b.c",
        "..",
        VECTOR[:-1] + "A",
        VECTOR.rpartition(".")[0] + ".",
        "é.é.é",
        "x" * 9000,
        jwt.encode(claims(), "", algorithm="none"),
        jwt.encode(claims(), SECRET * 2, algorithm="HS512"),
    ],
)
def test_other_tokens_are_rejected(token: str) -> None:
    assert rejection(delivery(VECTOR_BODY, authorization=token)) is Rejection.WRONG_SIGNATURE


def test_a_token_of_another_algorithm_with_the_right_secret_is_rejected() -> None:
    assert rejection(signed(secret=SECRET * 2, algorithm="HS512"), SECRET * 2) is Rejection.WRONG_SIGNATURE


def test_a_changed_body_a_missing_token_and_a_missing_secret() -> None:
    changed = Delivery(method="POST", headers=signed().headers, body=VECTOR_BODY + b" ")
    assert rejection(changed) is Rejection.WRONG_SIGNATURE
    assert rejection(delivery(VECTOR_BODY)) is Rejection.NO_SIGNATURE
    assert rejection(delivery(VECTOR_BODY, authorization="Bearer ")) is Rejection.NO_SIGNATURE
    assert rejection(signed(), "", " ") is Rejection.NOT_CONFIGURED


def test_an_egress_that_is_complete() -> None:
    found = read(ended())
    assert (found.kind, found.outcome, found.delivery_id) == ("egress_ended", Outcome.MEDIA, "EV_test0001")
    assert (found.recording_id, found.title, found.occurred_at) == ("EG_test0001", "acme-weekly", later(0))
    (media,) = found.media
    assert media.stored == ProviderObject(bucket="livekit-out", key="acme/weekly.mp4")
    assert (media.name, media.kind, media.is_main) == ("video", ArtifactKind.VIDEO, True)
    assert (media.url, media.size_bytes) == (None, 50331648)


def test_protojson_may_use_numbers_and_the_names_of_the_definition() -> None:
    info = {
        "egress_id": "EG_test0001",
        "room_name": "acme-weekly",
        "status": 3,
        "file_results": [FILE | {"size": 7}],
        "a_field_of_tomorrow": {"x": [1]},
    }
    body = {"event": "egress_ended", "id": "EV_test0001", "created_at": TIME, "egress_info": info}
    found = read(json.dumps(body).encode())
    assert (found.recording_id, found.title, found.occurred_at) == ("EG_test0001", "acme-weekly", later(0))
    assert found.media[0].size_bytes == 7


@pytest.mark.parametrize("file", [{"file": FILE}, {"file": FILE, "fileResults": [FILE]}])
def test_older_servers_fill_the_deprecated_field(file: dict[str, Any]) -> None:
    assert len(read(ended(**{"fileResults": None, **file})).media) == 1


@pytest.mark.parametrize(
    ("status", "name"), [("EGRESS_FAILED", "FAILED"), ("EGRESS_ABORTED", "ABORTED"), (4, "FAILED"), (5, "ABORTED")]
)
def test_an_egress_that_failed(status: str | int, name: str) -> None:
    error = "upload failed:\nPUT https://out.example.test/a.mp4?X-Amz-Signature=0123 403"
    found = read(ended(status=status, error=error))
    assert (found.outcome, found.media) == (Outcome.FAILED, ())
    assert found.failure.startswith(f"EGRESS_{name}: upload failed: PUT")
    assert "0123" not in found.failure


@pytest.mark.parametrize("status", ["EGRESS_LIMIT_REACHED", 6, "EGRESS_OF_TOMORROW", None, [], {}, True])
def test_all_other_ends_have_files(status: Any) -> None:
    assert read(ended(status=status)).outcome is Outcome.MEDIA


def test_azure_is_reported_in_words() -> None:
    file = FILE | {"location": "https://acct.blob.core.windows.net/out/acme/weekly.mp4"}
    found = read(ended(fileResults=[file]))
    assert (found.outcome, found.media) == (Outcome.FAILED, ())
    assert "Azure Blob Storage" in found.failure


def test_an_egress_without_files_concerns_no_recording() -> None:
    assert read(ended(fileResults=[], segmentResults=[{"playlistName": "a.m3u8"}])).outcome is Outcome.IGNORED
    assert read(ended(), ArtifactKind.TRANSCRIPT).outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "video"),
        ({"fileResults": [FILE | {"filename": "a.OGG", "location": ""}]}, "audio"),
        ({"roomComposite": {"audioOnly": True}}, "audio"),
        ({"web": {"audioOnly": True}}, "audio"),
        ({"trackComposite": {"audioTrackId": "TR_1"}}, "audio"),
        ({"trackComposite": {"audioTrackId": "TR_1", "videoTrackId": "TR_2"}}, "video"),
        ({"roomComposite": {"audioOnly": "true"}}, "video"),
    ],
)
def test_audio_is_known_by_its_suffix_or_its_request(changes: dict[str, Any], name: str) -> None:
    assert read(ended(**changes)).media[0].name == name


def test_several_files_have_different_names_and_one_is_required() -> None:
    files = [FILE | {"filename": name, "location": ""} for name in ("a.mp4", "b.mp4", "c.mp3", "d.mp4")]
    media = read(ended(fileResults=files)).media
    assert [(m.name, m.is_main) for m in media] == [
        ("video", True),
        ("video-2", False),
        ("audio", False),
        ("video-3", False),
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("egress_started", "egress_started"), ("room_finished", "room_finished"), ("new", "unknown")]
)
def test_other_events_are_ignored(name: str, kind: str) -> None:
    found = read(json.dumps({"event": name, "id": "EV_1"}).encode())
    assert (found.kind, found.outcome) == (kind, Outcome.IGNORED)


@pytest.mark.parametrize("body", [b"\xff\xfe", b"null", VECTOR_BODY, ended(egressId=""), ended(egressId="x" * 513)])
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        LiveKit().read(delivery(body), [], ALL_KINDS)


def test_there_is_no_api() -> None:
    assert not LiveKit.has_api
    assert LiveKit().fetch_media("EG_test0001", ScriptedApi(responses=[]), ALL_KINDS) == ()
