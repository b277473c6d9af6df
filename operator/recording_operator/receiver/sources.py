"""The RecordingSources that the receiver knows, with the verification secrets of each."""

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.meta import ObjectMeta
from recording_operator.api.reasons import Reason
from recording_operator.api.recordingsource import (
    ProviderName,
    RecordingSource,
    RecordingSourceSpec,
    SignatureMethod,
)
from recording_operator.providers.generic import check_mapping
from recording_operator.providers.provider import Provider
from recording_operator.providers.table import provider_of

SourceKey = tuple[str, str]
"""Namespace and name."""
LEAST_TOKEN_CHARS: Final = 16
"""Shorter tokens could be guessed."""
_COMPARISONS: Final = 8
_NO_TOKEN: Final = secrets.token_bytes(32)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretProblem:
    """Why the Secret of a source cannot be used."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSource:
    """One RecordingSource."""

    source: RecordingSource
    provider: Provider
    problem: str | None = None
    """Why its mapping or another expression cannot be used."""
    secrets: tuple[bytes, ...] | None = field(default=None, repr=False)
    """Verification secrets; None before the Secret was read, and empty if it has none."""
    secret_problem: SecretProblem | None = None

    @property
    def key(self) -> SourceKey:
        """Namespace and name."""
        return self.source.metadata.namespace, self.source.metadata.name

    @property
    def secret_name(self) -> str:
        """Name of the Secret with the verification secrets."""
        return self.source.spec.webhook.secret_ref.name

    @property
    def receives(self) -> bool:
        """Whether deliveries can be verified, and are wanted."""
        return bool(self.secrets) and not self.source.spec.suspend


class SourceBook:
    """All RecordingSources. Thread-safe."""

    def __init__(self, *, on_seen: Callable[[SourceKey], None]) -> None:
        """`on_seen` is called for each source that is new or has changed."""
        self._lock = threading.Lock()
        self._known: dict[SourceKey, KnownSource] = {}
        self._on_seen = on_seen
        self._listed = threading.Event()
        self._complete = False

    def on_change(self, kind: str, raw: dict[str, Any]) -> None:
        """Callback of the watcher. Events of a deleted source may arrive after those of the next one of its name."""
        key = (str(raw["metadata"].get("namespace")), str(raw["metadata"]["name"]))
        source = None if kind == "DELETED" else _read(raw)
        with self._lock:
            before = self._known.get(key)
            if before is not None and _is_outdated(raw, by=before.source, is_deleted=source is None):
                return
            if source is None:
                self._known.pop(key, None)
                return
            known = self._known[key] = _known(source, before)
        if known.secrets is None or before is None or before.source.metadata.generation != source.metadata.generation:
            self._on_seen(key)

    def on_listed(self, _resource: str, uids: frozenset[str]) -> None:
        """A list is complete: sources that it does not have were deleted."""
        with self._lock:
            gone = [key for key, known in self._known.items() if known.source.metadata.uid not in uids]
            for key in gone:
                del self._known[key]
        self._listed.set()

    @property
    def complete(self) -> bool:
        """Whether all sources that existed at the start are known, and their Secrets have been read."""
        if not self._complete and self._listed.is_set():
            with self._lock:
                self._complete = all(known.secrets is not None for known in self._known.values())
        return self._complete

    def is_pending(self, key: SourceKey) -> bool:
        """Whether a source has no secrets yet: it is new, or its Secret is replaced. Deliveries must come again."""
        known = self.get(key)
        return known is not None and not known.secrets and not known.source.spec.suspend

    def all(self) -> list[KnownSource]:
        """All sources."""
        with self._lock:
            return list(self._known.values())

    def get(self, key: SourceKey) -> KnownSource | None:
        """One source."""
        with self._lock:
            return self._known.get(key)

    def set_secrets(self, read_for: KnownSource, values: tuple[bytes, ...], *, problem: SecretProblem | None) -> None:
        """The Secret that a source named was read."""
        with self._lock:
            known = self._known.get(read_for.key)
            if known is not None and known.secret_name == read_for.secret_name:
                self._known[known.key] = replace(known, secrets=values, secret_problem=problem)

    def open(self, key: SourceKey, token: str) -> KnownSource | None:
        """The source that receives at this path; None for all other paths, after the same work.

        `token` is the last part of the path. Only sources whose deliveries are not signed have one.
        """
        known = self.get(key)
        if known is None or not known.receives:
            _has_token((), token)
            return None
        if needs_token(known.source.spec):
            return known if _has_token(known.secrets or (), token) else None
        _has_token((), token)
        return None if token else known


def needs_token(spec: RecordingSourceSpec) -> bool:
    """Whether only a token in the path protects the source."""
    return spec.provider is ProviderName.GLADIA or spec.webhook.signature is SignatureMethod.NONE


def _has_token(values: Sequence[bytes], token: str) -> bool:
    """Whether `token` is one of the values. Equally long for all tokens, and for any number of values up to eight."""
    given = hashlib.sha256(token.encode("utf-8", "replace")).digest()
    expected = [hashlib.sha256(value.strip()).digest() for value in values]
    expected += [_NO_TOKEN] * (_COMPARISONS - len(expected))
    return any([hmac.compare_digest(one, given) for one in expected])  # noqa: C419 - all are compared


def _read(raw: dict[str, Any]) -> RecordingSource | None:
    try:
        return RecordingSource.model_validate(raw)
    except ValidationError:
        extra = {"namespace": raw["metadata"].get("namespace")}
        _logger.error("A RecordingSource cannot be read: its CRD has another version than the receiver", extra=extra)
        return None


def _is_outdated(raw: Mapping[str, Any], *, by: RecordingSource, is_deleted: bool) -> bool:
    """Whether the object is an earlier one of the same name."""
    other = ObjectMeta.model_validate(raw["metadata"])
    return other.uid != by.metadata.uid and (is_deleted or other.version < by.metadata.version)


def _known(source: RecordingSource, before: KnownSource | None) -> KnownSource:
    problem = next(iter(check_mapping(source.spec)), None)
    known = KnownSource(source=source, provider=provider_of(source.spec), problem=problem)
    if before is None or before.secret_name != known.secret_name or before.source.metadata.uid != source.metadata.uid:
        return known
    return replace(known, secrets=before.secrets, secret_problem=before.secret_problem)
