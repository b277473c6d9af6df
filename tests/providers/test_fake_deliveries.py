"""The fakes sign as the providers do. The expected values were computed with the libraries `svix` and PyJWT."""

import pytest

from tests.support.fake_providers.signing import Scheme, forgeries, signed

AT_S = 1767225600
BOT = b'{"event":"bot.completed","data":{"bot_id":"9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"}}'
MEETING = b'{"event":"meeting.transcribed","timestamp":1767225600000,"meeting_id":"01TESTMEETING"}'
EGRESS = b'{"event":"egress_ended","id":"EV_test"}'
SECRETS = {
    Scheme.SVIX: "whsec_cmVjb3JkaW5nLW9wZXJhdG9yLXRlc3Qtc2VjcmV0LTE=",  # pragma: allowlist secret
    Scheme.ZOOM: "zoom-secret-token-for-tests",
    Scheme.FIREFLIES: "fireflies-secret",
    Scheme.LIVEKIT: "livekit-test-secret-livekit-test-secret",
}
TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."  # pragma: allowlist secret
    "eyJpc3MiOiJBUEl0ZXN0a2V5IiwibmJmIjoxNzY3MjI1NjAwLCJleHAiOjE3NjcyMjU5MDAsInNoYTI1NiI6InFzdmJPeDVTVHhkUmtzbHgzM0p1d2h"
    "UaXR5SDYvWFRPMkdoQ25OWUJUQXM9In0."
    "W2aZBygeNRas2kEVSJp0CZ1DiNFrx2W19x6Mym6JETQ"  # pragma: allowlist secret
)


@pytest.mark.parametrize(
    ("scheme", "body", "name", "value"),
    [
        (Scheme.SVIX, BOT, "svix-signature", "v1,a6QAyXjM+dJ1j+0NGSsK5kfgKNF4aiOMlml1ETSmrAo="),
        (
            Scheme.ZOOM,
            b'{"event":"recording.completed"}',
            "x-zm-signature",
            "v0=6e7273175a3e5c73937b5b035afe7da434a5e98accdbd7b2e1971549530c4666",  # pragma: allowlist secret
        ),
        (
            Scheme.FIREFLIES,
            MEETING,
            "x-hub-signature",
            "sha256=47fe490dd982a49777cf616bc444200b24d59c46e127172c7c0fda41fe7e59fa",  # pragma: allowlist secret
        ),
        (Scheme.LIVEKIT, EGRESS, "authorization", TOKEN),
    ],
)
def test_signatures_are_those_of_the_libraries(scheme: Scheme, body: bytes, name: str, value: str) -> None:
    delivery = signed(scheme, body, secret=SECRETS[scheme], delivery_id="msg_2zRecOpTest0000000000000001", at_s=AT_S)
    assert delivery.headers[name] == value


@pytest.mark.parametrize("scheme", Scheme)
def test_forgeries_differ_from_the_delivery(scheme: Scheme) -> None:
    secret = SECRETS[Scheme.SVIX] if scheme in {Scheme.SVIX, Scheme.STANDARD_WEBHOOKS} else "a-secret-of-tests"
    genuine = signed(scheme, {"event": "x", "data": {}}, secret=secret, at_s=AT_S)
    forged = forgeries(genuine)
    assert len(forged) >= 2
    assert genuine not in forged.values()


def test_static_secrets_are_headers() -> None:
    key = signed(Scheme.MEETINGBAAS_KEY, b"{}", secret="a-key-of-tests", at_s=AT_S)
    callback = signed(Scheme.MEETINGBAAS_CALLBACK, b"{}", secret="a-secret-of-tests", at_s=AT_S, method="PUT")
    assert key.headers["x-meeting-baas-api-key"] == "a-key-of-tests"
    assert (callback.method, callback.headers["x-mb-secret"]) == ("PUT", "a-secret-of-tests")
