"""MeetingBaaS: webhooks of its API v1 and v2, callbacks of v2, and `GET /v2/bots/{id}`.

    v2 webhook      signed by Svix with the secret of the endpoint, whsec_…
    v2 callback     the header x-mb-secret contains callback_config.secret; POST or PUT
    v1 webhook      the header x-meeting-baas-api-key contains the API key

The payload of `bot.completed` has two documented shapes: the SDK's (`video`, and `extra` beside `data`) and the guide's
(`mp4`, and `extra` inside `data`). v1 has the transcript inline, and once had no `data`. All are read by one function.
Source: OpenAPI and SDK of MeetingBaaS v2; docs/api-v2/webhooks; the migration guide from v1.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

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
    ReadOptions,
)
from recording_operator.providers.signatures import signed_headers, verify_fixed_header, verify_standard

CALLBACK_HEADER: Final = "x-mb-secret"
KEY_HEADER: Final = "x-meeting-baas-api-key"
API_KEY: Final = "apiKey"
"""Key in the Secret of `spec.api`."""
_COMPLETED: Final = frozenset({"bot.completed", "complete", "transcription_complete"})
_FAILED: Final = frozenset({"bot.failed", "failed"})
_OTHERS: Final = frozenset({"bot.status_change", "bot.chat_message"})
_FILES: Final[Sequence[tuple[str, ArtifactKind, Sequence[str]]]] = (
    ("video", ArtifactKind.VIDEO, ("video", "mp4")),
    ("audio", ArtifactKind.AUDIO, ("audio",)),
    ("transcript", ArtifactKind.TRANSCRIPT, ("transcription",)),
    ("raw-transcript", ArtifactKind.METADATA, ("raw_transcription",)),
    ("diarization", ArtifactKind.METADATA, ("diarization",)),
    ("chat-messages", ArtifactKind.METADATA, ("chat_messages",)),
)
"""Name and kind of each file, and the fields that may contain its URL."""
_USUAL: Final = (
    ("video", ArtifactKind.VIDEO),
    ("audio", ArtifactKind.AUDIO),
    ("transcript", ArtifactKind.TRANSCRIPT),
)


class MeetingBaas:
    """MeetingBaaS."""

    default_endpoint: str = "https://api.meetingbaas.com"
    has_api: bool = True

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """Check the signature of a webhook, or the secret of a callback or of v1."""
        if signed_headers(delivery.headers) is not None:
            verify_standard(delivery, secrets, now=now)
        else:
            header = CALLBACK_HEADER if CALLBACK_HEADER in delivery.headers else KEY_HEADER
            verify_fixed_header(delivery, secrets, header=header)

    def read(self, delivery: Delivery, secrets: Sequence[bytes], options: ReadOptions) -> Event:  # noqa: ARG002 - no challenge
        """Read an event of any version."""
        payload = read_object(delivery.body)
        data = member(payload, "data") or payload
        # One expression of the source reads `extra` in every shape.
        extra = member(payload, "extra") or member(data, "extra")
        payload = {**payload, "extra": extra, "data": {**data, "extra": extra}}
        signed = signed_headers(delivery.headers)
        name = text(payload, "event")
        event = Event(
            kind=name if name in _COMPLETED | _FAILED | _OTHERS else "unknown",
            outcome=Outcome.IGNORED,
            delivery_id=signed.message_id if signed else None,
            payload=payload,
        )
        if name in _COMPLETED:
            return _completed(event, data, options)
        return _failed(event, data) if name in _FAILED else event

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """The files of a bot, with URLs that are valid for four hours."""
        headers = {KEY_HEADER: credential(api.credentials, API_KEY)}
        with of_response():
            response = object_in(api.get_json(f"/v2/bots/{segment(recording_id)}", headers=headers))
            media = _with_urls(member(response, "data"), "data")
        return found(wanted(media, options), parse_url(api.endpoint).host)


def _completed(event: Event, data: Mapping[str, Any], options: ReadOptions) -> Event:
    media = [*_with_urls(data, "data"), *_inline(data)]
    if not media and event.kind == "transcription_complete":
        return event  # v1 has no documented way to the transcript of a bot
    if not media and data.get("data_deleted") is True:
        return _failed(event, {**data, "error_code": "DATA_DELETED", "error_message": "The files were deleted"})
    main = main_name(_USUAL)
    usual = [Media(name=name, kind=kind, is_main=name == main) for name, kind in _USUAL]
    return _of_bot(event, data, outcome=Outcome.MEDIA, media=wanted(media or usual, options))


def _failed(event: Event, data: Mapping[str, Any]) -> Event:
    code = text(data, "error_code") or text(data, "error")
    failure = failure_text(code, text(data, "error_message") or text(data, "message"))
    return _of_bot(event, data, outcome=Outcome.FAILED, failure=failure or "The bot failed")


def _of_bot(event: Event, data: Mapping[str, Any], **of_outcome: Any) -> Event:
    return Event(
        kind=event.kind,
        delivery_id=event.delivery_id,
        payload=event.payload,
        recording_id=identifier(data, "bot_id", field="data.bot_id"),
        occurred_at=instant(data.get("exited_at")) or instant(data.get("sent_at")),
        **of_outcome,
    )


def _with_urls(data: Mapping[str, Any], where: str) -> list[Media]:
    """The files whose URL is there."""
    files = {
        (name, kind): found_url
        for name, kind, fields in _FILES
        for field in fields
        if (found_url := url(data, field, field=f"{where}.{field}"))
    }
    main = main_name(list(files))
    return [
        Media(name=name, kind=kind, url=found_url, is_main=name == main) for (name, kind), found_url in files.items()
    ]


def _inline(data: Mapping[str, Any]) -> list[Media]:
    """The transcript of v1."""
    transcript = data.get("transcript")
    if not isinstance(transcript, list) or not transcript:
        return []
    document = {"transcript": transcript, "speakers": data.get("speakers")}
    # Without spaces, it is hardly larger than in the event. A Secret has a limit.
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return [Media(name="transcript", kind=ArtifactKind.TRANSCRIPT, content=content, content_type="application/json")]
