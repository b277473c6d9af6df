"""Resolves the source of an artifact: URL and headers, from the spec or from Secrets."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.controller.executors.order import SourceOrder
from recording_operator.engine.actions import ResolveSource
from recording_operator.engine.expiry import expiry_of
from recording_operator.engine.facts import Fact, SourceResolved, TransferFailed
from recording_operator.engine.source_revision import resolved_revision
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.secrets import SecretError, resolve_headers, resolve_url
from recording_operator.transfer.source.spec import SourceSpec


class ResolveError(Exception):
    """A source cannot be resolved now. `failure` contains a message for the status."""

    def __init__(self, failure: TransferFailed) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSource:
    """A resolved source, and a revision that changes with its contents."""

    source: SourceSpec = field(repr=False)
    revision: str


class SourceResolver:
    """Reads the Secrets that sources name. `register_secret` is called with every value that must never be logged."""

    def __init__(self, kube: KubeApi, *, register_secret: Callable[[str], None]) -> None:
        self._kube = kube
        self._register_secret = register_secret

    def resolve(self, order: SourceOrder) -> ResolvedSource:
        """Resolve the source. Raises ResolveError."""
        try:
            url, headers = self._read(order)
        except SecretError as error:
            raise ResolveError(TransferFailed(reason=error.reason, message=error.message)) from None
        except KubeError:
            message = "The Secret could not be read, because the API server did not respond. It is retried."
            raise ResolveError(TransferFailed(reason=Reason.INTERRUPTED, message=message)) from None
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

    def resolve_for(self, action: ResolveSource) -> Iterable[Fact]:
        """Read the Secrets, and report their revision or an error."""
        recording, name = action.recording, action.artifact
        artifact = next(spec for spec in recording.spec.artifacts if spec.name == name)
        uid = recording.metadata.uid
        try:
            revision = self.resolve(SourceOrder.of(recording, artifact)).revision
            return [SourceResolved(uid=uid, artifact=name, revision=revision)]
        except ResolveError as error:
            return [SourceResolved(uid=uid, artifact=name, revision=None, failure=error.failure)]

    def _read(self, order: SourceOrder) -> tuple[str, dict[str, str]]:
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


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
