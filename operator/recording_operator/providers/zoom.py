"""Zoom: webhooks of cloud recordings, and the API for fresh URLs (Server-to-Server OAuth).

Zoom signs `v0:{x-zm-request-timestamp}:{body}` with the secret token of the app. Every download needs a token too: the
event contains one that is valid for a day.

`endpoint.url_validation` asks for the HMAC of a text with the same secret. This must not help anyone to sign an event.
It does not, for two reasons. The request itself must be signed, as Zoom signs it, so only the owner of the secret gets
a response. And only texts of the documented form are signed: letters, digits, '_' and '-'. What is signed of an event
begins with `v0:`, so no response is the signature of an event.
"""

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.engine.signed_urls import validity_in_url
from recording_operator.providers.api_client import credential
from recording_operator.providers.payload import (
    MOST_TITLE_CHARS,
    identifier,
    instant,
    member,
    object_in,
    objects,
    of_response,
    read_object,
    text,
)
from recording_operator.providers.provider import (
    ApiClient,
    Challenge,
    Delivery,
    DeliveryRejected,
    Event,
    MalformedDelivery,
    Media,
    Outcome,
    ProviderError,
    ReadOptions,
    Rejection,
)
from recording_operator.providers.signatures import TOLERANCE_S, check_hmac
from recording_operator.providers.zoom_files import media_in, of_event

_SIGNATURE: Final = "x-zm-signature"
_TIMESTAMP: Final = "x-zm-request-timestamp"
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_PLAIN_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VALIDATION: Final = "endpoint.url_validation"
_COMPLETED: Final = frozenset({"recording.completed", "recording.transcript_completed"})
_OTHER_EVENTS: Final = frozenset(
    f"recording.{word}"
    for word in (
        *("started", "paused", "resumed", "stopped", "renamed", "trashed", "deleted", "recovered"),
        *("batch_trashed", "batch_deleted", "batch_recovered", "archive_files_completed"),
        *("registration_created", "registration_approved", "registration_denied", "cloud_storage_usage_updated"),
    )
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}")
"""What may be sent as a bearer token (RFC 6750)."""
_TOKEN_TTL_S: Final = 86400
"""The period of validity that is requested for the token for downloads. Zoom permits a week."""


class Zoom:
    """Implements `Provider`. Keys of the Secret in `spec.api.secretRef`: accountId, clientId and clientSecret."""

    default_endpoint = "https://api.zoom.us"
    has_api = True

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """See `Provider`."""
        _check_signature(delivery, secrets)
        if abs(now.timestamp() - int(delivery.headers[_TIMESTAMP])) > TOLERANCE_S:
            raise DeliveryRejected(Rejection.WRONG_TIME)

    def read(self, delivery: Delivery, secrets: Sequence[bytes], options: ReadOptions) -> Event | Challenge:
        """See `Provider`."""
        payload = read_object(delivery.body)
        name = text(payload, "event")
        if name == _VALIDATION:
            return _response_to_validation(payload, delivery, secrets)
        if name not in _COMPLETED:
            return Event(kind=name if name in _OTHER_EVENTS else "unknown", outcome=Outcome.IGNORED, payload=payload)
        return _completed(name, payload, options)

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """See `Provider`."""
        token = _access_token(api)
        query = urlencode({"include_fields": "download_access_token", "ttl": _TOKEN_TTL_S})
        response = api.get_json(
            f"/v2/meetings/{path_segment(recording_id)}/recordings?{query}",
            headers={"Authorization": f"Bearer {token}"},
        )
        with of_response():
            found = object_in(response)
            # The token of this recording, which opens nothing else. The access token opens the whole account.
            download_token = _token(found, "download_access_token") or token
            return _media(objects(found, "recording_files"), download_token, options)


def _check_signature(delivery: Delivery, secrets: Sequence[bytes]) -> None:
    timestamp = delivery.headers.get(_TIMESTAMP, "")
    if timestamp and not _SECONDS.fullmatch(timestamp):
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
    signature = delivery.headers.get(_SIGNATURE, "") if timestamp else ""
    check_hmac(b"v0:%b:%b" % (timestamp.encode(), delivery.body), signature, secrets, prefix="v0=")


