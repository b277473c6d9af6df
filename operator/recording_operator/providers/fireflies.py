"""Fireflies: transcripts of meetings, and the recordings of them.

Fireflies signs the body with HMAC-SHA256 if a signing secret is set on its page; a source without one rejects all
deliveries. No time is signed. A delivery that is sent again changes nothing, because the Recording is there already.

Events contain no URL. The API has one endpoint, for GraphQL. The transcript and the summary are in its response, so
they are content and not URLs.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.api_client import credential
from recording_operator.providers.payload import (
    identifier,
    instant,
    member,
    object_in,
    objects,
    of_response,
    read_object,
    text,
    url,
)
from recording_operator.providers.provider import (
    ApiClient,
    Challenge,
    Delivery,
    Event,
    Media,
    Outcome,
    ProviderError,
    ReadOptions,
)
from recording_operator.providers.signatures import verify_hmac

_TRANSCRIBED: Final = "meeting.transcribed"
_SUMMARIZED: Final = "meeting.summarized"
_VERSION_1: Final = "Transcription completed"
_OTHER_EVENTS: Final = frozenset({"meeting.bot_joined"})
_NAMES: Final = {
    ArtifactKind.AUDIO: "audio",
    ArtifactKind.VIDEO: "video",
    ArtifactKind.TRANSCRIPT: "transcript",
    ArtifactKind.SUMMARY: "summary",
}
"""The first one that is wanted is required. Many plans have no video, and its URL is often null."""
_FIELDS: Final = {
    ArtifactKind.AUDIO: "audio_url",
    ArtifactKind.VIDEO: "video_url",
    ArtifactKind.TRANSCRIPT: "sentences{index speaker_id speaker_name text raw_text start_time end_time}",
    ArtifactKind.SUMMARY: "summary{overview action_items keywords outline shorthand_bullet bullet_gist}",
}
_MEETING_FIELDS: Final = ("id", "title", "date", "duration", "organizer_email")
_CONTENT: Final = {ArtifactKind.TRANSCRIPT: "sentences", ArtifactKind.SUMMARY: "summary"}
_URLS: Final = {ArtifactKind.AUDIO: "audio_url", ArtifactKind.VIDEO: "video_url"}
_DENIED: Final = frozenset({"auth_failed", "account_cancelled", "paid_required"})
_MEETING_DENIED: Final = frozenset({"forbidden", "require_elevated_privilege", "not_in_team"})
_NOT_FOUND: Final = frozenset({"object_not_found", "invalid_arguments"})
_TOO_MANY: Final = "too_many_requests"


class Fireflies:
    """Implements `Provider`. Key of the Secret in `spec.api.secretRef`: apiKey."""

    default_endpoint = "https://api.fireflies.ai"
    has_api = True

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:  # noqa: ARG002 - of the interface
        """See `Provider`."""
        verify_hmac(delivery, secrets, header="x-hub-signature", prefix="sha256=")

    def read(
        self,
        delivery: Delivery,
        secrets: Sequence[bytes],  # noqa: ARG002 - of the interface
        options: ReadOptions,
    ) -> Event | Challenge:
        """See `Provider`."""
        payload = read_object(delivery.body)
        name = text(payload, "event")
        if name in {_TRANSCRIBED, _SUMMARIZED}:
            return _event(name, identifier(payload, "meeting_id", field="meeting_id"), payload, options)
        if text(payload, "eventType") == _VERSION_1:
            return _event(_TRANSCRIBED, identifier(payload, "meetingId", field="meetingId"), payload, options)
        return Event(kind=name if name in _OTHER_EVENTS else "unknown", outcome=Outcome.IGNORED, payload=payload)

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """See `Provider`."""
        kinds = [kind for kind in _NAMES if kind in options.kinds]
        with of_response():
            response = object_in(
                api.post_json(
                    "/graphql",
                    headers={"Authorization": f"Bearer {credential(api.credentials, 'apiKey')}"},
                    body=_query(recording_id, kinds),
                    content_type="application/json",
                )
            )
            meeting = member(member(response, "data"), "transcript")
            if not meeting:
                raise _error(response)
            return tuple(media for kind in kinds if (media := _media(kind, meeting)) is not None)


def _event(name: str, meeting_id: str, payload: Mapping[str, Any], options: ReadOptions) -> Event:
    """The summary is ready later than the rest, so it belongs to its own event."""
    is_summary = name == _SUMMARIZED
    kinds = [k for k in _NAMES if k in options.kinds and (k is ArtifactKind.SUMMARY) == is_summary]
    main = _main_kind(options)
    media = tuple(Media(name=_NAMES[kind], kind=kind, is_main=kind is main) for kind in kinds)
    sent_at = payload.get("timestamp")
    return Event(
        kind=name,
        outcome=Outcome.MEDIA if media else Outcome.IGNORED,
        delivery_id=f"{name}/{sent_at}/{meeting_id}" if isinstance(sent_at, int) else None,
        recording_id=meeting_id,
        occurred_at=instant(sent_at),
        media=media,
        payload=payload,
    )


def _main_kind(options: ReadOptions) -> ArtifactKind | None:
    return next((kind for kind in _NAMES if kind in options.kinds), None)


def _query(meeting_id: str, kinds: Sequence[ArtifactKind]) -> bytes:
    fields = " ".join((*_MEETING_FIELDS, *(_FIELDS[kind] for kind in kinds)))
    query = f"query($id:String!){{transcript(id:$id){{{fields}}}}}"
    return json.dumps({"query": query, "variables": {"id": meeting_id}}).encode()


def _media(kind: ArtifactKind, meeting: Mapping[str, Any]) -> Media | None:
    if kind in _URLS:
        address = url(meeting, _URLS[kind], field=_URLS[kind])
        return Media(name=_NAMES[kind], kind=kind, url=address) if address else None
    found = meeting.get(_CONTENT[kind])
    if not found:
        return None
    document = {name: meeting.get(name) for name in _MEETING_FIELDS} | {_CONTENT[kind]: found}
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Media(name=_NAMES[kind], kind=kind, content=content, content_type="application/json")


def _error(response: Mapping[str, Any]) -> ProviderError:
    """What the errors of GraphQL mean, which come with status 200 too."""
    errors = objects(response, "errors")
    error = errors[0] if errors else {}
    code = text(error, "code") or text(member(error, "extensions"), "code")
    if code in _DENIED:
        return ProviderError(
            Reason.PROVIDER_DENIED, f"Fireflies rejected the request with {code}. Check the API key and its plan."
        )
    if code in _MEETING_DENIED:
        return ProviderError(
            Reason.PROVIDER_DENIED,
            f"Fireflies rejected the request with {code}. Give the owner of the API key access to this meeting.",
            only_this_recording=True,
        )
    if code == _TOO_MANY:
        return ProviderError(
            Reason.PROVIDER_UNAVAILABLE,
            "Fireflies accepts no more requests from this API key for now. The request is repeated later.",
        )
    if code in _NOT_FOUND or not errors:
        return ProviderError(
            Reason.PROVIDER_HAS_NO_MEDIA, "Fireflies has no meeting with this id. Check that the API key may read it."
        )
    return ProviderError(
        Reason.PROVIDER_UNAVAILABLE, "Fireflies responded with an error of its own. The request is repeated later."
    )
