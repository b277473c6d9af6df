"""The checker itself: it names each violated invariant."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.holdings import DirectoryHolding
from tests.support.invariants import check_invariants
from tests.support.recordings import CANARY, Bytes, Live, from_media
from tests.support.stored_invariants import InvariantError
from tests.support.world import World

pytestmark = pytest.mark.cluster


def test_each_broken_invariant_is_named(world: World) -> None:
    recording = world.create(from_media(world.media))
    recording.wait_phase("Complete")
    check_invariants(world)

    for name, break_it in BREAKS.items():
        mend = break_it(world, recording)
        with pytest.raises(InvariantError) as caught:
            check_invariants(world)
        assert str(caught.value).startswith(f"{name.split()[0]}: "), f"{name}: {caught.value}"
        assert CANARY not in str(caught.value)
        mend()
        check_invariants(world)


Mend = Callable[[], object]


def _other_bytes(world: World, recording: Live) -> Mend:
    expected = world.expected[recording.uid]
    body = Bytes.of(b"x" * 2**20)
    world.expected[recording.uid] = replace(expected, artifacts={"video": body})
    return lambda: world.expected.update({recording.uid: expected})


def _other_source(world: World, _recording: Live) -> Mend:
    world.put_source("egress/left.mp4", b"as it was")
    client, first = world.s3.client(), world.source_objects["egress/left.mp4"]["VersionId"]
    changed = client.put_object(Bucket=world.bucket, Key="egress/left.mp4", Body=b"changed")["VersionId"]
    assert changed != first

    def mend() -> None:
        client.delete_object(Bucket=world.bucket, Key="egress/left.mp4", VersionId=changed)
        # versitygw states the time of this as that of the version before.
        world.source_objects["egress/left.mp4"] = world.source_head("egress/left.mp4")

    return mend


def _must_be_removed(world: World, recording: Live) -> Mend:
    world.removed.add(recording.uid)
    return world.removed.clear


def _open_upload(world: World, _recording: Live) -> Mend:
    client, running = world.s3.client(), list(world.running)
    upload = client.create_multipart_upload(Bucket=world.bucket, Key="left-over")["UploadId"]
    world.running.clear()  # it will not be aborted: do not wait for that

    def mend() -> None:
        client.abort_multipart_upload(Bucket=world.bucket, Key="left-over", UploadId=upload)
        world.running.extend(running)

    return mend


def _second_version(world: World, recording: Live) -> Mend:
    client, key = world.s3.client(), str(recording.status()["artifacts"][0]["key"])
    version = client.put_object(Bucket=world.bucket, Key=key, Body=b"another")["VersionId"]
    return lambda: client.delete_object(Bucket=world.bucket, Key=key, VersionId=version)


def _stranger(world: World, _recording: Live) -> Mend:
    version = world.s3.client().put_object(Bucket=world.bucket, Key="stranger", Body=b"s")["VersionId"]
    return lambda: world.s3.client().delete_object(Bucket=world.bucket, Key="stranger", VersionId=version)


def _forged(world: World, recording: Live, **status: object) -> Mend:
    """Make the watch report a status that was never written."""
    versions = world.history.versions_of[recording.uid]
    forged = json.loads(json.dumps(versions[-1]))
    forged["status"].update(status)
    versions.append(forged)
    return versions.pop


def _other_checksum(world: World, recording: Live) -> Mend:
    artifact = {**recording.status()["artifacts"][0], "checksum": "crc64nvme:0000000000000000"}
    return _forged(world, recording, artifacts=[artifact])


def _end_left(world: World, recording: Live) -> Mend:
    return _forged(world, recording, phase="Uploading")


def _secret_in_annotation(world: World, recording: Live) -> Mend:
    versions = world.history.versions_of[recording.uid]
    forged = json.loads(json.dumps(versions[-1]))
    forged["metadata"]["annotations"] = {"kopf.zalando.org/last-handled": f"a=b&canary={CANARY}"}
    versions.append(forged)
    return versions.pop


def _secret_in_metadata(world: World, _recording: Live) -> Mend:
    client, key = world.s3.client(), "named-by-the-test"
    world.foreign_keys.add(key)
    version = client.put_object(Bucket=world.bucket, Key=key, Body=b"s", Metadata={"url": CANARY})["VersionId"]
    return lambda: client.delete_object(Bucket=world.bucket, Key=key, VersionId=version)


def _control_waits(world: World, _recording: Live) -> Mend:
    control, recording = world.control, world.create(from_media(world.media), name="waits", suspend=True)
    recording.wait_phase("Pending", reason="Suspended")
    world.control = _Impatient(recording)  # type: ignore[assignment]

    def mend() -> None:
        world.control = control

    return mend


class _Impatient:
    """A control that does not wait half a minute for what cannot come."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def wait_phase(self, phase: str) -> object:
        return self._live.wait_phase(phase, within_s=0.1)


