"""Genuine deliveries pass, and others are rejected: the vectors of several providers, and forgeries of them."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from recording_operator.providers.provider import Delivery, DeliveryRejected, Rejection
from recording_operator.providers.signatures import (
    Encoding,
    check_hmac,
    signed_headers,
    verify_fixed_header,
    verify_hmac,
    verify_standard,
)
from tests.support.deliveries import (
    MESSAGE_ID,
    NOW,
    OTHER_SECRET,
    SVIX_SECRET,
    VECTOR_BODY,
    VECTOR_SIGNATURE,
    any_headers,
    delivery,
    signed,
    standard_signature,
)

FIREFLIES_BODY = b'{"event":"meeting.transcribed","timestamp":1767225600000,"meeting_id":"01TESTMEETING"}'
FIREFLIES_SIGNATURE = "sha256=47fe490dd982a49777cf616bc444200b24d59c46e127172c7c0fda41fe7e59fa"
TIMESTAMP = "1767225600"


def vector(**changed: str) -> Delivery:
    """The vector of Standard Webhooks, with other values of headers."""
    values = {"id": MESSAGE_ID, "timestamp": TIMESTAMP, "signature": VECTOR_SIGNATURE} | changed
    return delivery(VECTOR_BODY, {f"webhook-{name}": value for name, value in values.items()})


def rejection(sent: Delivery, secrets: list[bytes] | None = None) -> Rejection:
    with pytest.raises(DeliveryRejected) as caught:
        verify_standard(sent, [SVIX_SECRET] if secrets is None else secrets, now=NOW)
    return caught.value.rejection


def test_the_vector_of_standard_webhooks() -> None:
    verify_standard(vector(), [SVIX_SECRET], now=NOW)


def test_the_headers_of_svix() -> None:
    verify_standard(signed(VECTOR_BODY, family="svix"), [SVIX_SECRET], now=NOW)


def test_the_library_of_standard_webhooks_signs_the_same() -> None:
    assert Webhook(SVIX_SECRET.decode()).sign(MESSAGE_ID, NOW, VECTOR_BODY.decode()) == VECTOR_SIGNATURE
    assert standard_signature(VECTOR_BODY, message_id=MESSAGE_ID, timestamp=TIMESTAMP) == VECTOR_SIGNATURE


def test_each_of_several_secrets_is_valid_while_they_rotate() -> None:
    for secrets in ([SVIX_SECRET, OTHER_SECRET], [OTHER_SECRET, SVIX_SECRET + b"\n"], [b"", b"no", SVIX_SECRET]):
        verify_standard(vector(), secrets, now=NOW)


def test_the_prefix_of_a_secret_is_optional() -> None:
    verify_standard(vector(), [SVIX_SECRET.removeprefix(b"whsec_")], now=NOW)


def test_two_signatures_of_which_only_the_second_matches() -> None:
    other = standard_signature(VECTOR_BODY, secret=OTHER_SECRET, message_id=MESSAGE_ID, timestamp=TIMESTAMP)
    verify_standard(vector(signature=f"{other} v1a,abc {VECTOR_SIGNATURE}"), [SVIX_SECRET], now=NOW)


@pytest.mark.parametrize("shift_s", [-300, 300])
def test_a_time_within_five_minutes(shift_s: int) -> None:
    verify_standard(vector(), [SVIX_SECRET], now=NOW + timedelta(seconds=shift_s))


@pytest.mark.parametrize("age_s", [-301, 301])
def test_w4_a_time_that_is_five_minutes_and_a_second_away(age_s: int) -> None:
    assert rejection(signed(VECTOR_BODY, age_s=age_s)) is Rejection.WRONG_TIME


@pytest.mark.parametrize(
    "signature",
    ["garbage", "v1,a,b", "v1,", ",", "v1", " ", "v1,\udc80", "v1,é", VECTOR_SIGNATURE[:-1], VECTOR_SIGNATURE + "=",
     VECTOR_SIGNATURE.replace("v1", "v2"), VECTOR_SIGNATURE.removeprefix("v1,")],
)  # fmt: skip
def test_w3_signatures_that_do_not_match(signature: str) -> None:
    assert rejection(vector(signature=signature)) in {Rejection.WRONG_SIGNATURE, Rejection.NO_SIGNATURE}


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1e9", "٣", "1767225600.0", "9" * 400, " 1767225600"])
def test_w3_times_that_are_no_number(timestamp: str) -> None:
    assert rejection(vector(timestamp=timestamp)) in {Rejection.WRONG_SIGNATURE, Rejection.NO_SIGNATURE}


def test_w3_a_signature_of_another_body_id_time_or_secret() -> None:
    changed = Delivery(method="POST", headers=vector().headers, body=VECTOR_BODY + b" ")
    for sent in (changed, vector(id="msg_2"), vector(timestamp="1767225601"), vector(id="é"), vector(id="\udc80")):
        assert rejection(sent) is Rejection.WRONG_SIGNATURE
    assert rejection(vector(), [OTHER_SECRET]) is Rejection.WRONG_SIGNATURE


def test_a_body_that_is_no_text_can_be_signed() -> None:
    verify_standard(signed(b"\xff\xfe"), [SVIX_SECRET], now=NOW)


@pytest.mark.parametrize("secrets", [[], [b""], [b"whsec_"], [b"whsec_c2hvcnQ="], [b"whsec_not base64!"], [b"\xff"]])
def test_without_a_usable_secret_nothing_is_genuine(secrets: list[bytes]) -> None:
    empty_key = standard_signature(VECTOR_BODY, secret=b"", message_id=MESSAGE_ID, timestamp=TIMESTAMP)
    assert rejection(vector(signature=empty_key), secrets) is Rejection.NOT_CONFIGURED


def test_without_headers() -> None:
    assert rejection(delivery(VECTOR_BODY)) is Rejection.NO_SIGNATURE


def test_headers_that_are_not_covered_by_the_signature_do_not_name_the_delivery() -> None:
    genuine = signed(VECTOR_BODY, family="svix", extra={"webhook-id": "another"})
    verify_standard(genuine, [SVIX_SECRET], now=NOW)
    found = signed_headers(genuine.headers)
    assert found is not None
    assert found.message_id == MESSAGE_ID
    added = {"webhook-id": "another", "webhook-timestamp": TIMESTAMP, "webhook-signature": "v1,x"}
    assert rejection(signed(VECTOR_BODY, family="svix", extra=added)) is Rejection.WRONG_SIGNATURE


def test_the_vector_of_fireflies() -> None:
    for signature in (FIREFLIES_SIGNATURE, "sha256=" + FIREFLIES_SIGNATURE.removeprefix("sha256=").upper()):
        sent = delivery(FIREFLIES_BODY, {"x-hub-signature": signature})
        verify_hmac(sent, [b"no", b"fireflies-secret\n"], header="X-Hub-Signature", prefix="sha256=")


def test_the_vector_of_zoom() -> None:
    message = b'v0:1767225600:{"event":"recording.completed"}'
    signature = "v0=6e7273175a3e5c73937b5b035afe7da434a5e98accdbd7b2e1971549530c4666"
    check_hmac(message, signature, [b"zoom-secret-token-for-tests"], prefix="v0=")


def test_an_hmac_in_base64() -> None:
    signature = "UVquEztDXUAAlWcx9orlz164XU8NxqVG0r/NNZXsGuE="
    check_hmac(b"body", signature, [b"key"], encoding=Encoding.BASE64)


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha1=00", FIREFLIES_SIGNATURE[7:], FIREFLIES_SIGNATURE[:-1], "é"]
)
def test_an_hmac_that_does_not_match(signature: str) -> None:
    sent = delivery(FIREFLIES_BODY, {"x-hub-signature": signature})
    with pytest.raises(DeliveryRejected):
        verify_hmac(sent, [b"fireflies-secret"], header="x-hub-signature", prefix="sha256=")


def test_a_fixed_header() -> None:
    sent = delivery(b"{}", {"x-mb-secret": "s3cret"})
    verify_fixed_header(sent, [b"old", b"s3cret\n"], header="x-mb-secret")
    for secrets in ([b"s3cre"], [b"s3cret1"]):
        with pytest.raises(DeliveryRejected, match="wrong_signature"):
            verify_fixed_header(sent, secrets, header="x-mb-secret")
    with pytest.raises(DeliveryRejected, match="not_configured"):
        verify_fixed_header(delivery(b"{}", {"x-mb-secret": ""}), [b"\n"], header="x-mb-secret")


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=50), headers=any_headers, secrets=st.lists(st.binary(max_size=60), max_size=3))
def test_whatever_arrives_nothing_is_raised_but_a_rejection(
    body: bytes, headers: dict[str, str], secrets: list[bytes]
) -> None:
    sent = delivery(body, headers)
    for tried in (secrets, [*secrets, SVIX_SECRET]):
        with pytest.raises(DeliveryRejected):
            verify_standard(sent, tried, now=NOW)
        for encoding in Encoding:
            with pytest.raises(DeliveryRejected):
                verify_hmac(sent, tried, header="X-Signature", encoding=encoding)
    with pytest.raises(DeliveryRejected):
        verify_fixed_header(sent, [SVIX_SECRET], header="X-Mb-Secret")
