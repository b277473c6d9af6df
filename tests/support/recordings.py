"""Recordings for end-to-end tests: manifests, the expected bytes, and a handle on the object in the API server."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from localcluster import MediaServer
from localcluster.media import Media
from recording_operator.kube.errors import NotFound
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from tests.support.history import History, version_of
from tests.support.lying_source import LyingSource

JsonObject = dict[str, Any]
CANARY: Final = f"CANARY-{uuid.uuid4().hex}"  # in every secret that a test makes up; it must appear nowhere else
MIB: Final = 2**20
PATIENCE_S: Final = 30.0
_KINDS: Final = {
    "video": "Video",
    "audio": "Audio",
    "transcript": "Transcript",
    "summary": "Summary",
    "metadata": "Metadata",
}
_TERMINAL: Final = ("Complete", "Failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """The expected content of an object."""

    size_bytes: int
    sha256: Callable[[], str] = field(repr=False)

    @classmethod
    def of(cls, body: bytes) -> "Bytes":
        """Exactly these bytes."""
        return cls(size_bytes=len(body), sha256=lambda: hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One artifact of a Recording to be made; `expected` None where nothing may be stored."""

    spec: JsonObject
    expected: Bytes | None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.spec["name"])


def an_artifact(name: str, expected: Bytes | None, *, source: Mapping[str, Any], **more: Any) -> Artifact:
    """An artifact with this source; its kind follows from the name."""
    kind = _KINDS.get(name.split("-", maxsplit=1)[0], "Other")
    return Artifact(spec={"name": name, "kind": kind, "source": dict(source), **more}, expected=expected)


def from_media(
    media: MediaServer, *, name: str = "video", ending: str = "mp4", size_bytes: int = MIB, **link: Any
) -> Artifact:
    """An artifact behind a signed link of the sample media server, a canary in its query.

    `link`: `valid_s`, and the query parameters of the media server, such as `rate`.
    """
    return an_artifact(
        name,
        media_bytes(f"{name}.{ending}", size_bytes),
        source={"url": media_url(media, f"{name}.{ending}", size_bytes=size_bytes, **link)},
    )


def media_url(media: MediaServer, file: str, *, size_bytes: int, **link: Any) -> str:
    """A signed link with a canary in its query; the same file has the same bytes behind every link."""
    return media.signed_link(file, size_bytes=size_bytes, canary=CANARY, **link)


def media_bytes(file: str, size_bytes: int) -> Bytes:
    """The content of a file on the sample media server."""
    return Bytes(size_bytes=size_bytes, sha256=partial(Media(name=file, size_bytes=size_bytes).digest, "sha256"))


def media_body(file: str, size_bytes: int) -> bytes:
    """The content of a file, for a test that stores it itself."""
    return Media(name=file, size_bytes=size_bytes).read(0, size_bytes)


def from_source(source: LyingSource, *, name: str = "video", stored: bool = True, **more: Any) -> Artifact:
    """An artifact of a scripted source; `stored` False where it must not be stored."""
    expected = Bytes.of(source.content.body) if stored else None
    return an_artifact(name, expected, source={"url": source.url}, **more)


def from_object(
    location: str, key: str, body: bytes, *, name: str = "video", stored: bool = True, **source: Any
) -> Artifact:
    """An artifact that is copied from an object of a location; `stored` False where it must not be stored."""
    named = {"object": {"storageLocation": location, "key": key}, **source}
    return an_artifact(name, Bytes.of(body) if stored else None, source=named)


def from_client(body: bytes, *, name: str = "video", stored: bool = True, **upload: Any) -> Artifact:
    """An artifact that a client sends; `stored` False where it must not be stored."""
    return an_artifact(name, Bytes.of(body) if stored else None, source={"upload": {"maxSize": "100Mi", **upload}})


def inline(text: str, *, name: str = "summary", content_type: str = "application/json") -> Artifact:
    """A small text in the spec itself."""
    spec = {"name": name, "kind": _KINDS[name], "contentType": content_type, "inline": text}
    return Artifact(spec=spec, expected=Bytes.of(text.encode()))


