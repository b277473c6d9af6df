"""Recall.ai: webhooks without URLs, and `GET /api/v1/recording/{id}/`, which has them.

The mixed audio is not among the shortcuts of a recording: `GET /api/v1/audio_mixed/?recording_id={id}` lists it.

Webhooks are signed by Standard Webhooks; in workspaces from before December 2025 by Svix, with one secret for each
endpoint. `recording.done` brings the video. Audio and transcript exist only if the bot was created with them, and their
own events bring them: `audio_mixed.done` and `transcript.done`. Each region has its own endpoint and keys.
Source: docs.recall.ai/docs/recording-webhooks and media-shortcuts; recallai/sample-apps.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.egress.url import parse_url
from recording_operator.providers.api_client import credential, segment
from recording_operator.providers.media import found, main_name, wanted
from recording_operator.providers.payload import (
    failure_text,
    identifier,
    instant,
    member,
    object_in,
    of_response,
    read_object,
    text,
    url,
)
from recording_operator.providers.provider import (
    ApiClient,
    Delivery,
    Event,
    Media,
    Outcome,
    ProviderError,
    ReadOptions,
)
from recording_operator.providers.signatures import signed_headers, verify_standard

API_KEY: Final = "apiKey"
"""Key in the Secret of `spec.api`."""
_FILES: Final[Mapping[str, tuple[str, ArtifactKind]]] = {
    "video_mixed": ("video", ArtifactKind.VIDEO),
    "audio_mixed": ("audio", ArtifactKind.AUDIO),
    "transcript": ("transcript", ArtifactKind.TRANSCRIPT),
    "participant_events": ("participant-events", ArtifactKind.METADATA),
    "meeting_metadata": ("meeting-metadata", ArtifactKind.METADATA),
}
"""Name and kind of each of Recall's media objects."""
_RECORDING_DONE: Final = frozenset({"recording.done", "bot.done"})
_FAILED: Final = frozenset({"recording.failed", "bot.fatal"})
_KNOWN: Final = frozenset(
    {f"{name}.{code}" for name in (*_FILES, "recording") for code in ("done", "failed", "deleted", "processing")}
    | {"bot.done", "bot.fatal"}
)


class Recall:
    """Recall.ai."""

    default_endpoint: str = ""
    has_api: bool = True

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """Check the signature of Standard Webhooks, or of Svix."""
        verify_standard(delivery, secrets, now=now)

    def read(self, delivery: Delivery, secrets: Sequence[bytes], options: ReadOptions) -> Event:  # noqa: ARG002 - no challenge
        """Read an event. Those of parts that failed or were deleted concern no recording as a whole."""
        payload = read_object(delivery.body)
        data = member(payload, "data")
        name = text(payload, "event")
        signed = signed_headers(delivery.headers)
        event = Event(
            kind=name if name in _KNOWN else "unknown",
            outcome=Outcome.IGNORED,
            delivery_id=signed.message_id if signed else None,
            payload=payload,
        )
        if name == "bot.done" and not member(data, "recording"):
            return event  # `recording.done` names the recording
        if name in _FAILED:
            return _failed(event, data)
        media = wanted(_media_of(name, options), options)
        return _of_recording(event, data, outcome=Outcome.MEDIA, media=media) if media else event

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """The files of a recording, with URLs that are valid for six hours."""
        headers = {"Authorization": f"Token {credential(api.credentials, API_KEY)}"}
        with of_response():
            response = object_in(api.get_json(f"/api/v1/recording/{segment(recording_id)}/", headers=headers))
            urls = _urls(member(response, "media_shortcuts"))
            if ArtifactKind.AUDIO in options.kinds and _FILES["audio_mixed"] not in urls:
                urls |= _audio(recording_id, api, headers)
        main = main_name(list(urls))
        media = (
            Media(name=name, kind=kind, url=urls[name, kind], is_main=name == main)
            for name, kind in _FILES.values()
            if (name, kind) in urls
        )
        return found(wanted(media, options), parse_url(api.endpoint).host)


def _urls(shortcuts: Mapping[str, Any]) -> dict[tuple[str, ArtifactKind], str]:
    """The URL of each file that is ready, by its name and kind."""
    data = {name: member(member(shortcuts, name), "data") for name in _FILES}
    urls = {name: url(data[name], "download_url", field=f"media_shortcuts.{name}.data.download_url") for name in _FILES}
    return {_FILES[name]: found_url for name, found_url in urls.items() if found_url is not None}


def _audio(recording_id: str, api: ApiClient, headers: Mapping[str, str]) -> dict[tuple[str, ArtifactKind], str]:
    """The mixed audio, which is not among the shortcuts. None if the bot was created without it."""
    path = f"/api/v1/audio_mixed/?recording_id={segment(recording_id)}"
    try:
        response = object_in(api.get_json(path, headers=headers))
    except ProviderError as error:
        if error.reason is not Reason.PROVIDER_HAS_NO_MEDIA:
            raise
        return {}
    listed = response.get("results")
    for medium in listed if isinstance(listed, list) else ():
        data = member(medium, "data") if isinstance(medium, dict) else {}
        if found_url := url(data, "download_url", field="results[].data.download_url"):
            return {_FILES["audio_mixed"]: found_url}
    return {}


def _media_of(event_name: str, options: ReadOptions) -> list[Media]:
    """The files that an event brings. Their URLs are requested before the download."""
    if event_name in _RECORDING_DONE:
        name, kind = _FILES["video_mixed" if ArtifactKind.VIDEO in options.kinds else "audio_mixed"]
        return [Media(name=name, kind=kind, is_main=True)]
    medium, _, code = event_name.partition(".")
    if code != "done" or medium not in _FILES:
        return []
    name, kind = _FILES[medium]
    return [Media(name=name, kind=kind, is_main=kind is ArtifactKind.VIDEO)]


def _failed(event: Event, data: Mapping[str, Any]) -> Event:
    state = member(data, "data")
    failure = failure_text(text(state, "sub_code") or text(state, "code"), text(state, "message"))
    return _of_recording(event, data, outcome=Outcome.FAILED, failure=failure or "The recording failed")


def _of_recording(event: Event, data: Mapping[str, Any], **of_outcome: Any) -> Event:
    recording, bot = member(data, "recording"), member(data, "bot")
    # A bot that failed before it recorded has no recording.
    failed_early = event.kind == "bot.fatal" and not recording
    owner, path = (bot, "data.bot.id") if failed_early else (recording, "data.recording.id")
    return Event(
        kind=event.kind,
        delivery_id=event.delivery_id,
        payload=event.payload,
        recording_id=identifier(owner, "id", field=path),
        occurred_at=instant(member(data, "data").get("updated_at")),
        **of_outcome,
    )
