"""Gladia: transcripts of jobs that the application has started.

Gladia signs nothing. Only the token in the path of the URL protects the source, so the URL is a secret.

The callback of a job contains the transcript. The webhook of an account contains only the id of the job: then the
transcript is the `result` of the job that the API returns. The rest of the job is never stored: the parameters of its
request contain the URL of this source, with its token, and that of the audio.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.providers.api_client import credential
from recording_operator.providers.payload import (
    failure_text,
    identifier,
    instant,
    member,
    object_in,
    of_response,
    read_object,
    text,
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

_TRANSCRIPTION: Final = "transcription."
_SUCCESS: Final = "transcription.success"
_ERROR: Final = "transcription.error"
_OTHER_EVENTS: Final = frozenset(
    {"transcription.created", "live.start_session", "live.end_session", "live.start_recording", "live.end_recording"}
)
_RESULT_FIELDS: Final = ("transcription", "metadata")
_CONTENT_TYPE: Final = "application/json"


class Gladia:
    """Implements `Provider`. Key of the Secret in `spec.api.secretRef`: apiKey."""

    default_endpoint = "https://api.gladia.io"
    has_api = True

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """There is no signature. See `Provider`."""

    def read(
        self,
        delivery: Delivery,
        secrets: Sequence[bytes],  # noqa: ARG002 - of the interface
        options: ReadOptions,
    ) -> Event | Challenge:
        """See `Provider`."""
        payload = read_object(delivery.body)
        name = text(payload, "event")
        if name in {"success", "error"}:
            name = _TRANSCRIPTION + name
        if name == _SUCCESS:
            return _success(payload, options)
        if name == _ERROR:
            return _error(payload)
        return Event(kind=name if name in _OTHER_EVENTS else "unknown", outcome=Outcome.IGNORED, payload=payload)

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """See `Provider`."""
        path = f"/v2/pre-recorded/{quote(recording_id, safe='')}"
        headers = {"x-gladia-key": credential(api.credentials, "apiKey")}
        with of_response():
            job = object_in(api.get_json(path, headers=headers))
        status = text(job, "status")
        if status == "error":
            code = job.get("error_code")
            message = f"Gladia could not transcribe the audio (code {code})." if isinstance(code, int) else ""
            raise ProviderError(Reason.PROVIDER_FAILED, message or "Gladia could not transcribe the audio.")
        if status != "done":
            raise ProviderError(
                Reason.PROVIDER_HAS_NO_MEDIA, "Gladia has not finished the transcript. The request is repeated later."
            )
        if ArtifactKind.TRANSCRIPT not in options.kinds:
            return ()
        result = member(job, "result")
        if not result:
            raise ProviderError(
                Reason.PROVIDER_HAS_NO_MEDIA,
                "Gladia has the job, but no transcript of it. The request is repeated later.",
            )
        return (_transcript(_json(result)),)


def _json(result: Mapping[str, Any]) -> bytes:
    return json.dumps(result, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _transcript(content: bytes | None) -> Media:
    return Media(
        name="transcript",
        kind=ArtifactKind.TRANSCRIPT,
        content=content,
        content_type=_CONTENT_TYPE,
        is_main=True,
    )


def _job_id(payload: Mapping[str, Any]) -> str:
    if "id" in payload:
        return identifier(payload, "id", field="id")
    return identifier(member(payload, "payload"), "id", field="payload.id")


def _success(payload: Mapping[str, Any], options: ReadOptions) -> Event:
    result = member(payload, "payload")
    content = _json(result) if any(name in result for name in _RESULT_FIELDS) else None
    media = (_transcript(content),) if ArtifactKind.TRANSCRIPT in options.kinds else ()
    return Event(
        kind=_SUCCESS,
        outcome=Outcome.MEDIA if media else Outcome.IGNORED,
        recording_id=_job_id(payload),
        occurred_at=instant(payload.get("created_at")),
        media=media,
        payload=payload,
    )


def _error(payload: Mapping[str, Any]) -> Event:
    """Gladia's documents name the fields of an error in two ways."""
    error = member(payload, "error") or member(member(payload, "payload"), "error")
    code = next((str(error[name]) for name in ("code", "status_code") if isinstance(error.get(name), str | int)), "")
    words = " ".join(word for name in ("exception", "message") if (word := text(error, name)))
    return Event(
        kind=_ERROR,
        outcome=Outcome.FAILED,
        recording_id=_job_id(payload),
        failure=failure_text(code, words) or "Gladia could not transcribe the audio",
        payload=payload,
    )
