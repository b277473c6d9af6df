"""LiveKit: webhooks of egress. The recording is in a bucket already, so there is no URL and no API.

The token in `Authorization` is a JSON Web Token of the webhook's API key, with the SHA-256 of the body in the claim
`sha256`. Each value of the Secret is the secret of one API key; the name of the key in the Secret should be the API
key. A token is believed because one of the secrets signed it; the claim `iss`, which names the API key, must be there,
and does not decide anything. Tokens of participants are signed with the same secret, but none has a claim `sha256`.

The body is protojson: names in camel case, or as in the protobuf definition; 64-bit numbers as text or number; enums
by name or number; unknown fields are ignored.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

import jwt
from jwt.types import Options

from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.livekit_locations import UnsupportedLocation, stored_object
from recording_operator.providers.payload import (
    MOST_TITLE_CHARS,
    failure_text,
    identifier,
    instant,
    member,
    objects,
    read_object,
    size,
    text,
)
from recording_operator.providers.provider import (
    ApiClient,
    Challenge,
    Delivery,
    DeliveryRejected,
    Event,
    Media,
    Outcome,
    ReadOptions,
    Rejection,
)
from recording_operator.providers.signatures import TOLERANCE_S, usable_secrets

_LONGEST_TOKEN: Final = 8192
_LONGEST_VALIDITY_S: Final = 600
"""LiveKit's tokens are valid for five minutes. One that is valid for years could be sent again for years."""
_OTHER_EVENTS: Final = frozenset(
    {"room_started", "room_finished", "participant_joined", "participant_left", "participant_connection_aborted"}
    | {"track_published", "track_unpublished", "egress_started", "egress_updated", "ingress_started", "ingress_ended"}
)
_ENDED: Final = "egress_ended"
_STATUS_NAMES: Final = {4: "EGRESS_FAILED", 5: "EGRESS_ABORTED"}
_FAILED: Final = frozenset(_STATUS_NAMES.values())
"""LIMIT_REACHED is none of these: what was recorded until then is stored."""
_ONLY_SIGNATURE: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}
_AUDIO_SUFFIXES: Final = frozenset({".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".wav", ".flac"})
_MOST_FILES: Final = 64
_MOST_LOCATION_CHARS: Final = 4096


class LiveKit:
    """Implements `Provider`."""

    default_endpoint = ""
    has_api = False

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """See `Provider`."""
        keys = usable_secrets(secrets)
        token = delivery.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not token:
            raise DeliveryRejected(Rejection.NO_SIGNATURE)
        claims = _verified_claims(token, keys)
        digest = base64.b64encode(hashlib.sha256(delivery.body).digest())
        claimed = claims.get("sha256")
        if not isinstance(claimed, str) or not hmac.compare_digest(claimed.encode("utf-8", "replace"), digest):
            raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
        _check_time(claims, now.timestamp())

    def read(
        self,
        delivery: Delivery,
        secrets: Sequence[bytes],  # noqa: ARG002 - of the interface
        options: ReadOptions,
    ) -> Event | Challenge:
        """See `Provider`."""
        payload = read_object(delivery.body)
        name = text(payload, "event")
        if name != _ENDED:
            return Event(kind=name if name in _OTHER_EVENTS else "unknown", outcome=Outcome.IGNORED, payload=payload)
        return _ended(payload, options)

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:  # noqa: ARG002 - of the interface
        """LiveKit has no API for files: they are in the bucket."""
        return ()


def _verified_claims(token: str, keys: Sequence[bytes]) -> Mapping[str, Any]:
    verified = [claims for key in keys if (claims := _claims(token, key)) is not None]
    if not verified or not isinstance(verified[0].get("iss"), str) or not verified[0]["iss"]:
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
    return verified[0]


def _claims(token: str, key: bytes) -> Mapping[str, Any] | None:
    """The claims if `key` signed them. Their times are checked later, by the receiver's clock."""
    if len(token) > _LONGEST_TOKEN:
        return None
    try:
        return jwt.decode(token, key, algorithms=["HS256"], options=_ONLY_SIGNATURE)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    expires, begins = _seconds(claims.get("exp")), _seconds(claims.get("nbf", claims.get("iat", 0)))
    if expires is None or begins is None:
        raise DeliveryRejected(Rejection.WRONG_SIGNATURE)
    if now > expires or expires - now > _LONGEST_VALIDITY_S or begins - now > TOLERANCE_S:
        raise DeliveryRejected(Rejection.WRONG_TIME)


def _seconds(value: object) -> float | None:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**12 else None
    )


def _ended(payload: Mapping[str, Any], options: ReadOptions) -> Event:
    info = member(payload, _key(payload, "egressInfo"))
    event = Event(
        kind=_ENDED,
        outcome=Outcome.IGNORED,
        delivery_id=text(payload, "id") or None,
        recording_id=identifier(info, _key(info, "egressId"), field="egressInfo.egressId"),
        title=text(info, _key(info, "roomName"), most_chars=MOST_TITLE_CHARS),
        occurred_at=instant(payload.get(_key(payload, "createdAt"))),
        payload=payload,
    )
    status = _status(info.get("status"))
    if status in _FAILED:
        return replace(
            event,
            outcome=Outcome.FAILED,
            failure=failure_text(status, text(info, "error", most_chars=_MOST_LOCATION_CHARS)),
        )
    try:
        media = _media(info, options)
    except UnsupportedLocation as error:
        return replace(event, outcome=Outcome.FAILED, failure=failure_text("", str(error)))
    return replace(event, outcome=Outcome.MEDIA, media=media) if media else event


def _status(value: object) -> str:
    return _STATUS_NAMES.get(value, "") if isinstance(value, int) else str(value)


def _media(info: Mapping[str, Any], options: ReadOptions) -> tuple[Media, ...]:
    """The files of the egress. Segments and images are not files of a recording: they are left where they are."""
    files = objects(info, _key(info, "fileResults")) or ([file] if (file := member(info, "file")) else [])
    found: list[Media] = []
    for file in files[:_MOST_FILES]:
        stored = stored_object(_exact_text(file, "location"), _exact_text(file, "filename"))
        kind = ArtifactKind.AUDIO if _is_audio(info, stored.key) else ArtifactKind.VIDEO
        if kind in options.kinds:
            count = sum(media.kind is kind for media in found)
            found.append(
                Media(
                    name=kind.value.lower() + (f"-{count + 1}" if count else ""),
                    kind=kind,
                    stored=stored,
                    size_bytes=size(file.get("size")) or None,
                    is_main=not found,
                )
            )
    return tuple(found)


def _exact_text(parent: Mapping[str, Any], name: str) -> str:
    """A text without any change, because a key may contain spaces in a row."""
    found = parent.get(name)
    return found if isinstance(found, str) and len(found) <= _MOST_LOCATION_CHARS else ""


def _is_audio(info: Mapping[str, Any], key: str) -> bool:
    if PurePosixPath(key).suffix.lower() in _AUDIO_SUFFIXES:
        return True
    composite = member(info, _key(info, "roomComposite")) or member(info, "web")
    tracks = member(info, _key(info, "trackComposite"))
    only_audio_track = bool(tracks.get(_key(tracks, "audioTrackId"))) and not tracks.get(_key(tracks, "videoTrackId"))
    return composite.get(_key(composite, "audioOnly")) is True or only_audio_track


def _key(parent: Mapping[str, Any], camel: str) -> str:
    """The name of a field as it is in `parent`: in camel case, or as in the protobuf definition."""
    return camel if camel in parent else re.sub(r"(?<!^)([A-Z])", r"_\1", camel).lower()
