"""A RecordingSource for each provider, with a fake of its API, and the meetings that they record."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from localcluster.mediaserver import MediaServer
from tests.support.fake_providers import events
from tests.support.fake_providers.fireflies import FakeFireflies
from tests.support.fake_providers.meetingbaas import FakeMeetingBaas
from tests.support.fake_providers.recall import FakeRecall
from tests.support.fake_providers.recordings import FileKind, ProviderRecording, a_recording
from tests.support.fake_providers.server import FakeProvider
from tests.support.fake_providers.signing import Scheme
from tests.support.fake_providers.zoom import FakeZoom
from tests.support.recordings import Bytes

JsonObject = dict[str, Any]
Payloads = Callable[[ProviderRecording], list[JsonObject]]
WHSEC = "whsec_c3Rvcm0tb2YtZGVsaXZlcmllcy1zZWNyZXQtMQ=="  # pragma: allowlist secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A RecordingSource: how it is applied, what its provider sends, and what is stored then."""

    provider: str
    scheme: Scheme
    secret: str = field(repr=False)
    kinds: tuple[FileKind, ...]
    """Files of a recording that are stored."""
    payloads: Payloads
    """The deliveries of one recording, in the order in which they happen."""
    api: FakeProvider | None = None
    signature: JsonObject = field(default_factory=dict)
    spec: JsonObject = field(default_factory=dict)
    recording: JsonObject = field(default_factory=dict)
    content: Callable[[ProviderRecording], bytes] | None = None
    """Of a provider whose events contain the transcript."""

    @property
    def name(self) -> str:
        """Name of the RecordingSource."""
        return self.provider.lower()

    def expected(self, recording: ProviderRecording) -> dict[str, Bytes | None]:
        """What must be stored, by artifact."""
        if self.content is not None:
            return {"transcript": Bytes.of(self.content(recording))}
        files = (file for file in recording.files if file.kind in self.kinds)
        return {file.kind: Bytes(size_bytes=file.size_bytes, sha256=file.media.digest) for file in files}

    def manifests(self, namespace: str, location: str) -> list[JsonObject]:
        """The Secrets and the RecordingSource."""
        spec: JsonObject = {
            "provider": self.provider,
            "webhook": {"secretRef": {"name": f"{self.name}-webhook"}, **self.signature},
            "recording": {
                "storageLocation": location,
                "owner": {"org": {"value": "acme"}},
                "artifacts": [kind.capitalize() for kind in self.kinds],
                **self.recording,
            },
            **self.spec,
        }
        made = [_secret(namespace, f"{self.name}-webhook", {"current": self.secret})]
        if self.api is not None:
            spec["api"] = {"secretRef": {"name": f"{self.name}-api"}, "endpoint": self.api.endpoint}
            made.append(_secret(namespace, f"{self.name}-api", self.api.credentials))
        metadata = {"name": self.name, "namespace": namespace}
        source = {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "RecordingSource",
            "metadata": metadata,
            "spec": spec,
        }
        return [*made, source]


def _secret(namespace: str, name: str, data: Mapping[str, str]) -> JsonObject:
    allowed = {"recordings.dev/allowed-hosts": "127.0.0.1"}
    metadata = {"name": name, "namespace": namespace, "annotations": allowed}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}


@contextmanager
def all_sources(*, lasting: MediaServer, expiring: MediaServer, location: str, bucket: str) -> Iterator[list[Source]]:
    """A source of each provider. `expiring` has the files of providers whose API gives fresh URLs.

    `location` is where LiveKit's egress puts its objects, and `bucket` the URL of its bucket.
    """
    with ExitStack() as stack:
        baas = stack.enter_context(FakeMeetingBaas(expiring))
        recall = stack.enter_context(FakeRecall(expiring))
        zoom = stack.enter_context(FakeZoom(expiring))
        fireflies = stack.enter_context(FakeFireflies(expiring))
        plain = FakeMeetingBaas(lasting)  # only for URLs
        yield [
            Source(
                provider="MeetingBaaS",
                scheme=Scheme.SVIX,
                secret=WHSEC,
                kinds=("video", "audio"),
                payloads=lambda recording: [events.meetingbaas_completed(baas, recording)],
                api=baas,
            ),
            Source(
                provider="Recall",
                scheme=Scheme.STANDARD_WEBHOOKS,
                secret=WHSEC,
                kinds=("video", "transcript"),
                payloads=lambda recording: [
                    events.recall_event(recording, name) for name in ("recording.done", "transcript.done")
                ],
                api=recall,
            ),
            Source(
                provider="Zoom",
                scheme=Scheme.ZOOM,
                secret="zoom-secret-token-of-the-storm",
                kinds=("video", "audio"),
                payloads=lambda recording: [events.zoom_completed(zoom, recording)],
                api=zoom,
            ),
            Source(
                provider="Fireflies",
                scheme=Scheme.FIREFLIES,
                secret="fireflies-secret-of-the-storm",
                kinds=("audio",),
                payloads=lambda recording: [events.fireflies_transcribed(recording)],
                api=fireflies,
            ),
            Source(
                provider="Gladia",
                scheme=Scheme.TOKEN,
                secret="gladia-token-of-the-storm-0123456789",
                kinds=("transcript",),
                payloads=lambda recording: [events.gladia_success(recording, utterances=150)],
                content=lambda recording: _as_stored(events.gladia_success(recording, utterances=150)["payload"]),
            ),
            Source(
                provider="LiveKit",
                scheme=Scheme.LIVEKIT,
                secret="livekit-secret-of-the-storm-livekit-secret",
                kinds=("video",),
                payloads=lambda recording: [
                    events.livekit_ended(recording, event_id=f"EV-{recording.id}", location=bucket, folder="egress/")
                ],
                recording={"importFrom": {"storageLocation": location}},
            ),
            Source(
                provider="Generic",
                scheme=Scheme.HMAC,
                secret="generic-secret-of-the-storm",
                kinds=("video", "transcript"),
                payloads=lambda recording: [events.generic_ready(plain, recording)],
                signature={"signature": "HMAC", "hmac": {"header": "X-Signature", "prefix": "sha256="}},
                spec={"mapping": _MAPPING},
            ),
        ]


def a_meeting(source: Source, number: int) -> ProviderRecording:
    """Recording number N of a source."""
    return a_recording(f"{source.name}-{number}", kinds=source.kinds, size_bytes=40_000)


def _as_stored(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _mapped(name: str, kind: str) -> JsonObject:
    return {"name": name, "kind": kind, "url": f"files[?name=='{name}'] | [0].href"}


_ARTIFACTS = [_mapped("video", "Video"), {**_mapped("transcript", "Transcript"), "optional": True}]
_MAPPING: JsonObject = {"id": "call.id", "event": "type", "title": "call.subject", "artifacts": _ARTIFACTS}
