"""RecordingSources for end-to-end tests, and artifacts whose URL a provider gives."""

from typing import Any

from localcluster.install import secrets_binding
from recording_operator.api.names import ALLOWED_HOSTS_ANNOTATION
from tests.support.fake_providers.recordings import ProviderFile
from tests.support.fake_providers.server import FakeProvider
from tests.support.recordings import Artifact, an_artifact, media_bytes
from tests.support.world import World

SOURCE = "calls"
API_SECRET = "calls-api"  # pragma: allowlist secret


def add_source(world: World, provider: FakeProvider, *, kind: str = "MeetingBaaS") -> None:
    """A RecordingSource whose API is this fake, in the namespace of the test, and its Secret."""
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    put_api_secret(world, dict(provider.credentials))
    body = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "RecordingSource",
        "metadata": {"name": SOURCE, "namespace": world.namespace},
        "spec": {
            "provider": kind,
            "webhook": {"secretRef": {"name": "calls-webhook"}},
            "api": {"secretRef": {"name": API_SECRET}, "endpoint": provider.endpoint},
            "recording": {"owner": {"org": {"value": "acme"}}},
        },
    }
    world.admin.request("POST", sources_path(world), body=body)


def sources_path(world: World) -> str:
    """The RecordingSources of the namespace."""
    return f"/apis/recordings.dev/v1alpha1/namespaces/{world.namespace}/recordingsources"


def put_api_secret(world: World, credentials: dict[str, str]) -> None:
    """The Secret with the keys of the API. It may be sent to the loopback address."""
    world.put_secret(API_SECRET, credentials, annotations={ALLOWED_HOSTS_ANNOTATION: "127.0.0.1"})


def from_provider(recording_id: str, file: ProviderFile, *, media: str = "video", **source: Any) -> Artifact:
    """An artifact whose URL the provider gives."""
    named = {"recordingSource": SOURCE, "id": recording_id, "media": media}
    return an_artifact(media, media_bytes(file.path, file.size_bytes), source={"provider": named, **source})