def _response_to_validation(payload: Mapping[str, Any], delivery: Delivery, secrets: Sequence[bytes]) -> Challenge:
    plain_token = member(payload, "payload").get("plainToken")
    if not isinstance(plain_token, str) or not _PLAIN_TOKEN.fullmatch(plain_token):
        raise MalformedDelivery("payload.plainToken is not 1 to 64 letters, digits, '_' and '-'.")
    key = _key_of(delivery, secrets)
    encrypted = hmac.new(key, plain_token.encode(), "sha256").hexdigest()
    return Challenge(body={"plainToken": plain_token, "encryptedToken": encrypted})


def _key_of(delivery: Delivery, secrets: Sequence[bytes]) -> bytes:
    """The secret with which the request is signed: while a secret is replaced, Zoom expects its own."""
    for secret in secrets:
        try:
            _check_signature(delivery, [secret])
        except DeliveryRejected:
            continue
        return secret.strip()
    raise MalformedDelivery("The validation of the endpoint is not signed.")


def _completed(name: str, payload: Mapping[str, Any], options: ReadOptions) -> Event:
    recording = member(member(payload, "payload"), "object")
    uuid = identifier(recording, "uuid", field="payload.object.uuid")
    token = _token(payload, "download_token")
    media = of_event(_media(objects(recording, "recording_files"), token, options))
    sent_at = payload.get("event_ts")
    return Event(
        kind=name,
        outcome=Outcome.MEDIA if media else Outcome.IGNORED,
        delivery_id=f"{name}/{sent_at}/{uuid}" if isinstance(sent_at, int) else None,
        recording_id=uuid,
        title=text(recording, "topic", most_chars=MOST_TITLE_CHARS),
        occurred_at=instant(sent_at),
        media=media,
        payload=payload,
    )


def _media(files: Sequence[Mapping[str, Any]], token: str, options: ReadOptions) -> tuple[Media, ...]:
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return media_in(files, options, headers=headers, expires_at=_expiry(token))


def _token(parent: Mapping[str, Any], name: str) -> str:
    """A bearer token; empty if it is missing or something else."""
    found = parent.get(name)
    return found if isinstance(found, str) and _TOKEN.fullmatch(found) else ""


def _expiry(token: str) -> datetime | None:
    """When the token says that it expires. It is not verified, and only a hint: the response of Zoom decides."""
    return validity_in_url(f"https://zoom.us/?token={quote(token, safe='')}").end if token else None


def path_segment(uuid: str) -> str:
    """The UUID of a meeting in a path. Zoom wants it encoded twice if it begins with '/' or contains '//'."""
    once = quote(uuid, safe="")
    return quote(once, safe="") if uuid.startswith("/") or "//" in uuid else once


def _access_token(api: ApiClient) -> str:
    account, client, secret = (credential(api.credentials, name) for name in ("accountId", "clientId", "clientSecret"))
    basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
    try:
        response = api.post_json(
            "/oauth/token",
            headers={"Authorization": f"Basic {basic}"},
            body=urlencode({"grant_type": "account_credentials", "account_id": account}).encode(),
            content_type="application/x-www-form-urlencoded",
            endpoint=token_server(api.endpoint),
        )
    except ProviderError as error:
        if error.reason is not Reason.PROVIDER_HAS_NO_MEDIA and not error.only_this_recording:
            raise
        # Zoom responds with 400 to wrong credentials. No status of this server is about one recording.
        raise ProviderError(
            Reason.PROVIDER_DENIED,
            "Zoom's token server rejected the credentials. Correct accountId, clientId and clientSecret in the Secret "
            "of spec.api, and check that the app is activated.",
        ) from None
    token = _token(response, "access_token") if isinstance(response, dict) else ""
    if not token:
        raise ProviderError(
            Reason.PROVIDER_UNAVAILABLE,
            "Zoom's token server responded without an access token. The request is repeated later.",
        )
    return token


def token_server(endpoint: str) -> str:
    """Zoom's token server is at zoom.us if its API is at api.zoom.us, and likewise for its other domains."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"
