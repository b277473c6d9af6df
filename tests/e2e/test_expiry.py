"""URLs that expire, and Secrets that are created late: the same upload continues, or ends in time."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from localcluster import MediaServer
from localcluster.install import secrets_binding
from recording_operator.api.names import ALLOWED_HOSTS_ANNOTATION, SOURCE_HEADERS_LABEL
from tests.support.lying_source import CANARY as URL_CANARY
from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.recordings import (
    CANARY,
    MIB,
    Artifact,
    Bytes,
    Live,
    an_artifact,
    artifact_of,
    from_media,
    media_bytes,
    media_url,
)
from tests.support.transfers import pattern
from tests.support.waiting import eventually
from tests.support.world import World

pytestmark = pytest.mark.cluster

SIZE = 64 * MIB
PART = 8 * MIB
WORKERS = 4
PROBES = 2**20


def expire_during_upload(media: MediaServer, stored: Callable[[], int]) -> None:
    """Wait for some bytes, let every URL expire, and cut the open responses (which would go on to their end)."""
    eventually(lambda: stored() >= 2 * PART, within_s=60, what="two stored parts")
    media.stop()
    media.clock = lambda: time.time() + 3600
    media.start()


def parts_of(world: World, recording: Live) -> int:
    """Bytes in the parts of its open upload."""
    artifact = artifact_of(recording.status(), "video")
    return world.stored_parts(artifact["key"], artifact["uploadId"])


def read_bytes(media: MediaServer) -> int:
    """What was read from the media server so far."""
    return sum(served.sent_bytes for served in media.served)


def test_a_fresh_url_continues_the_same_upload(world: World) -> None:
    recording = world.create(from_media(world.media, size_bytes=SIZE, rate="2MB"))
    upload = recording.wait_upload()
    expire_during_upload(world.media, lambda: parts_of(world, recording))

    status = recording.wait_phase("Pending", reason="SourceExpired")
    assert (status["attempts"], artifact_of(status, "video")["uploadId"]) == (0, upload)
    assert artifact_of(status, "video")["expiredSince"]
    kept = parts_of(world, recording)
    before = read_bytes(world.media)
    # At a rate that the operator keeps up with: what is sent is what is read, and not what sockets hold besides.
    recording.edit_source(url=media_url(world.media, "video.mp4", size_bytes=SIZE, rate="10MB"))

    recording.wait_phase("Complete")
    assert recording.upload_ids() == {upload}
    assert read_bytes(world.media) - before <= SIZE - kept + PART + PROBES, "parts that were stored were read again"
    world.wait_events("meeting", "SourceExpired", only_warnings=True)


def test_a_fresh_url_of_other_content_starts_again(world: World) -> None:
    recording = world.create(from_media(world.media, size_bytes=SIZE, rate="2MB"))
    recording.wait_upload()
    expire_during_upload(world.media, lambda: parts_of(world, recording))
    recording.wait_phase("Pending", reason="SourceExpired")

    recording.edit_source(url=media_url(world.media, "video.mp4", size_bytes=MIB))
    world.expected[recording.uid].artifacts["video"] = media_bytes("video.mp4", MIB)

    recording.wait_phase("Complete")
    eventually(lambda: not world.open_uploads(), within_s=30, what="the upload of the former content aborted")


def test_a_fresh_url_in_the_secret_is_found(world: World) -> None:
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    world.put_secret("link", {"url": media_url(world.media, "video.mp4", size_bytes=SIZE, rate="2MB")})
    recording = world.create(from_secret(SIZE))
    upload = recording.wait_upload()
    expire_during_upload(world.media, lambda: parts_of(world, recording))
    recording.wait_phase("Pending", reason="SourceExpired")

    world.put_secret("link", {"url": media_url(world.media, "video.mp4", size_bytes=SIZE)})

    recording.wait_phase("Complete")
    assert recording.upload_ids() == {upload}


def test_without_a_fresh_url_the_grace_period_ends(world: World) -> None:
    world.edit_location(retry={"delays": ["1s"], "refreshGrace": "2s"})
    world.wait_location("ProbeSucceeded")
    recording = world.create(from_media(world.media, size_bytes=SIZE, rate="2MB"))
    recording.wait_upload()
    world.expected[recording.uid].artifacts["video"] = None
    expire_during_upload(world.media, lambda: parts_of(world, recording))

    status = recording.wait_phase("Failed", reason="SourceExpired")

    assert "Pending/SourceExpired" in recording.reasons(), "there was no grace"
    assert status["attempts"] == 0
    recording.wait(lambda status: "uploadId" not in artifact_of(status, "video"), what="the aborted upload forgotten")
    assert world.open_uploads() == []


def test_expired_from_the_start(world: World) -> None:
    world.media.clock = lambda: time.time() - 3600
    expired = from_media(world.media)
    world.media.clock = time.time
    recording = world.create(expired)

    status = recording.wait_phase("Pending", reason="SourceExpired")
    assert "Apply a fresh URL" in status["message"]
    recording.edit_source(url=media_url(world.media, "video.mp4", size_bytes=MIB))

    recording.wait_phase("Complete")


def test_a_secret_that_comes_later(world: World) -> None:
    unreadable = world.create(from_secret(MIB), name="unreadable")
    status = unreadable.wait_phase("Pending", reason="SecretNotFound")
    assert "recording-operator-secrets" in status["message"], "says how to let the operator read it"
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    missing = world.create(from_secret(MIB), name="missing")
    # The API server may need a moment to know of the binding.
    missing.wait(lambda status: "'link' does not exist" in (status.get("message") or ""), what="no such Secret")

    world.put_secret("link", {"url": media_url(world.media, "video.mp4", size_bytes=MIB)})

    for recording in (unreadable, missing):
        assert recording.wait_phase("Complete", within_s=60)["attempts"] == 0


def test_headers_only_with_their_owners_consent(world: World) -> None:
    world.secrets.add(URL_CANARY)
    world.cluster.kubectl.apply(secrets_binding(world.namespace))
    token, body = f"Bearer {CANARY}", pattern(MIB)
    consent: dict[str, Any] = {
        "labels": {SOURCE_HEADERS_LABEL: "true"},
        "annotations": {ALLOWED_HOSTS_ANNOTATION: "127.0.0.1"},
    }
    elsewhere = {**consent, "annotations": {ALLOWED_HOSTS_ANNOTATION: "media.example.com"}}

    def behave(request: SourceRequest) -> Behaviour:
        allowed = request.headers.get("authorization") == token
        return Behaviour() if allowed else Behaviour(status=403, body=b"")

    with LyingSource(Content(body=body)) as source:
        source.behave = behave
        world.put_secret("unlabelled", {"Authorization": token})
        world.put_secret("elsewhere", {"Authorization": token}, **elsewhere)
        waiting = {}
        for secret, missing in {"unlabelled": SOURCE_HEADERS_LABEL, "elsewhere": ALLOWED_HOSTS_ANNOTATION}.items():
            reference = {"url": source.url, "headersSecretRef": {"name": secret}}
            waiting[secret] = world.create(an_artifact("video", Bytes.of(body), source=reference), name=secret)
            status = waiting[secret].wait_phase("Pending", reason="SecretNotUsable")
            assert missing in status["message"]
        assert source.served == [], "asked without the headers"

        for secret in waiting:
            world.put_secret(secret, {"Authorization": token}, **consent)
        for recording in waiting.values():
            recording.wait_phase("Complete", within_s=60)


def from_secret(size_bytes: int) -> Artifact:
    """A video of the media server whose link is in the Secret `link`."""
    reference = {"urlSecretRef": {"name": "link", "key": "url"}}
    return an_artifact("video", media_bytes("video.mp4", size_bytes), source=reference)
