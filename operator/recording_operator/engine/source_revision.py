"""Digests of an artifact's source, which show whether its URL has changed since the last attempt."""

import hashlib
import json
from typing import Final

from recording_operator.api.recording import ArtifactSpec, SourceRef

_INLINE_REVISION: Final = "inline"


def spec_revision(uid: str, artifact: ArtifactSpec) -> str:
    """The digest of the source in the spec. It is salted with the uid, so that equal URLs have different digests."""
    if artifact.source is None:
        return _INLINE_REVISION
    return _digest(uid, _source_identity(artifact.source))


def resolved_revision(uid: str, revision: str, *, url: str, headers: dict[str, str]) -> str:
    """`spec_revision`, followed by a digest of what its Secrets contained."""
    return f"{revision}.{_digest(uid, [url, sorted(headers.items())])}"


def revision_is_of(uid: str, artifact: ArtifactSpec, revision: str) -> bool:
    """Whether the revision belongs to the source in the spec, regardless of the contents of its Secrets."""
    return revision.split(".", 1)[0] == spec_revision(uid, artifact)


def names_secret(artifact: ArtifactSpec) -> bool:
    """Whether the source's URL or headers come from a Secret. The operator does not watch Secrets."""
    source = artifact.source
    return source is not None and (source.url_secret_ref is not None or source.headers_secret_ref is not None)


def _source_identity(source: SourceRef) -> list[object]:
    refs = [ref.model_dump() if ref else None for ref in (source.url_secret_ref, source.headers_secret_ref)]
    expires = source.expires_at.isoformat() if source.expires_at else None
    # What earlier versions have written into statuses stays the same.
    named = [source.object.model_dump()] if source.object else []
    return [source.url, *refs, expires, *named]


def _digest(uid: str, what: object) -> str:
    return hashlib.sha256(json.dumps([uid, what]).encode()).hexdigest()[:16]