class Live:
    """A Recording in the API server. Waits look at versions that are at least as new as the last edit from here."""

    def __init__(self, stored: JsonObject, *, admin: RestClient, history: History) -> None:
        self.name = str(stored["metadata"]["name"])
        self.namespace = str(stored["metadata"]["namespace"])
        self.uid = str(stored["metadata"]["uid"])
        self.spec: JsonObject = stored["spec"]
        self._admin = admin
        self._history = history
        self._least_version = version_of(stored)

    @property
    def path(self) -> str:
        """Its path in the API."""
        return f"{path_of(self.namespace)}/{self.name}"

    def read(self) -> JsonObject:
        """The object as it is now. Raises NotFound."""
        return self._admin.request("GET", self.path)

    def exists(self) -> bool:
        """Whether this very object (not a namesake) is there."""
        try:
            return bool(self.read()["metadata"]["uid"] == self.uid)
        except NotFound:
            return False

    def status(self) -> JsonObject:
        """Its status now."""
        return dict(self.read().get("status", {}))

    def versions(self) -> list[JsonObject]:
        """All versions of it that were seen."""
        return self._history.versions(self.uid)

    def wait(self, fact: Callable[[JsonObject], bool], *, what: str, within_s: float = PATIENCE_S) -> JsonObject:
        """Wait for a fact about the status and return the status."""
        found = self._history.wait(
            self.uid,
            lambda version: fact(version.get("status", {})),
            within_s=within_s,
            what=f"{self.name}: {what}",
            least_version=self._least_version,
        )
        return dict(found["status"])

    def wait_phase(self, phase: str, *, reason: str | None = None, within_s: float = PATIENCE_S) -> JsonObject:
        """Wait for a phase (a terminal one must be of the newest generation) and, if given, its reason."""
        found = self._history.wait(
            self.uid,
            lambda version: _is_in(version, phase, reason),
            within_s=within_s,
            what=f"{self.name}: {phase} {reason or ''}",
            least_version=self._least_version,
        )
        return dict(found["status"])

    def wait_ended(self, *, within_s: float = PATIENCE_S) -> JsonObject:
        """Wait until it is Complete or Failed."""
        found = self._history.wait(
            self.uid,
            lambda version: any(_is_in(version, phase, None) for phase in _TERMINAL),
            within_s=within_s,
            what=f"{self.name}: an end",
            least_version=self._least_version,
        )
        return dict(found["status"])

    def wait_upload(self, artifact: str = "video", *, within_s: float = PATIENCE_S) -> str:
        """Wait until the status names an open multipart upload; its id."""
        status = self.wait(
            lambda status: bool(artifact_of(status, artifact).get("uploadId")),
            what=f"an open upload of {artifact}",
            within_s=within_s,
        )
        return str(artifact_of(status, artifact)["uploadId"])

    def wait_gone(self, *, within_s: float = PATIENCE_S) -> None:
        """Wait until the object is deleted."""
        self._history.wait_gone(self.uid, within_s=within_s)

    def edit(self, **spec: Any) -> None:
        """Merge into the spec."""
        body = {"spec": spec}
        stored = self._admin.request("PATCH", self.path, body=body, content_type=MERGE_PATCH)
        self.spec = stored["spec"]
        self._least_version = version_of(stored)

    def edit_source(self, artifact: str = "video", **source: Any) -> None:
        """Change the source of one artifact; None removes a field."""
        specs = [dict(spec) for spec in self.spec["artifacts"]]
        for spec in specs:
            if spec["name"] == artifact:
                merged = {**spec["source"], **source}
                spec["source"] = {key: value for key, value in merged.items() if value is not None}
        self.edit(artifacts=specs)

    def delete(self) -> None:
        """Request its deletion."""
        self._admin.request("DELETE", self.path)

    def upload_ids(self, artifact: str = "video") -> set[str]:
        """Every upload that its status ever named."""
        named = (artifact_of(version.get("status", {}), artifact).get("uploadId") for version in self.versions())
        return {str(upload_id) for upload_id in named if upload_id}

    def reasons(self) -> list[str]:
        """Its phases and reasons in order, repetitions left out: `Pending/Queued`."""
        seen: list[str] = []
        for version in self.versions():
            status = version.get("status", {})
            word = f"{status.get('phase')}/{status.get('reason')}"
            if status.get("reason") and word not in seen[-1:]:
                seen.append(word)
        return seen


def a_recording(namespace: str, *artifacts: Artifact, name: str, location: str, **spec: Any) -> JsonObject:
    """A manifest."""
    return {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "storageLocation": location,
            "owner": {"org": "acme", "user": "u-17"},
            "artifacts": [artifact.spec for artifact in artifacts],
            **spec,
        },
    }


def path_of(namespace: str) -> str:
    """The path of a namespace's Recordings in the API."""
    return f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings"


def artifact_of(status: JsonObject, name: str) -> JsonObject:
    """The status of one artifact; empty while there is none."""
    return next((dict(found) for found in status.get("artifacts", []) if found["name"] == name), {})


def _is_in(version: JsonObject, phase: str, reason: str | None) -> bool:
    status = version.get("status", {})
    if status.get("phase") != phase or reason not in (None, status.get("reason")):
        return False
    return phase not in _TERMINAL or status.get("observedGeneration") == version["metadata"]["generation"]
