"""Digests of an artifact's source, which show whether its URL has changed since the last attempt.

A revision has up to three digests: `spec`, `spec.contents` with what the Secrets of the source contained, and
`spec.contents.fresh` with a URL that a provider gave (`spec.fresh` if the source names none itself). It ends with `!`
if that URL does not work any more. The status keeps it, so that the next operator knows it too.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from recording_operator.api.recording import ArtifactSpec, SourceRef

_INLINE_REVISION: Final = "inline"
_REFUSED: Final = "!"


def spec_revision(uid: str, artifact: ArtifactSpec) -> str:
    """The digest of the source in the spec. It is salted with the uid, so that equal URLs have different digests."""
    if artifact.source is None:
        return _INLINE_REVISION
    return _digest(uid, _source_identity(artifact.source))


def resolved_revision(uid: str, revision: str, *, url: str, headers: Mapping[str, str]) -> str:
    """`spec_revision`, followed by a digest of what its Secrets contained."""
    return f"{revision}.{_digest(uid, [url, sorted(headers.items())])}"


def fresh_revision(uid: str, revision: str, *, url: str, headers: Mapping[str, str]) -> str:
    """`revision`, followed by a digest of the URL and headers that a provider gave."""
    return f"{revision}.{_digest(uid, [url, sorted(headers.items())])}"


def content_revision(uid: str, artifact: ArtifactSpec, content: bytes) -> str:
    """`spec_revision`, followed by a digest of content that is not in the spec."""
    return f"{spec_revision(uid, artifact)}.{_digest(uid, hashlib.sha256(content).hexdigest())}"


def refused(revision: str) -> str:
    """The revision, with the note that its URL does not work any more."""
    return revision if is_refused(revision) else f"{revision}{_REFUSED}"


def is_refused(revision: str | None) -> bool:
    """Whether the URL of this revision does not work any more."""
    return revision is not None and revision.endswith(_REFUSED)


def rules_out(known: str | None, revision: str) -> bool:
    """Whether the URL of `revision` does not work any more, according to the revision that the status has.

    A URL that the source names itself is ruled out too once a provider has given another one.
    """
    return known is not None and (known == f"{revision}{_REFUSED}" or known.startswith(f"{revision}."))


def revision_is_of(uid: str, artifact: ArtifactSpec, revision: str) -> bool:
    """Whether the revision belongs to the source in the spec, regardless of the contents of its Secrets."""
    return revision.removesuffix(_REFUSED).split(".", 1)[0] == spec_revision(uid, artifact)


def names_secret(artifact: ArtifactSpec) -> bool:
    """Whether the content, or the source's URL or headers, come from a Secret. The operator does not watch Secrets."""
    source = artifact.source
    if source is None:
        return artifact.content_secret_ref is not None
    return source.url_secret_ref is not None or source.headers_secret_ref is not None


def names_url(artifact: ArtifactSpec) -> bool:
    """Whether the source has a URL of its own, here or in a Secret."""
    source = artifact.source
    return source is not None and (source.url is not None or source.url_secret_ref is not None)


def names_provider(artifact: ArtifactSpec) -> bool:
    """Whether a provider can be queried for the source's URL."""
    return artifact.source is not None and artifact.source.provider is not None


def _source_identity(source: SourceRef) -> list[object]:
    refs = [ref.model_dump() if ref else None for ref in (source.url_secret_ref, source.headers_secret_ref)]
    expires = source.expires_at.isoformat() if source.expires_at else None
    # What earlier versions have written into statuses stays the same.
    named = [source.object.model_dump()] if source.object else []
    named += [source.provider.model_dump()] if source.provider else []
    named += [source.upload.model_dump(mode="json")] if source.upload else []
    return [source.url, *refs, expires, *named]


def _digest(uid: str, what: object) -> str:
    return hashlib.sha256(json.dumps([uid, what]).encode()).hexdigest()[:16]
