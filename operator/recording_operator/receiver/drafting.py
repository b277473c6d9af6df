"""What becomes of an event: the Recording and its Secrets. Pure functions."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from recording_operator.api.keytemplate import escape_id
from recording_operator.api.masking import mask_urls
from recording_operator.api.meta import DeletionPolicy, format_time
from recording_operator.api.names import (
    ALLOWED_HOSTS_ANNOTATION,
    API_VERSION,
    PROVIDER_ID_ANNOTATION,
    RECORDING_KIND,
    RECORDING_SOURCE_LABEL,
    SOURCE_HEADERS_LABEL,
)
from recording_operator.api.recording import ArtifactKind
from recording_operator.api.recording_rules import (
    CONTENT_TYPE_PATTERN,
    MAX_ARTIFACTS,
    MAX_CONTENT_TYPE_CHARS,
    MAX_INLINE_BYTES,
)
from recording_operator.api.recordingsource import OwnerValue, RecordingSource
from recording_operator.api.source_provider import MAX_FAILURE_CHARS, MAX_PROVIDER_ID_CHARS
from recording_operator.api.units import format_duration
from recording_operator.engine.expiry import expiry_in_url
from recording_operator.providers.expressions import evaluate
from recording_operator.providers.provider import Event, Media, Outcome
from recording_operator.receiver.owners import owner_id

_SOURCE_CHARS: Final = 40
_HASH_CHARS: Final = 20
_TITLE_CHARS: Final = 256
_CHECKSUM: Final = re.compile(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|crc64nvme:[0-9a-f]{16}|crc32:[0-9a-f]{8}")
_CONTENT_TYPE: Final = re.compile(CONTENT_TYPE_PATTERN)
_LARGEST_SIZE: Final = 2**63 - 1
_YEARS: Final = range(2000, 3000)
MAX_CONTENT_BYTES: Final = 2**20
"""The most content of one artifact: a Secret holds at most 1 MiB."""
CONTENT_KEY: Final = "content"


class DraftError(Exception):
    """The event cannot become a Recording. The message names the field, never a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDraft:
    """A Secret that belongs to the Recording."""

    name: str
    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact: str = ""
    """The artifact that names the Secret. Empty: each key is the name of an artifact."""

    def manifest(self, *, namespace: str, owner: Mapping[str, str]) -> dict[str, Any]:
        """The whole manifest. `owner` is the reference to the Recording."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {
                "name": self.name,
                "namespace": namespace,
                "labels": dict(self.labels),
                "annotations": dict(self.annotations),
                "ownerReferences": [dict(owner)],
            },
            "data": encoded(self.data),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A Recording and the Secrets that it names."""

    recording: dict[str, Any] = field(repr=False)
    """The whole manifest. It has no artifacts if the event brings nothing that the source wants."""
    secrets: tuple[SecretDraft, ...] = ()
    left_out: tuple[str, ...] = ()
    """Files of the event that no Secret can hold. The Recording has the others."""

    @property
    def name(self) -> str:
        """Name of the Recording."""
        return str(self.recording["metadata"]["name"])

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        """The artifacts of the Recording."""
        return list(self.recording["spec"]["artifacts"])


def recording_name(source: RecordingSource, recording_id: str) -> str:
    """The name of the Recording. It is the same for all events of one recording."""
    identity = "\0".join((source.metadata.name, source.spec.provider.value, recording_id))
    digest = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()
    return f"{source.metadata.name[:_SOURCE_CHARS].rstrip('-')}-{digest[:_HASH_CHARS]}"