def _memory(world: World, _recording: Live) -> Mend:
    limit, world.rss_limit_bytes = world.rss_limit_bytes, 2**20

    def mend() -> None:
        world.rss_limit_bytes = limit

    return mend


def _connected(world: World, _recording: Live) -> Mend:
    world.forbidden.connections += 1

    def mend() -> None:
        world.forbidden.connections = 0

    return mend


def _operator_ended(world: World, _recording: Live) -> Mend:
    ended = _Ended()
    world.running.append(ended)  # type: ignore[arg-type]
    return world.running.pop


def _in_usage_folder(name: str, body: bytes) -> Callable[[World, Live], Mend]:
    def put(world: World, _recording: Live) -> Mend:
        key = f".recording-operator/usage/{world.location}/{name}"
        version = world.s3.client().put_object(Bucket=world.bucket, Key=key, Body=body)["VersionId"]
        return lambda: world.s3.client().delete_object(Bucket=world.bucket, Key=key, VersionId=version)

    return put


def _manifest_removed(world: World, recording: Live) -> Mend:
    running, status = list(world.running), recording.status()
    world.running.clear()  # nobody writes it again: do not wait for that
    key = status["manifestUri"].removeprefix(f"s3://{world.bucket}/")
    body = world.s3.client().get_object(Bucket=world.bucket, Key=key)["Body"].read()
    world.s3.client().delete_object(Bucket=world.bucket, Key=key, VersionId=_version(world, key))

    def mend() -> None:
        world.s3.client().put_object(Bucket=world.bucket, Key=key, Body=body)
        world.running.extend(running)

    return mend


def _manifest_changed(world: World, recording: Live) -> Mend:
    key = recording.status()["manifestUri"].removeprefix(f"s3://{world.bucket}/")
    manifest = json.loads(world.s3.client().get_object(Bucket=world.bucket, Key=key)["Body"].read())
    changed = json.dumps({**manifest, "title": "another"}).encode()
    version = world.s3.client().put_object(Bucket=world.bucket, Key=key, Body=changed)["VersionId"]
    return lambda: world.s3.client().delete_object(Bucket=world.bucket, Key=key, VersionId=version)


def _version(world: World, key: str) -> str:
    return str(world.s3.client().head_object(Bucket=world.bucket, Key=key)["VersionId"])


def _in_directory(name: str) -> Callable[[World, Live], Mend]:
    def put(world: World, _recording: Live) -> Mend:
        path, running = world.folder / "volume" / name, list(world.running)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"{}")
        world.directories["none"] = DirectoryHolding(world.folder / "volume")
        world.running.clear()  # no operator has this location: do not wait for it

        def mend() -> None:
            shutil.rmtree(world.folder / "volume")
            world.directories.clear()
            world.running.extend(running)

        return mend

    return put


def _quota(world: World, _recording: Live) -> Mend:
    world.edit_location(quotas=[{"namespace": world.namespace, "bytes": "1"}])
    return lambda: world.edit_location(quotas=None)


class _Ended:
    """An operator process that is over."""

    running = False
    returncode = 1

    @property
    def process(self) -> "_Ended":
        return self

    def log_tail(self) -> str:
        return "(no log)"


BREAKS: dict[str, Callable[[World, Live], Mend]] = {
    "I1 other bytes": _other_bytes,
    "I1 an object that must be removed": _must_be_removed,
    "I2 an open upload": _open_upload,
    "I3 another checksum": _other_checksum,
    "I4 two versions": _second_version,
    "I4 an object of nobody": _stranger,
    "I4 a file of nobody": _in_directory("team/video.mp4"),
    "I5 an end that was left": _end_left,
    "I6 a secret in an annotation": _secret_in_annotation,
    "I6 a secret in an object's metadata": _secret_in_metadata,
    "I7 a control that waits": _control_waits,
    "I8 memory": _memory,
    "I9 a connection": _connected,
    "I10 an operator that ended": _operator_ended,
    "I12 a manifest that is gone": _manifest_removed,
    "I12 a manifest that says something else": _manifest_changed,
    "I13 a quota": _quota,
    "I14 another source object": _other_source,
    "I16 a half of a file": _in_directory(".recording-operator/uploads/put-1"),
    "I16 metadata of no file": _in_directory(".recording-operator/metadata/00/00.1.json"),
    "I11 a stranger beside usage samples": _in_usage_folder("notes.txt", b"usage"),
    "I11 a usage sample that cannot be read": _in_usage_folder("2026/11/28T000007Z.json.gz", b"usage"),
}
