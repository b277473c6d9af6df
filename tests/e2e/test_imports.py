"""Recordings of objects that a store holds already: copied inside the store, streamed between stores, imported."""

from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from localcluster import OperatorProcess
from localcluster.install import OPERATOR_NAMESPACE
from localcluster.media import Media
from recording_operator.cli import main
from tests.support.recordings import MIB, Live, from_object, path_of
from tests.support.world import World, moved_bytes

pytestmark = pytest.mark.cluster

HEAD: Final = 64 * 2**10
"""So much of an object is read to check its type."""
SECRETS: Final = f"--operator-namespace={OPERATOR_NAMESPACE}"


def media(size_bytes: int, name: str = "video.mp4") -> bytes:
    return Media(name=name, size_bytes=size_bytes).read(0, size_bytes)


def egress(world: World, *prefixes: str, **spec: Any) -> str:
    """A location for what others write into the test's bucket, which opens these prefixes."""
    opened = [{"prefix": prefix} for prefix in prefixes or ("egress/{namespace}/",)]
    return world.make_location(spec={"s3": {"prefix": "operator/"}, "imports": opened, **spec})


def own_key(world: World, name: str = "room-7.mp4") -> str:
    return f"egress/{world.namespace}/{name}"


def processed_bytes(operator: OperatorProcess) -> int:
    """Bytes that the process has read and written, of files and connections, by the kernel's count."""
    counts = dict(line.split(": ") for line in Path(f"/proc/{operator.process.pid}/io").read_text().splitlines())
    return int(counts["rchar"]) + int(counts["wchar"])


@pytest.mark.parametrize("algorithm", ["CRC64NVME", "CRC32"])
def test_inside_one_store_no_byte_passes_through_the_operator(world: World, algorithm: str) -> None:
    """CRC32 is what newer AWS SDKs send, and LiveKit Egress with them."""
    size_bytes = 60 * MIB
    body = media(size_bytes)
    source = egress(world)
    world.put_source(own_key(world), body, ContentType="video/mp4", ChecksumAlgorithm=algorithm)
    world.wait_location("ProbeSucceeded", name=source)
    [operator] = world.running
    moved, processed = moved_bytes(operator), processed_bytes(operator)

    recording = world.create(from_object(source, own_key(world), body))

    status = recording.wait_phase("Complete", within_s=60)
    proof = "FullObjectCRC64NVME" if algorithm == "CRC64NVME" else "ETagMD5"
    assert status["artifacts"][0]["integrity"] == proof
    assert moved_bytes(operator) - moved <= HEAD
    assert processed_bytes(operator) - processed < size_bytes / 4  # status writes, watches, probes


def test_a_checksum_in_the_spec_is_compared_and_a_wrong_size_fails(world: World) -> None:
    body = media(MIB)
    source = egress(world)
    world.put_source(own_key(world), body, ContentType="video/mp4")
    right = from_object(
        source, own_key(world), body, checksum=f"sha256:{Media(name='video.mp4', size_bytes=MIB).digest()}"
    )
    wrong = from_object(source, own_key(world), body, stored=False, size=MIB + 1)

    good = world.create(right, name="right")
    bad = world.create(wrong, name="wrong")

    assert good.wait_phase("Complete")["artifacts"][0]["provedChecksum"] == "sha256"
    bad.wait_phase("Failed", reason="SizeMismatch")


def test_a_page_instead_of_a_video_fails_like_that_of_a_url(world: World) -> None:
    source = egress(world)
    body = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    world.put_source(own_key(world), body, ContentType="text/html")

    recording = world.create(from_object(source, own_key(world), body, stored=False))

    recording.wait_phase("Failed", reason="UnexpectedContent")


def test_a_key_that_is_not_open_waits_until_it_is_and_is_not_read(world: World) -> None:
    body = media(MIB)
    source = egress(world)
    world.put_source("egress/other/room-7.mp4", body, ContentType="video/mp4")

    recording = world.create(from_object(source, "egress/other/room-7.mp4", body))

    status = recording.wait_phase("Pending", reason="ImportNotAllowed")
    assert status["message"] == (
        f"video: StorageLocation {source} does not open the key in source.object to namespace {world.namespace}. Ask "
        "its owner to add a prefix to spec.imports, or correct the key."
    )
    assert "egress/other" not in status["message"]
    world.edit_location(source, imports=[{"prefix": "egress/"}])
    status = recording.wait_phase("Complete")
    assert status["artifacts"][0].get("attempts", 0) == 0


def test_objects_of_other_recordings_and_of_the_operator_are_closed(world: World) -> None:
    source = egress(world)
    body = media(MIB)
    world.put_source(own_key(world), body, ContentType="video/mp4")
    stored = world.create(from_object(source, own_key(world), body), name="stored")
    status = stored.wait_phase("Complete")
    key = status["artifacts"][0]["key"]

    thief = world.create(from_object(world.location, key, body, stored=False), name="thief")
    other = world.create(from_object(source, key, body, stored=False), name="other")

    for one in (thief, other):
        assert one.wait_phase("Pending", reason="ImportNotAllowed")["artifacts"][0].get("bytesDone") is None
        one.edit(cancel=True)
        one.wait_phase("Failed")


def test_an_object_that_is_written_later_is_found(world: World) -> None:
    body = media(MIB)
    source = egress(world)
    recording = world.create(from_object(source, own_key(world), body))

    status = recording.wait_phase("Pending", reason="SourceNotFound")
    assert own_key(world) not in status["message"]
    world.put_source(own_key(world), body, ContentType="video/mp4")

    status = recording.wait_phase("Complete")
    assert status["artifacts"][0]["attempts"] >= 1


def imported(world: World, *options: str) -> tuple[int, str]:
    """Run the command, with the rights of an administrator."""
    arguments = [f"--kubeconfig={world.cluster.kubeconfig}", f"--namespace={world.namespace}", *options]
    done = CliRunner().invoke(main, ["import", "--owner-from=.*/(?P<org>acme|globex)/", *arguments])
    return done.exit_code, done.output


def test_existing_files_are_imported_once(world: World) -> None:
    source = egress(world)
    world.wait_location("ProbeSucceeded", name=source)
    bodies = {
        own_key(world, name): media(MIB, name.rpartition("/")[2])
        for name in ("acme/weekly/video.mp4", "acme/weekly/audio.mp3", "globex/daily/video.mp4")
    }
    for key, body in bodies.items():
        world.put_source(key, body, ContentType="application/octet-stream")
    where = (f"--from={source}", f"--to={world.location}", f"--prefix={own_key(world, '')}", SECRETS)

    dry = imported(world, *where, "--dry-run")
    assert dry[0] == 0, dry[1]
    code, said = imported(world, *where)
    assert code == 0, said
    assert f"2 Recordings created in {world.namespace}." in said

    made = world.admin.request("GET", path_of(world.namespace))["items"]
    assert sorted(one["spec"]["title"] for one in made) == ["daily", "weekly"]
    for one in made:
        live = Live(one, admin=world.admin, history=world.history)
        assert f"{live.name}\torg={one['spec']['owner']['org']}" in dry[1]
        for artifact in one["spec"]["artifacts"]:
            named = artifact["source"]["object"]
            world.expect(live, from_object(source, named["key"], bodies[named["key"]], name=artifact["name"]))
        live.wait_phase("Complete")

    code, said = imported(world, *where)
    assert (code, "0 Recordings created" in said, "2 existed already" in said) == (0, True, True)
    assert len(world.admin.request("GET", path_of(world.namespace))["items"]) == 2
