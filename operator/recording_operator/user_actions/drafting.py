"""What a user describes as a Recording and its Secrets. Pure functions, but for the random part of a name."""

import base64
import re
import secrets as randomness
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from recording_operator.api.masking import mask_urls
from recording_operator.api.names import API_VERSION, RECORDING_KIND
from recording_operator.api.recording_rules import MAX_INLINE_BYTES, MAX_INLINE_BYTES_TOGETHER, MAX_URL_CHARS
from recording_operator.egress.errors import InvalidUrlError
from recording_operator.egress.url import parse_url
from recording_operator.engine.signed_urls import validity_in_url

_TEXT_KINDS: Final = ("Transcript", "Summary", "Requirements", "Metadata", "Other")
CONTENT_KEY: Final = "content"
_LABEL: Final = "app.kubernetes.io/managed-by"
_TOOL: Final = "kubectl-recordings"
_ALPHABET: Final = "bcdfghjkmnpqrstvwxz2456789"
"""As in names that Kubernetes generates: without vowels, and without what looks alike."""
_SUFFIX_CHARS: Final = 5
_TITLE_CHARS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftArtifact:
    """An artifact before its URL or content has a place. `repr` does not show them."""

    name: str
    kind: str
    url: str | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    content_type: str = ""
    stored: tuple[str, str] | None = None
    """StorageLocation and key of an object."""

    @property
    def inline(self) -> str | None:
        """The content as a text of the spec, if it may be one."""
        if self.content is None or self.kind not in _TEXT_KINDS or len(self.content) > MAX_INLINE_BYTES:
            return None
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedSecretDraft:
    """A Secret that will belong to the Recording. `repr` does not show its values."""

    name: str
    data: Mapping[str, bytes] = field(repr=False)
    has_urls: bool
    """Whether the values are URLs. Otherwise they are files."""

    def manifest(self, *, namespace: str, owner: Mapping[str, Any] | None) -> dict[str, Any]:
        """The whole manifest. `owner` is the stored Recording; without one, nothing deletes the Secret later."""
        metadata: dict[str, Any] = {"name": self.name, "namespace": namespace, "labels": {_LABEL: _TOOL}}
        if owner is not None:
            metadata["ownerReferences"] = [owner_reference(owner)]
        data = {key: base64.b64encode(value).decode() for key, value in self.data.items()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}

    def shown(self, *, namespace: str) -> dict[str, Any]:
        """The manifest for people: without signatures of URLs, and without content."""
        manifest = self.manifest(namespace=namespace, owner=None)
        del manifest["data"]
        return {**manifest, "stringData": {key: self._shown(value) for key, value in self.data.items()}}

    def _shown(self, value: bytes) -> str:
        return mask_urls(value.decode(errors="replace")) if self.has_urls else f"({len(value)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Artifacts as the spec names them, and the Secrets that hold the rest."""

    artifacts: list[dict[str, Any]] = field(repr=False)
    secrets: tuple[OwnedSecretDraft, ...] = ()


def owner_reference(recording: Mapping[str, Any]) -> dict[str, str]:
    """The ownerReference to a stored Recording. Kubernetes deletes the Secret with it."""
    metadata = recording["metadata"]
    return {"apiVersion": API_VERSION, "kind": RECORDING_KIND, "name": metadata["name"], "uid": metadata["uid"]}


def place(drafts: Sequence[DraftArtifact], *, secret_name: str, secret: bool | None, expires_at: str | None) -> Placed:
    """Decide what of the artifacts goes into the spec, and what into Secrets.

    `secret`: None: URLs into a Secret, and texts of at most 16 KiB into the spec. True: texts into a Secret, too.
    False: URLs into the spec.
    """
    may_inline = secret is not True and content_fits_inline(drafts)
    urls: dict[str, bytes] = {}
    contents: list[OwnedSecretDraft] = []
    artifacts = []
    for draft in drafts:
        entry: dict[str, Any] = {"name": draft.name, "kind": draft.kind}
        if draft.content_type:
            entry["contentType"] = draft.content_type
        if draft.stored is not None:
            entry["source"] = object_source(draft.stored)
        elif draft.url is not None:
            if secret is not False:
                urls[draft.name] = draft.url.encode()
            entry["source"] = url_source(draft, secret_name=None if secret is False else secret_name, at=expires_at)
        elif may_inline and draft.inline is not None:
            entry["inline"] = draft.inline
        else:
            name = f"{secret_name}-content-{draft.name}"
            contents.append(OwnedSecretDraft(name=name, data={CONTENT_KEY: draft.content or b""}, has_urls=False))
            entry["contentSecretRef"] = {"name": name, "key": CONTENT_KEY}
        artifacts.append(entry)
    of_urls = (OwnedSecretDraft(name=secret_name, data=urls, has_urls=True),) if urls else ()
    return Placed(artifacts=artifacts, secrets=(*of_urls, *contents))


