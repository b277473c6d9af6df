"""Resolves the source of an artifact: URL and headers, from the spec, from Secrets or from a provider."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Recording
from recording_operator.controller.executors.order import MediaRef, SecretKey, SourceOrder
from recording_operator.engine.actions import ResolveSource
from recording_operator.engine.expiry import expiry_in_url, expiry_of
from recording_operator.engine.facts import Fact, SourceResolved, TransferFailed
from recording_operator.engine.source_revision import content_revision, fresh_revision, resolved_revision, rules_out
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.secrets import SecretError, resolve_content, resolve_headers, resolve_url
from recording_operator.providers.provider import Media, ProviderError
from recording_operator.transfer.source.spec import SourceSpec


class ResolveError(Exception):
    """A source cannot be resolved now. `failure` contains a message for the status."""

    def __init__(self, failure: TransferFailed) -> None:
        super().__init__(failure.message)
        self.failure = failure


class MediaSource(Protocol):
    """Asks providers for the files of recordings."""

    def media(self, namespace: str, ref: MediaRef, *, is_refused: Callable[[Media], bool]) -> Media:
        """The file, with a URL that was not rejected, or with its content. Raises ProviderError and KubeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSource:
    """A resolved source, and a revision that changes with its contents."""

    source: SourceSpec = field(repr=False)
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedContent:
    """The content itself, and its revision."""

    content: bytes = field(repr=False)
    revision: str


class SourceResolver:
    """Reads the Secrets that sources name, and asks providers.

    `register_secret` is called with every value that must never be logged.
    """

    def __init__(self, kube: KubeApi, *, providers: MediaSource, register_secret: Callable[[str], None]) -> None:
        self._kube = kube
        self._providers = providers
        self._register_secret = register_secret

    def resolve(self, order: SourceOrder) -> ResolvedSource | ResolvedContent:
        """Resolve the source. Raises ResolveError."""
        try:
            return self._resolve(order)
        except SecretError as error:
            raise ResolveError(TransferFailed(reason=error.reason, message=error.message)) from None
        except ProviderError as error:
            failure = TransferFailed(reason=error.reason, message=error.message, retry_after_s=error.retry_after_s)
            raise ResolveError(failure) from None
        except KubeError:
            raise _no_response() from None

    def content(self, secret: SecretKey, *, namespace: str) -> bytes:
        """The content in a Secret (`contentSecretRef`). Raises ResolveError."""
        try:
            return resolve_content(self._kube, namespace=namespace, name=secret.name, key=secret.key)
        except SecretError as error:
            raise ResolveError(TransferFailed(reason=error.reason, message=error.message)) from None
        except KubeError:
            raise _no_response() from None

    def resolve_for(self, action: ResolveSource) -> Iterable[Fact]:
        """Read the Secrets or ask the provider, and report the revision or an error."""
        recording, name = action.recording, action.artifact
        artifact = next(spec for spec in recording.spec.artifacts if spec.name == name)
        uid = recording.metadata.uid
        try:
            revision = self._revision(recording, artifact, action.known_source)
            return [SourceResolved(uid=uid, artifact=name, revision=revision)]
        except ResolveError as error:
            return [SourceResolved(uid=uid, artifact=name, revision=None, failure=error.failure)]

    def _revision(self, recording: Recording, artifact: ArtifactSpec, known_source: str | None) -> str:
        secret = artifact.content_secret_ref
        if secret is not None:
            named = SecretKey(name=secret.name, key=secret.key)
            content = self.content(named, namespace=recording.metadata.namespace)
            return content_revision(recording.metadata.uid, artifact, content)
        return self.resolve(SourceOrder.of(recording, artifact, known_source=known_source)).revision

    def _resolve(self, order: SourceOrder) -> ResolvedSource | ResolvedContent:
        if order.provider is None:
            return self._named(order)
        named = self._named_if_there(order) if order.has_own_url else None
        if named is not None and not rules_out(order.known_source, named.revision):
            return named
        return self._fresh(order, order.provider, order.revision if named is None else named.revision)

    def _named_if_there(self, order: SourceOrder) -> ResolvedSource | None:
        """The URL that the source names; None if its Secret is missing, as after a restore."""
        try:
            return self._named(order)
        except SecretError as error:
            if error.reason is Reason.SECRET_NOT_FOUND:
                return None
            raise

    def _named(self, order: SourceOrder) -> ResolvedSource:
        """The URL that the source names."""
        url, headers = self._read(order)
        expiry = expiry_of(url=url, expires_at=order.expires_at, created=order.created_at)
        source = SourceSpec(
            url=url,
            headers=headers,
            expected_size_bytes=order.size_bytes,
            expected_checksum=order.checksum,
            expires_at=expiry.at if expiry.stated else None,
            published_at=order.created_at,
        )
        revision = resolved_revision(order.recording_uid, order.revision, url=url, headers=headers)
        return ResolvedSource(source=source, revision=revision)

    def _fresh(self, order: SourceOrder, ref: MediaRef, base: str) -> ResolvedSource | ResolvedContent:
        """What the provider gives. `base` is the revision of the URL that the source names."""

        def revision_of(media: Media) -> str:
            url, headers = media.url or "", media.headers
            return fresh_revision(order.recording_uid, base, url=url, headers=headers)

        media = self._providers.media(
            order.namespace, ref, is_refused=lambda media: rules_out(order.known_source, revision_of(media))
        )
        if media.url is None:
            return ResolvedContent(content=media.content or b"", revision=revision_of(media))
        source = SourceSpec(
            url=media.url,
            headers=dict(media.headers),
            expected_size_bytes=order.size_bytes,
            expected_checksum=order.checksum,
            expires_at=media.expires_at or expiry_in_url(media.url),
            published_at=order.created_at,
        )
        return ResolvedSource(source=source, revision=revision_of(media))

    def _read(self, order: SourceOrder) -> tuple[str, Mapping[str, str]]:
        url, secret = order.url or "", order.url_secret
        if secret is not None:
            url = resolve_url(self._kube, namespace=order.namespace, name=secret.name, key=secret.key)
        self._register_query(url)
        headers: dict[str, str] = {}
        if order.headers_secret is not None:
            headers = resolve_headers(self._kube, namespace=order.namespace, name=order.headers_secret, host=_host(url))
            for value in headers.values():
                self._register_secret(value)
        return url, headers

    def _register_query(self, url: str) -> None:
        try:
            query = urlsplit(url).query
        except ValueError:
            return
        if query:
            self._register_secret(query)


def _no_response() -> ResolveError:
    message = "The Secret could not be read, because the API server did not respond. It is retried."
    return ResolveError(TransferFailed(reason=Reason.INTERRUPTED, message=message))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
