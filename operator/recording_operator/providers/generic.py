"""Generic: any sender of JSON. The source says how deliveries are signed, and where in an event everything is."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from recording_operator.api.recording import ArtifactKind
from recording_operator.api.recording_rules import CHECKSUM_PATTERN
from recording_operator.api.recordingsource import (
    EventMapping,
    MappedArtifact,
    RecordingSourceSpec,
    SignatureEncoding,
    SignatureMethod,
)
from recording_operator.providers import expressions
from recording_operator.providers.payload import (
    MOST_TITLE_CHARS,
    checked_url,
    failure_text,
    identifier,
    instant,
    one_line,
    read_object,
    size,
)
from recording_operator.providers.provider import (
    ApiClient,
    Delivery,
    DeliveryRejected,
    Event,
    MalformedDelivery,
    Media,
    Outcome,
    ReadOptions,
    Rejection,
)
from recording_operator.providers.signatures import Encoding, signed_headers, verify_hmac, verify_standard

_MOST_CONTENT_BYTES: Final = 2**20
_MOST_CONTENT_TOGETHER_BYTES: Final = 4 * 2**20
"""Expressions can yield the same part of an event for every artifact."""
_CHECKSUM: Final = re.compile(CHECKSUM_PATTERN)
_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class _TooLarge(MalformedDelivery):
    """An expression yields more content than a Secret can hold."""


class Generic:
    """A sender that the source describes."""

    default_endpoint: str = ""
    has_api: bool = False

    def __init__(self, spec: RecordingSourceSpec) -> None:
        self._webhook = spec.webhook
        self._mapping = spec.mapping

    def verify(self, delivery: Delivery, secrets: Sequence[bytes], *, now: datetime) -> None:
        """Check the signature as `spec.webhook` says; with None, only the token in the path protects the source."""
        hmac = self._webhook.hmac
        match self._webhook.signature:
            case SignatureMethod.STANDARD_WEBHOOKS:
                verify_standard(delivery, secrets, now=now)
            case SignatureMethod.HMAC if hmac is not None:
                encoding = Encoding.HEX if hmac.encoding is SignatureEncoding.HEX else Encoding.BASE64
                verify_hmac(delivery, secrets, header=hmac.header, prefix=hmac.prefix, encoding=encoding)
            case SignatureMethod.NONE:
                return
            case _:
                raise DeliveryRejected(Rejection.NOT_CONFIGURED)

    def read(self, delivery: Delivery, secrets: Sequence[bytes], options: ReadOptions) -> Event:  # noqa: ARG002 - no challenge
        """Read an event with the expressions of `spec.mapping`."""
        payload, mapping = read_object(delivery.body), self._mapping
        if mapping is None:
            raise MalformedDelivery("spec.mapping of the RecordingSource is missing.")
        try:
            return _Reading(
                mapping=mapping, payload=payload, kinds=options.kinds, delivery_id=self._delivery_id(delivery)
            ).event()
        except ValueError:
            raise MalformedDelivery("An expression in spec.mapping of the RecordingSource is not valid.") from None

    def _delivery_id(self, delivery: Delivery) -> str | None:
        """Only what is signed: otherwise a copied delivery could be sent again and again under new ids."""
        is_signed = self._webhook.signature is SignatureMethod.STANDARD_WEBHOOKS
        signed = signed_headers(delivery.headers) if is_signed else None
        return signed.message_id if signed else None

    def fetch_media(self, recording_id: str, api: ApiClient, options: ReadOptions) -> tuple[Media, ...]:
        """There is no API."""
        raise NotImplementedError


def check_mapping(spec: RecordingSourceSpec) -> list[str]:
    """What is wrong with the expressions of a source, a sentence for each; nothing if they are valid."""
    problems = []
    for path, expression in _expressions(spec):
        try:
            expressions.check(expression)
        except ValueError as error:
            problems.append(f"spec.{path} cannot be used: {error}.")
    kinds = spec.recording.artifacts
    for artifact in spec.mapping.artifacts if spec.mapping else ():
        if artifact.kind not in kinds:
            has = f"spec.mapping.artifacts[{artifact.name}] has the kind {artifact.kind}"
            problems.append(f"{has}. Add {artifact.kind} to spec.recording.artifacts, or the file is never stored.")
    return problems


def _expressions(spec: RecordingSourceSpec) -> list[tuple[str, str]]:
    """Each expression of a source, with its path."""
    owner, mapping = spec.recording.owner, spec.mapping
    ids = {"org": owner.org, "user": owner.user, "project": owner.project}
    listed = [(f"recording.owner.{name}.from", value.from_ if value else None) for name, value in ids.items()]
    if mapping is not None:
        parts = ("id", "event", "failure", "title")
        listed += [(f"mapping.{name}", getattr(mapping, name)) for name in parts]
        fields = {
            "url": "url",
            "content": "content",
            "size": "size",
            "checksum": "checksum",
            "expires_at": "expiresAt",
        }
        listed += [
            (f"mapping.artifacts[{artifact.name}].{alias}", getattr(artifact, name))
            for artifact in mapping.artifacts
            for name, alias in fields.items()
        ]
    return [(path, expression) for path, expression in listed if expression is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One event that is read with the expressions of a source."""

    mapping: EventMapping
    payload: dict[str, Any]
    kinds: frozenset[ArtifactKind]
    delivery_id: str | None
    budget: expressions.StepBudget = field(default_factory=expressions.StepBudget)

    def event(self) -> Event:
        """The event. Raises ValueError for an expression that does not parse."""
        event = self._event()
        if sum(len(one.content or b"") for one in event.media) > _MOST_CONTENT_TOGETHER_BYTES:
            most = f"{_MOST_CONTENT_TOGETHER_BYTES // 2**20} MiB"
            raise MalformedDelivery(f"The expressions in mapping.artifacts yield more than {most} of content.")
        return event

    def _event(self) -> Event:
        mapping, name = self.mapping, self._text(self.mapping.event)
        if name in mapping.failed_events:
            failure = failure_text("", self._text(mapping.failure)) or "The sender reports a failure"
            return self._about(kind="failed", outcome=Outcome.FAILED, failure=failure)
        media, left_out = self._media() if not mapping.media_events or name in mapping.media_events else ((), ())
        if media:
            return self._about(kind="media", outcome=Outcome.MEDIA, media=media, left_out=left_out)
        if name in mapping.media_events:
            raise MalformedDelivery("No expression in mapping.artifacts yields a file of this event.")
        return Event(kind="other", outcome=Outcome.IGNORED, delivery_id=self.delivery_id, payload=self.payload)

    def _about(self, **facts: Any) -> Event:
        recording_id = identifier({"id": self._yielded(self.mapping.id)}, "id", field="mapping.id")
        title = one_line(self._text(self.mapping.title), most_chars=MOST_TITLE_CHARS)
        return Event(
            delivery_id=self.delivery_id, recording_id=recording_id, title=title, payload=self.payload, **facts
        )

    def _media(self) -> tuple[tuple[Media, ...], tuple[str, ...]]:
        """The files, and the names of those that are too large. If there are no others, the event is malformed."""
        found: list[Media] = []
        too_large: dict[str, _TooLarge] = {}
        for artifact in self.mapping.artifacts:
            try:
                media = self._file(artifact) if artifact.kind in self.kinds else None
            except _TooLarge as error:
                too_large[artifact.name] = error
                continue
            if media is not None:
                found.append(media)
        if too_large and not found:
            raise next(iter(too_large.values()))
        return tuple(found), tuple(too_large)

    def _file(self, artifact: MappedArtifact) -> Media | None:
        """The file that one entry of the mapping describes, if the event has it."""
        where = f"mapping.artifacts[{artifact.name}]"
        found_url, content = self._yielded(artifact.url), self._yielded(artifact.content)
        encoded = None if content is None or content == "" else _encoded(content, field=f"{where}.content")
        if found_url in (None, "") and encoded is None:
            return None
        is_json = encoded is not None and not isinstance(content, str)
        return Media(
            name=artifact.name,
            kind=artifact.kind,
            url=None if found_url in (None, "") else checked_url(found_url, field=f"{where}.url"),
            content=encoded,
            content_type=artifact.content_type or ("application/json" if is_json else ""),
            size_bytes=None if encoded is not None else size(self._yielded(artifact.size)),
            checksum=None if encoded is not None else self._checksum(artifact, field=f"{where}.checksum"),
            expires_at=instant(self._yielded(artifact.expires_at)),
            is_main=not artifact.optional,
        )

    def _checksum(self, artifact: MappedArtifact, *, field: str) -> str | None:
        found = self._text(artifact.checksum)
        if found and not _CHECKSUM.fullmatch(found):
            raise MalformedDelivery(f"{field} does not yield a checksum. Expected algorithm:hex, such as sha256:….")
        return found or None

    def _text(self, expression: str | None) -> str:
        return "" if expression is None else expressions.text_of(self._yielded(expression)) or ""

    def _yielded(self, expression: str | None) -> Any:
        found = None if expression is None else expressions.search(expression, self.payload, self.budget)
        if self.budget.is_spent:
            raise MalformedDelivery("The expressions in spec.mapping take too long on this event.")
        return found


def _encoded(content: Any, *, field: str) -> bytes:
    """A text as it is, and anything else as JSON."""
    # An expression can repeat a value within itself, so the JSON may be much larger: encode it piece by piece.
    pieces = [content] if isinstance(content, str) else _JSON.iterencode(content)
    encoded = bytearray()
    try:
        for piece in pieces:
            encoded += piece.encode()
            if len(encoded) > _MOST_CONTENT_BYTES:
                raise _TooLarge(f"{field} yields more than 1 MiB. Expected a smaller text, or a URL.")
    except (TypeError, RecursionError, UnicodeEncodeError):
        raise MalformedDelivery(f"{field} yields something that cannot be stored. Expected a text or JSON.") from None
    return bytes(encoded)
