"""From an artifact's spec to what the data path fetches: URL and headers, read from Secrets where it names them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactSpec, Recording, SourceRef
from recording_operator.engine.actions import ResolveSource
from recording_operator.engine.expiry import expiry_of
from recording_operator.engine.facts import Fact, SourceResolved, TransferFailed
from recording_operator.engine.source_revision import resolved_revision
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.secrets import SecretError, resolve_headers, resolve_url
from recording_operator.transfer.source.spec import SourceSpec


class ResolveError(Exception):
    """A source cannot be resolved now; `failure` says why, fit for a status."""

    def __init__(self, failure: TransferFailed) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSource:
    """A source ready to be fetched, and the revision that tells whether it changes."""

    source: SourceSpec = field(repr=False)
    revision: str


class SourceResolver:
    """Reads the Secrets that sources name. `register_secret` hears every value that must never be shown."""

    def __init__(self, kube: KubeApi, *, register_secret: Callable[[str], None]) -> None:
        self._kube = kube
        self._register_secret = register_secret

    def resolve(self, recording: Recording, artifact: ArtifactSpec) -> ResolvedSource:
        """What to fetch for this artifact. Raises ResolveError."""
        if artifact.source is None:
            raise ValueError("an inline artifact has no source")
        try:
            url, headers = self._read(recording.metadata.namespace, artifact.source)
        except SecretError as error:
            raise ResolveError(TransferFailed(reason=error.reason, message=error.message)) from None
        except KubeError:
            message = "the Secret could not be read: the API server did not answer"
            raise ResolveError(TransferFailed(reason=Reason.INTERRUPTED, message=message)) from None
        created = recording.metadata.creation_timestamp
        if created is None:
            raise ValueError("a stored object has a creationTimestamp")
        expiry = expiry_of(url=url, expires_at=artifact.source.expires_at, created=created)
        source = SourceSpec(
            url=url,
            headers=headers,
            expected_size_bytes=artifact.source.size,
            expected_checksum=artifact.source.checksum,
            expires_at=expiry.at if expiry.stated else None,
            published_at=created,
        )
        revision = resolved_revision(recording.metadata.uid, artifact, url=url, headers=headers)
        return ResolvedSource(source=source, revision=revision)

    def resolve_for(self, action: ResolveSource) -> Iterable[Fact]:
        """Whether the Secrets can be read, and whether they hold something new."""
        recording, name = action.recording, action.artifact
        artifact = next(spec for spec in recording.spec.artifacts if spec.name == name)
        uid = recording.metadata.uid
        try:
            revision = self.resolve(recording, artifact).revision
            return [SourceResolved(uid=uid, artifact=name, revision=revision)]
        except ResolveError as error:
            return [SourceResolved(uid=uid, artifact=name, revision=None, failure=error.failure)]

    def _read(self, namespace: str, source: SourceRef) -> tuple[str, dict[str, str]]:
        url = source.url or ""
        if source.url_secret_ref is not None:
            ref = source.url_secret_ref
            url = resolve_url(self._kube, namespace=namespace, name=ref.name, key=ref.key)
        self._register_query(url)
        headers: dict[str, str] = {}
        if source.headers_secret_ref is not None:
            host = _host(url)
            headers = resolve_headers(self._kube, namespace=namespace, name=source.headers_secret_ref.name, host=host)
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
