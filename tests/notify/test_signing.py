"""Signatures of Standard Webhooks, as the library of the receivers verifies them."""

from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook

from recording_operator.notify.signing import SigningKeyError, signed_headers, signing_keys
from tests.support.sinks import KEY, NEXT_KEY

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = "msg_2zRecOpTest0000000000000001"
BODY = b'{"event":"bot.completed","data":{"bot_id":"9b2d1a54-6c0e-4f7a-8d51-0e6f2a7c3b10"}}'


def test_the_published_vector() -> None:
    headers = signed_headers(BODY, event_id=ID, keys=signing_keys([KEY.encode()]), at=AT)

    assert headers == {
        "webhook-id": ID,
        "webhook-timestamp": "1767225600",
        "webhook-signature": "v1,a6QAyXjM+dJ1j+0NGSsK5kfgKNF4aiOMlml1ETSmrAo=",  # pragma: allowlist secret
    }


def test_each_key_signs_so_a_receiver_may_have_the_old_or_the_new_one() -> None:
    keys = signing_keys([KEY.encode(), f"{NEXT_KEY}\n".encode()])
    headers = signed_headers(BODY, event_id=ID, keys=keys, at=datetime.now(UTC))

    for key in (KEY, NEXT_KEY):
        assert Webhook(key).verify(BODY, headers)


def test_a_later_attempt_has_the_same_id_and_another_time() -> None:
    keys = signing_keys([KEY.encode()])
    first = signed_headers(BODY, event_id=ID, keys=keys, at=AT)
    later = signed_headers(BODY, event_id=ID, keys=keys, at=AT.replace(hour=5))

    assert first["webhook-id"] == later["webhook-id"]
    assert first["webhook-timestamp"] != later["webhook-timestamp"]
    assert first["webhook-signature"] != later["webhook-signature"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "has no key"),
        ([b""], "is not a signing key"),
        ([b"whsec_c2hvcnQ="], "is not a signing key"),
        ([b"hunter2 is my password"], "is not a signing key"),
        ([KEY.encode()] * 9, "at most 8"),
    ],
)
def test_what_is_no_key_is_rejected_without_showing_it(values: list[bytes], words: str) -> None:
    with pytest.raises(SigningKeyError, match=words) as caught:
        signing_keys(values)

    assert "hunter2" not in str(caught.value)