def draft(source: RecordingSource, event: Event, *, asks_api: bool) -> Draft:
    """The Recording of an event that brings media or reports a failure. Raises DraftError.

    `asks_api`: the provider has an API, which provides URLs if the source has `spec.api`.
    """
    if not event.recording_id:
        raise DraftError("The event has no id of a recording.")
    name = recording_name(source, event.recording_id)
    # Credentials of the API are what a fresh URL needs.
    drafting = _Drafting(source=source, event=event, name=name, asks_api=asks_api and source.spec.api is not None)
    media, left_out = _storable(_distinct(_media(source, event)))
    spec = {
        **_given(storageLocation=source.spec.recording.storage_location, title=printable(event.title, _TITLE_CHARS)),
        **_policies(source),
        "owner": _owner(source, event.payload),
        "artifacts": [drafting.artifact(one) for one in media],
    }
    recording = {
        "apiVersion": API_VERSION,
        "kind": RECORDING_KIND,
        "metadata": {
            "name": name,
            "namespace": source.metadata.namespace,
            "labels": {**source.spec.recording.labels, **drafting.labels},
            "annotations": {PROVIDER_ID_ANNOTATION: provider_id(event.recording_id)},
        },
        "spec": spec,
    }
    secrets = tuple(drafting.secrets(media))
    return Draft(recording=recording, secrets=secrets, left_out=(*event.left_out, *left_out))


def provider_id(value: str) -> str:
    """The id as `source.provider.id` accepts it: itself, or escaped if it has other than printable characters."""
    plain = value.encode("utf-8", "backslashreplace").decode()
    return (plain if plain.isprintable() else escape_id(plain))[:MAX_PROVIDER_ID_CHARS]


def printable(text: str, limit: int) -> str:
    """`text` on one line without control characters, cut to `limit` characters."""
    plain = "".join(character if character.isprintable() else " " for character in text).strip()
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"


def encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    """The values as in `data` of a Secret."""
    return {key: base64.b64encode(value).decode("ascii") for key, value in data.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drafting:
    source: RecordingSource
    event: Event
    name: str
    asks_api: bool

    @property
    def labels(self) -> dict[str, str]:
        return {RECORDING_SOURCE_LABEL: self.source.metadata.name}

    def artifact(self, media: Media) -> dict[str, Any]:
        """One entry of `spec.artifacts`."""
        entry = {
            "name": media.name,
            "kind": media.kind.value,
            "optional": not media.is_main,
            **_given(contentType=_content_type(media.content_type)),
        }
        if self.event.outcome is Outcome.FAILED:
            return entry | {"source": {"provider": self._provider(media) | {"failure": _failure(self.event)}}}
        if media.content is not None:
            return entry | self._content(media.name, media.content)
        return entry | {"source": self._source(media)}

    def secrets(self, media: Iterable[Media]) -> Iterable[SecretDraft]:
        """The Secrets that the artifacts name: one with all URLs, and one for each set of headers and each content."""
        if self.event.outcome is Outcome.FAILED:
            return
        files = tuple(media)
        urls = {one.name: one.url.encode() for one in files if one.url is not None and one.content is None}
        if urls:
            yield SecretDraft(name=self.name, data=urls, labels=self.labels)
        for one in files:
            if one.content is not None and _inline(one.content) is None:
                yield SecretDraft(
                    name=self._content_name(one.name),
                    data={CONTENT_KEY: one.content},
                    labels=self.labels,
                    artifact=one.name,
                )
            elif one.headers and one.url is not None:
                yield SecretDraft(
                    name=self._headers_name(one.name),
                    data={name: value.encode("latin-1", "replace") for name, value in one.headers.items()},
                    labels={**self.labels, SOURCE_HEADERS_LABEL: "true"},
                    annotations={ALLOWED_HOSTS_ANNOTATION: urlsplit(one.url).hostname or ""},
                    artifact=one.name,
                )

    def _content(self, name: str, content: bytes) -> dict[str, Any]:
        if not _fits(content):
            raise DraftError(f"The content of {name} is empty or larger than 1 MiB.")
        if (text := _inline(content)) is not None:
            return {"inline": text}
        return {"contentSecretRef": {"name": self._content_name(name), "key": CONTENT_KEY}}

    def _source(self, media: Media) -> dict[str, Any]:
        facts = _given(
            size=media.size_bytes if media.size_bytes is not None and 0 <= media.size_bytes <= _LARGEST_SIZE else None,
            checksum=media.checksum if media.checksum and _CHECKSUM.fullmatch(media.checksum) else None,
        )
        if media.stored is not None:
            return facts | {"object": {"storageLocation": self._holding_location(), "key": media.stored.key}}
        if media.url is None:
            if not self.asks_api:
                raise DraftError(f"The event has no URL of {media.name}, and the source has no spec.api.")
            return facts | {"provider": self._provider(media)}
        reference: dict[str, Any] = {"urlSecretRef": {"name": self.name, "key": media.name}}
        if media.headers:
            reference["headersSecretRef"] = {"name": self._headers_name(media.name)}
        if self.asks_api:
            reference["provider"] = self._provider(media)
        return facts | reference | _given(expiresAt=_time(media.expires_at or expiry_in_url(media.url)))

    def _provider(self, media: Media) -> dict[str, Any]:
        return {
            "recordingSource": self.source.metadata.name,
            "id": provider_id(self.event.recording_id),
            "media": media.reference or media.name,
        }

    def _holding_location(self) -> str:
        holder = self.source.spec.recording.import_from
        if holder is None:
            raise DraftError("The event names an object of a store, and the source has no spec.recording.importFrom.")
        return holder.storage_location

    def _headers_name(self, artifact: str) -> str:
        return f"{self.name}-headers-{artifact}"

    def _content_name(self, artifact: str) -> str:
        return f"{self.name}-content-{artifact}"


def _media(source: RecordingSource, event: Event) -> tuple[Media, ...]:
    if event.outcome is Outcome.FAILED and not event.media:
        kinds = source.spec.recording.artifacts
        kind = ArtifactKind.VIDEO if ArtifactKind.VIDEO in kinds else kinds[0]
        return (Media(name=kind.value.lower(), kind=kind, is_main=True),)
    return event.media


def _distinct(media: Iterable[Media]) -> list[Media]:
    first: dict[str, Media] = {}
    for one in media:
        first.setdefault(one.name, one)
    return list(first.values())[:MAX_ARTIFACTS]


def _storable(media: list[Media]) -> tuple[list[Media], list[str]]:
    """The media whose content a Secret can hold, and the names of the others. If there are only others, they stay."""
    kept = [one for one in media if one.content is None or _fits(one.content)]
    if not kept:
        return media, []
    return kept, [one.name for one in media if one not in kept]


def _fits(content: bytes) -> bool:
    return 0 < len(content) <= MAX_CONTENT_BYTES


def _policies(source: RecordingSource) -> dict[str, Any]:
    template = source.spec.recording
    policy = template.deletion_policy
    return _given(
        deletionPolicy=policy.value if policy is not DeletionPolicy.RETAIN else None,
        ttlAfterFinished=None if template.ttl_after_finished is None else format_duration(template.ttl_after_finished),
        priority=template.priority or None,
    )


def _owner(source: RecordingSource, payload: Mapping[str, Any]) -> dict[str, str]:
    template = source.spec.recording.owner
    owner = {"org": _owner_value("org", template.org, payload)}
    for name, value in (("user", template.user), ("project", template.project)):
        if value is not None:
            owner[name] = _owner_value(name, value, payload)
    return owner


def _owner_value(name: str, template: OwnerValue, payload: Mapping[str, Any]) -> str:
    found = template.value
    if template.from_ is not None:
        try:
            found = evaluate(template.from_, payload)
        except ValueError:
            raise DraftError(f"spec.recording.owner.{name}.from is not a JMESPath expression.") from None
    found = (found or "").strip() or template.default
    if not found:
        raise DraftError(f"spec.recording.owner.{name}.from yields nothing, and there is no default.")
    try:
        return owner_id(found)
    except ValueError as error:
        raise DraftError(f"spec.recording.owner.{name} cannot be used: {error}.") from None


def _failure(event: Event) -> str:
    return printable(mask_urls(event.failure), MAX_FAILURE_CHARS) or "The provider has reported a failure."


def _inline(content: bytes) -> str | None:
    """The content as `inline`, if it fits there."""
    if len(content) > MAX_INLINE_BYTES:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _content_type(value: str) -> str:
    return value if len(value) <= MAX_CONTENT_TYPE_CHARS and _CONTENT_TYPE.fullmatch(value) else ""


def _time(value: datetime | None) -> str | None:
    return format_time(value) if value is not None and value.tzinfo and value.year in _YEARS else None


def _given(**fields: Any) -> dict[str, Any]:
    """The fields that are set."""
    return {name: value for name, value in fields.items() if value not in (None, "")}