def url_source(draft: DraftArtifact, *, secret_name: str | None, at: str | None) -> dict[str, Any]:
    """The source of a URL, in the Secret or, without one, in the spec."""
    url = draft.url or ""
    named = {"url": url} if secret_name is None else {"urlSecretRef": {"name": secret_name, "key": draft.name}}
    expires_at = at or url_expiry(url)
    return {**named, **({"expiresAt": expires_at} if expires_at else {})}


def with_expiry(artifacts: Iterable[Mapping[str, Any]], expires_at: str | None) -> list[dict[str, Any]]:
    """Artifacts of a manifest. If `expires_at` is given, all URLs expire then, whatever the manifest says."""
    return [
        {**one, "source": {**source, "expiresAt": expires_at}}
        if expires_at and (source := one.get("source") or {}) and "object" not in source
        else dict(one)
        for one in artifacts
    ]


def urls_into_secret(artifacts: Iterable[Mapping[str, Any]], *, secret_name: str) -> Placed:
    """Artifacts of a manifest whose URLs are moved into a Secret."""
    urls: dict[str, bytes] = {}
    moved = []
    for artifact in artifacts:
        source = artifact.get("source") or {}
        # The API server rejects both together; but it removes a null before it looks.
        if not source.get("url") or source.get("urlSecretRef") is not None:
            moved.append(dict(artifact))
            continue
        name = str(artifact["name"])
        urls[name] = str(source["url"]).encode()
        draft = DraftArtifact(name=name, kind="", url=str(source["url"]))
        kept = {key: value for key, value in source.items() if key != "url"}
        named = url_source(draft, secret_name=secret_name, at=source.get("expiresAt"))
        moved.append({**artifact, "source": {**kept, **named}})
    of_urls = (OwnedSecretDraft(name=secret_name, data=urls, has_urls=True),) if urls else ()
    return Placed(artifacts=moved, secrets=of_urls)


def name_from_title(title: str) -> str:
    """A name for the Recording: the title in plain letters, and five random characters."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub("[^a-z0-9]+", "-", plain)[:_TITLE_CHARS].strip("-")
    return with_suffix(words or "recording")


def with_suffix(name: str) -> str:
    """The name with five random characters, as Kubernetes generates names."""
    return f"{name}-{''.join(randomness.choice(_ALPHABET) for _ in range(_SUFFIX_CHARS))}"


def without_signatures(recording: Mapping[str, Any]) -> dict[str, Any]:
    """A Recording for people: URLs in its spec have no query."""
    spec = dict(recording.get("spec") or {})
    artifacts = []
    for artifact in spec.get("artifacts") or ():
        source = artifact.get("source") or {}
        masked = {"source": {**source, "url": mask_urls(str(source["url"]))}} if source.get("url") else {}
        artifacts.append({**artifact, **masked})
    return {**recording, "spec": {**spec, "artifacts": artifacts}}


def url_expiry(url: str) -> str | None:
    """When the URL expires according to its parameters, as `source.expiresAt` has it."""
    end: datetime | None = validity_in_url(url).end
    return None if end is None else f"{end:%Y-%m-%dT%H:%M:%SZ}"


def content_fits_inline(drafts: Iterable[DraftArtifact]) -> bool:
    """Whether all texts together fit into a spec."""
    return sum(len(one.content or b"") for one in drafts if one.inline is not None) <= MAX_INLINE_BYTES_TOGETHER


def object_source(stored: tuple[str, str]) -> dict[str, Any]:
    """`source.object`."""
    location, key = stored
    return {"object": {"storageLocation": location, "key": key}}


def url_problem(url: str) -> str | None:
    """Why the operator cannot use the URL, for a sentence that begins with its name; None if it can."""
    try:
        parse_url(url)
    except InvalidUrlError:
        return "is not an absolute http or https URL without user name, spaces and fragment"
    return f"is longer than {MAX_URL_CHARS} characters" if len(url) > MAX_URL_CHARS else None
