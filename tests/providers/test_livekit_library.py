"""LiveKit's own library: what it signs is accepted, and what it writes is read."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.json_format import MessageToJson
from livekit.api import AccessToken, TokenVerifier, WebhookReceiver
from livekit.protocol.egress import EGRESS_COMPLETE, EgressInfo, EgressStatus, FileInfo
from livekit.protocol.webhook import WebhookEvent

from recording_operator.providers.livekit import LiveKit
from recording_operator.providers.provider import Outcome, ProviderObject
from tests.providers.deliveries import ALL_KINDS, TIME, delivery, event, later

KEY = "APItestkey"
SECRET = "livekit-test-secret-livekit-test-secret"  # pragma: allowlist secret
FILE = FileInfo(
    filename="acme/weekly.mp4", size=50331648, location="https://livekit-out.s3.amazonaws.com/acme/weekly.mp4"
)


def ended(status: EgressStatus = EGRESS_COMPLETE) -> WebhookEvent:
    info = EgressInfo(egress_id="EG_1", room_name="weekly", status=status, error="disk full", file_results=[FILE])
    return WebhookEvent(event="egress_ended", id="EV_1", created_at=TIME, egress_info=info)


def signed_token(body: str) -> str:
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    return AccessToken(KEY, SECRET).with_ttl(timedelta(minutes=5)).with_sha256(digest).to_jwt()


def test_a_token_of_the_library_is_accepted() -> None:
    body = MessageToJson(ended())
    LiveKit().verify(
        delivery(body.encode(), authorization=signed_token(body)), [SECRET.encode()], now=datetime.now(UTC)
    )


def test_the_library_accepts_what_the_published_vector_is_made_of() -> None:
    """So the token of this test and the checks of the library agree on the claims."""
    body = MessageToJson(ended())
    assert WebhookReceiver(TokenVerifier(KEY, SECRET)).receive(body, signed_token(body)).egress_info.egress_id == "EG_1"


@pytest.mark.parametrize("preserving_names", [False, True])
@pytest.mark.parametrize("enums_as_numbers", [False, True])
def test_every_form_of_protojson_is_read(preserving_names: bool, enums_as_numbers: bool) -> None:
    body = MessageToJson(
        ended(), preserving_proto_field_name=preserving_names, use_integers_for_enums=enums_as_numbers
    ).encode()
    found = event(LiveKit().read(delivery(body), [], ALL_KINDS))
    assert (found.delivery_id, found.recording_id, found.title) == ("EV_1", "EG_1", "weekly")
    assert (found.outcome, found.occurred_at) == (Outcome.MEDIA, later(0))
    (media,) = found.media
    assert media.stored == ProviderObject(bucket="livekit-out", key="acme/weekly.mp4")
    assert media.size_bytes == 50331648


@pytest.mark.parametrize("enums_as_numbers", [False, True])
@pytest.mark.parametrize("status", EgressStatus.values())
def test_every_status_of_the_library_has_an_outcome(status: EgressStatus, enums_as_numbers: bool) -> None:
    body = MessageToJson(ended(status), use_integers_for_enums=enums_as_numbers).encode()
    failed = EgressStatus.Name(status) in {"EGRESS_FAILED", "EGRESS_ABORTED"}
    found = event(LiveKit().read(delivery(body), [], ALL_KINDS))
    assert found.outcome is (Outcome.FAILED if failed else Outcome.MEDIA)
    assert found.failure == (f"{EgressStatus.Name(status)}: disk full" if failed else "")
