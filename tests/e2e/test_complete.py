"""Recordings that arrive: apply one, and every byte is in the store."""

import pytest

from tests.support.lying_source import Content, LyingSource
from tests.support.recordings import MIB, artifact_of, from_media, from_source, inline
from tests.support.world import World

pytestmark = pytest.mark.cluster

SENT_AHEAD = 32 * MIB  # what is in the sockets of four connections when their ranges are shared out anew


def test_three_artifacts_and_a_gibibyte(world: World) -> None:
    recording = world.create(
        from_media(world.media, size_bytes=1024 * MIB, rate="60MB"),
        from_media(world.media, name="transcript", ending="vtt", size_bytes=20_000),
        inline('{"title": "weekly sync"}'),
        name="weekly-sync",
    )

    world.cluster.kubectl(
        "wait", "recording/weekly-sync", "--for=condition=Ready", f"-n={world.namespace}", "--timeout=120s",
        timeout_s=130,
    )  # fmt: skip

    status = recording.wait_phase("Complete", reason="Stored")
    assert (status["progress"], status["size"], status["attempts"]) == ("100%", "1.1 GB", 0)
    row = world.cluster.kubectl("get", "recordings", "weekly-sync", f"-n={world.namespace}").splitlines()[1]
    assert row.split()[:4] == ["weekly-sync", "Complete", "100%", "1.1"]
    assert recording.reasons() == ["Uploading/Uploading", "Complete/Stored"]
    done = [version.get("status", {}).get("bytesDone", 0) for version in recording.versions()]
    assert done == sorted(done), "progress goes back"
    assert len(set(done)) > 3, "no progress was shown"
    assert len(recording.upload_ids()) == 1
    world.wait_events("weekly-sync", "Uploading", "Stored")
    read = sum(served.sent_bytes for served in world.media.served)
    assert read <= 1024 * MIB + SENT_AHEAD, "something was read twice"


def test_behind_a_redirect_with_checksum_and_size(world: World) -> None:
    video, audio = from_media(world.media, size_bytes=9 * MIB), from_media(world.media, name="audio", ending="mp3")
    assert video.expected is not None
    video.spec["source"] = {
        "url": world.media.link("video.mp4", size=9 * MIB),
        "checksum": f"sha256:{video.expected.sha256()}",
        "size": 9 * MIB,
    }
    recording = world.create(video, audio)

    status = recording.wait_phase("Complete")

    assert artifact_of(status, "audio")["contentType"] == "audio/mpeg"


def test_artifacts_appended_to_a_complete_recording(world: World) -> None:
    recording = world.create(from_media(world.media))
    video = artifact_of(recording.wait_phase("Complete"), "video")

    world.append(recording, from_media(world.media, name="transcript", ending="vtt"), inline("[]"))

    status = recording.wait_phase("Complete")
    assert [found["name"] for found in status["artifacts"]] == ["video", "transcript", "summary"]
    assert artifact_of(status, "video") == video, "what was stored already changed"
    assert recording.reasons() == ["Uploading/Uploading", "Complete/Stored"] * 2


def test_an_optional_artifact_that_fails(world: World) -> None:
    with LyingSource(Content(body=b"<html>please log in</html>", content_type="text/html")) as source:
        recording = world.create(
            from_media(world.media), from_source(source, name="transcript", stored=False, optional=False)
        )
        required = world.create(
            from_media(world.media),
            from_source(source, name="transcript", stored=False, optional=True),
            name="optional",
        )

        assert recording.wait_ended()["phase"] == "Failed"
        status = required.wait_phase("Complete", reason="PartiallyStored")

    assert artifact_of(status, "transcript")["reason"] == "UnexpectedContent"
    assert "transcript" in status["message"]
