"""Complete Recordings: every byte is in the store."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from localcluster.mediaserver import Served
from tests.support.lying_source import Content, LyingSource
from tests.support.recordings import MIB, artifact_of, from_media, from_source, inline
from tests.support.world import World

pytestmark = pytest.mark.cluster

_PROBE_BYTES = 64 * 1024  # the first response, which is checked; the transcript has one too
_BUFFERS = (Path("/proc/sys/net/ipv4/tcp_rmem"), Path("/proc/sys/net/ipv4/tcp_wmem"))


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
    assert_read_once(world.media.served, size_bytes=1024 * MIB)


def assert_read_once(served: Sequence[Served], *, size_bytes: int) -> None:
    """Each response was read up to the start of the next one. Bytes sent beyond that are in socket buffers."""
    asked = [(_first_byte(one), one.sent_bytes) for one in served if one.sent_bytes > _PROBE_BYTES]
    asked.sort()
    ends = [first for first, _ in asked[1:]] + [size_bytes]
    held_bytes = sum(int(file.read_text().split()[2]) for file in _BUFFERS)
    assert asked[0][0] == 0
    assert len(asked) <= 20, "the ranges were shared out too often"
    for (first, sent_bytes), end in zip(asked, ends, strict=True):
        assert end - first <= sent_bytes <= end - first + held_bytes, f"read twice or not at all: from {first}"


def _first_byte(served: Served) -> int:
    return int((served.range or "bytes=0-").removeprefix("bytes=").partition("-")[0])


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
