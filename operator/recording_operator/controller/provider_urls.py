"""Asks providers for the files of recordings. URLs and headers are only in the memory of this process.

One request covers all files of a recording. After it, the provider is not queried about the same recording for a
minute, whatever the response was. If it denies this recording, it is queried again after an hour, or after a change of
the key. `register_secret` is called with every value that must never be logged.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactKind
from recording_operator.api.recordingsource import RecordingSource
from recording_operator.controller.executors.order import MediaRef
from recording_operator.controller.provider_access import Access, AccessReader
from recording_operator.controller.provider_limits import DENIED_FOR_S, ProviderAccount, rate_of, unavailable
from recording_operator.engine.expiry import expiry_in_url
from recording_operator.kube.client import KubeApi
from recording_operator.providers.api_client import MOST_RESPONSE_BYTES
from recording_operator.providers.provider import Media, ProviderError, ReadOptions

ASKED_EVERY_S: Final = 60.0
"""How often a provider is queried about one recording at most."""
_KEPT_S: Final = 4 * 3600.0
"""How long a URL is used that states no expiry, unless its source rejects it earlier."""
_MOST_KEPT: Final = 4096
_MOST_ACCOUNTS: Final = 1024
_MOST_CONTENT_BYTES: Final = MOST_RESPONSE_BYTES
_MOST_KEPT_CONTENT_BYTES: Final = 2**24


class FetchMedia(Protocol):
    """Asks the provider of a source for the files of a recording. Raises ProviderError."""

    def __call__(
        self, source: RecordingSource, credentials: Mapping[str, str], recording_id: str, options: ReadOptions
    ) -> tuple[Media, ...]: ...


class ProviderObserver(Protocol):
    """Counts requests to providers, and the URLs that they give."""

    def provider_asked(self, *, provider: str, result: str) -> None: ...

    def fresh_url(self, *, provider: str) -> None: ...


@dataclass(slots=True)
class _Recording:
    """What a provider has responded about one recording."""

    asked_s: float | None = None
    access: str = ""
    media: dict[str, Media] = field(default_factory=dict, repr=False)
    too_large: frozenset[str] = frozenset()
    """Names of files whose content is not kept."""
    error: ProviderError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class ProviderUrls:
    """The only part of the operator that asks providers for URLs. Thread-safe."""

    def __init__(
        self,
        kube: KubeApi,
        *,
        fetch: FetchMedia,
        register_secret: Callable[[str], None],
        observer: ProviderObserver,
        now: Callable[[], datetime],
        steady_s: Callable[[], float],
    ) -> None:
        self._reader = AccessReader(kube, register_secret=register_secret, steady_s=steady_s)
        self._fetch = fetch
        self._register_secret = register_secret
        self._observer = observer
        self._now = now
        self._steady_s = steady_s
        self._recordings: OrderedDict[tuple[str, str, str], _Recording] = OrderedDict()
        self._accounts: OrderedDict[tuple[str, str], ProviderAccount] = OrderedDict()
        self._content_bytes = 0
        self._lock = threading.Lock()

    def media(self, namespace: str, ref: MediaRef, *, is_refused: Callable[[Media], bool]) -> Media:
        """The file, with a URL that was not rejected, or with its content. Raises ProviderError and KubeError."""
        key = (namespace, ref.recording_source, ref.recording_id)
        known = self._known(key)
        with known.lock:
            media = known.media.get(ref.media)
            if media is not None and self._is_usable(known, media) and not is_refused(media):
                return media
            access = self._reader.read(namespace, ref.recording_source)
            self._check_pace(known, access)
            self._ask(known, access, namespace, ref.recording_id)
            found, is_too_large = known.media.get(ref.media), ref.media in known.too_large
        if is_too_large:
            raise _too_large(ref.media, wait_s=ASKED_EVERY_S)
        if found is None:
            raise _no_media(ref.media, wait_s=ASKED_EVERY_S)
        if is_refused(found):
            raise unavailable("The provider gives the URL that does not work any more.", wait_s=ASKED_EVERY_S)
        return found

    # The memory

    def _known(self, key: tuple[str, str, str]) -> _Recording:
        with self._lock:
            known = self._recordings.setdefault(key, _Recording())
            self._recordings.move_to_end(key)
            while len(self._recordings) > _MOST_KEPT:
                self._recordings.popitem(last=False)
            return known

    def _is_usable(self, known: _Recording, media: Media) -> bool:
        age_s = self._steady_s() - known.asked_s if known.asked_s is not None else 0.0
        if media.content is not None or age_s < ASKED_EVERY_S:
            return True  # a URL that is new is tried, whatever its stated expiry and our clock say
        expires_at = media.expires_at or expiry_in_url(media.url or "")
        if expires_at is not None:
            return self._now() < expires_at
        return age_s < _KEPT_S

    def _check_pace(self, known: _Recording, access: Access) -> None:
        """Raises ProviderError if the provider was queried less than a minute ago, or denies this recording."""
        if known.asked_s is None or known.access != access.revision:
            return
        if known.error is not None and known.error.only_this_recording:
            if self._steady_s() < known.asked_s + DENIED_FOR_S:
                raise ProviderError(known.error.reason, known.error.message)
            return
        wait_s = known.asked_s + ASKED_EVERY_S - self._steady_s()
        if wait_s <= 0:
            return
        if known.error is not None:
            raise ProviderError(known.error.reason, known.error.message, retry_after_s=wait_s)
        raise unavailable("The provider was queried less than a minute ago.", wait_s=wait_s)

    # The provider

    def _ask(self, known: _Recording, access: Access, namespace: str, recording_id: str) -> None:
        spec = access.source.spec
        account = self._account(namespace, access)
        account.admit(access.revision, self._steady_s())
        options = ReadOptions(kinds=frozenset(ArtifactKind))
        known.asked_s, known.access, known.media, known.error = self._steady_s(), access.revision, {}, None
        known.too_large = frozenset()
        try:
            found = self._fetch(access.source, access.credentials, recording_id, options)
        except ProviderError as error:
            known.error = error
            if error.reason is Reason.PROVIDER_HAS_NO_MEDIA or error.only_this_recording:
                account.succeeded()
            else:
                account.failed(error, access.revision, self._steady_s())
            self._observer.provider_asked(provider=spec.provider, result=_result_of(error))
            raise
        account.succeeded()
        self._observer.provider_asked(provider=spec.provider, result="success")
        known.too_large = frozenset(media.name for media in found if len(media.content or b"") > _MOST_CONTENT_BYTES)
        for media in found:
            if self._is_complete(media):
                self._register(media)
                self._make_room(len(media.content or b""))
                known.media |= {media.name: media, media.reference or media.name: media}
                self._observer.fresh_url(provider=spec.provider)

    def _make_room(self, content_bytes: int) -> None:
        """Drop all content that is kept if it is too much. The provider is queried for it again."""
        with self._lock:
            self._content_bytes += content_bytes
            if self._content_bytes <= _MOST_KEPT_CONTENT_BYTES:
                return
            self._content_bytes = content_bytes
            for known in self._recordings.values():
                known.media = {name: media for name, media in known.media.items() if media.content is None}

    @staticmethod
    def _is_complete(media: Media) -> bool:
        return media.url is not None or (media.content is not None and len(media.content) <= _MOST_CONTENT_BYTES)

    def _register(self, media: Media) -> None:
        for value in media.headers.values():
            self._register_secret(value)
        try:
            query = urlsplit(media.url or "").query
        except ValueError:
            return
        if query:
            self._register_secret(query)

    def _account(self, namespace: str, access: Access) -> ProviderAccount:
        key = (namespace, access.secret)
        with self._lock:
            account = self._accounts.setdefault(key, ProviderAccount(rate_of(access.source.spec.provider)))
            self._accounts.move_to_end(key)
            while len(self._accounts) > _MOST_ACCOUNTS:
                self._accounts.popitem(last=False)
            return account


def _no_media(media: str, *, wait_s: float) -> ProviderError:
    message = f"The provider has the recording, but no file {media!r} of it (yet). It is retried."
    return ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, message, retry_after_s=wait_s)


def _too_large(media: str, *, wait_s: float) -> ProviderError:
    most = f"{_MOST_CONTENT_BYTES // 2**20} MiB"
    message = f"The content of {media!r} in the response of the provider is too large. Expected at most {most}."
    return ProviderError(Reason.PROVIDER_HAS_NO_MEDIA, message, retry_after_s=wait_s)


def _result_of(error: ProviderError) -> str:
    match error.reason:
        case Reason.PROVIDER_DENIED:
            return "denied"
        case Reason.PROVIDER_HAS_NO_MEDIA:
            return "no_media"
        case _:
            return "unavailable" if error.retry_after_s is None else "rate_limited"
