"""How each provider signs a webhook. Written from their documentation, and without the operator's code."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

_JWT_LIFE_S = 300
_HASHES = {"HS256": "sha256", "HS512": "sha512"}


class Scheme(Enum):
    """How a webhook is protected."""

    SVIX = "svix"
    """`svix-*` headers: MeetingBaaS v2 webhooks, older workspaces of Recall."""
    STANDARD_WEBHOOKS = "webhook"
    """`webhook-*` headers: Recall, Generic."""
    MEETINGBAAS_KEY = "x-meeting-baas-api-key"
    """The key of the account in a header: MeetingBaaS v1."""
    MEETINGBAAS_CALLBACK = "x-mb-secret"
    """The secret of the bot's callback in a header: MeetingBaaS v2 callbacks."""
    ZOOM = "zoom"
    FIREFLIES = "fireflies"
    LIVEKIT = "livekit"
    TOKEN = "token"
    """Nothing is signed. The secret is the last segment of the URL's path: Gladia, Generic."""
    HMAC = "hmac"
    """`x-signature: sha256=<hex>`: Generic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedDelivery:
    """A request to the receiver."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    token: str = field(default="", repr=False)
    """Appended to the path of the source."""
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The receiver's response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def signed(
    scheme: Scheme,
    payload: Mapping[str, Any] | bytes,
    *,
    secret: str,
    delivery_id: str = "msg_1",
    at_s: float,
    method: str = "POST",
) -> SignedDelivery:
    """A genuine delivery of `payload` at this time. `secret` is the value in the Secret of the webhook."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {"content-type": "application/json"}
    if scheme is Scheme.LIVEKIT:
        headers["content-type"] = "application/webhook+json"
    if scheme is Scheme.TOKEN:
        return SignedDelivery(headers=headers, body=body, token=secret, method=method)
    headers |= _signature(scheme, body, secret=secret, delivery_id=delivery_id, at_s=int(at_s))
    return SignedDelivery(headers=headers, body=body, method=method)


def forgeries(delivery: SignedDelivery) -> dict[str, SignedDelivery]:
    """What an attacker sends who has seen a delivery but not the secret. None may be accepted."""
    changed = delivery.body.replace(b"}", b',"forged":true}', 1)
    plain = {name: value for name, value in delivery.headers.items() if name == "content-type"}
    if delivery.token:
        return {
            "no token": replace(delivery, token=""),
            "wrong token": replace(delivery, token="0" * len(delivery.token)),
        }
    forged = {"no signature": replace(delivery, headers=plain)}
    for name, value in delivery.headers.items():
        if name != "content-type":
            forged[f"wrong {name}"] = replace(delivery, headers={**delivery.headers, name: _another(value)})
    if not {"x-meeting-baas-api-key", "x-mb-secret"} & set(delivery.headers):
        forged["changed body"] = replace(delivery, body=changed)
    return forged


def send(url: str, delivery: SignedDelivery, *, timeout_s: float = 30) -> Reply:
    """Send to the URL of a source. Raises OSError if there is no response."""
    parts = urlsplit(url)
    path = f"{parts.path}/{quote(delivery.token, safe='')}" if delivery.token else parts.path
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request(delivery.method, path, body=delivery.body, headers=dict(delivery.headers))
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(status=response.status, headers=headers, body=response.read())
    finally:
        connection.close()


def jwt(claims: Mapping[str, Any], key: bytes, *, algorithm: str = "HS256") -> str:
    """A signed JSON Web Token (RFC 7519)."""
    head = _b64url(json.dumps({"alg": algorithm, "typ": "JWT"}, separators=(",", ":")).encode())
    text = f"{head}.{_b64url(json.dumps(claims, separators=(',', ':')).encode())}"
    return f"{text}.{_b64url(hmac.digest(key, text.encode(), _HASHES[algorithm]))}"


def _signature(scheme: Scheme, body: bytes, *, secret: str, delivery_id: str, at_s: int) -> dict[str, str]:
    key = secret.encode()
    if scheme in {Scheme.SVIX, Scheme.STANDARD_WEBHOOKS}:
        name = scheme.value
        text = f"{delivery_id}.{at_s}.".encode() + body
        value = base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), text, "sha256")).decode()
        return {f"{name}-id": delivery_id, f"{name}-timestamp": str(at_s), f"{name}-signature": f"v1,{value}"}
    if scheme is Scheme.ZOOM:
        value = hmac.digest(key, f"v0:{at_s}:".encode() + body, "sha256").hex()
        return {"x-zm-request-timestamp": str(at_s), "x-zm-signature": f"v0={value}"}
    if scheme is Scheme.LIVEKIT:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        claims = {"iss": "APItestkey", "nbf": at_s, "exp": at_s + _JWT_LIFE_S, "sha256": digest}
        return {"authorization": jwt(claims, key)}
    if scheme is Scheme.FIREFLIES:
        return {"x-hub-signature": f"sha256={hmac.digest(key, body, 'sha256').hex()}"}
    if scheme is Scheme.HMAC:
        return {"x-signature": f"sha256={hmac.digest(key, body, 'sha256').hex()}"}
    return {scheme.value: secret}


def _another(value: str) -> str:
    """A value of the same form that is not this one. Not at the end: the last bits of Base64 may mean nothing."""
    middle = len(value) // 2
    return f"{value[:middle]}{'1' if value[middle] == '0' else '0'}{value[middle + 1 :]}"


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
