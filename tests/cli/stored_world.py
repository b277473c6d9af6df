"""A Recording whose artifacts are in a strict store, for the verbs that read them, and an API server that knows it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from recording_operator.checksums import crc64nvme, to_text
from recording_operator.cli import main
from tests.cli.counted_world import NAMESPACE, ApiServer, a_location, a_secret
from tests.support.strict_store import StrictStore
from tests.support.transfers import an_object, pattern, store_of

PROGRAM: Final = Path(sys.executable).with_name("kubectl-recordings")
API: Final = "/apis/recordings.dev/v1alpha1"
PREFIX: Final = "prod/acme/team/meeting/uid-1/"
RECORDING: Final = f"{API}/namespaces/team/recordings/meeting"


@dataclass(slots=True, kw_only=True)
class StoredWorld:
    """The store, the objects of the API server by path, and the kubeconfig of it."""

    strict: StrictStore
    folder: Path
    kubeconfig: Path
    objects: dict[str, dict[str, Any] | int]
    files: Path
    bodies: dict[str, bytes] = field(default_factory=dict)

    @property
    def recording(self) -> dict[str, Any]:
        """The Recording, to be changed."""
        found = self.objects[RECORDING]
        assert isinstance(found, dict)
        return found

    def status(self, artifact: str) -> dict[str, Any]:
        """The status of an artifact, to be changed."""
        return next(one for one in self.recording["status"]["artifacts"] if one["name"] == artifact)

    def keep(self, name: str, body: bytes, *, kind: str = "Video", extension: str = "mp4", **options: Any) -> None:
        """Store an artifact, and add it to the Recording."""
        store, key = store_of(self.strict, region="eu-west-2", **options), f"{PREFIX}{name}.{extension}"
        try:
            written = store.put(an_object(key=key), body, crc64nvme=crc64nvme(body))
        finally:
            store.close()
        self.bodies[name] = body
        self.recording["spec"]["artifacts"].append(
            {"name": name, "kind": kind, "source": {"url": "https://example.com/x"}}
        )
        self.recording["status"]["artifacts"].append(
            {
                "name": name,
                "phase": "Complete",
                "key": key,
                "versionId": written.version_id,
                "etag": written.etag,
                "bytesTotal": len(body),
                "checksum": to_text(crc64nvme(body)),
            }
        )

    def replace(self, name: str, body: bytes) -> None:
        """Another object of the Recording at the key of an artifact, as after a repeated transfer."""
        status = self.status(name)
        store = store_of(self.strict, region="eu-west-2")
        try:
            store.delete(status["key"], version_id=status["versionId"], recording_uid="uid-1")
            written = store.put(an_object(key=status["key"]), body, crc64nvme=crc64nvme(body))
        finally:
            store.close()
        self.bodies[name] = body
        status |= {"versionId": written.version_id, "etag": written.etag, "bytesTotal": len(body)}
        status["checksum"] = to_text(crc64nvme(body))

    def run(self, verb: str, *arguments: str) -> Result:
        """Call a verb in this process."""
        return CliRunner().invoke(main, [verb, "team/meeting", *arguments, f"--kubeconfig={self.kubeconfig}"])

    def download(self, *arguments: str) -> Result:
        """Call `download` into the folder of files."""
        return self.run("download", *arguments, "-o", str(self.files))

    def start(self, verb: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Call a verb in a process of its own."""
        return subprocess.Popen(
            [PROGRAM, verb, "team/meeting", *arguments, f"--kubeconfig={self.kubeconfig}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def file(self, name: str) -> bytes:
        """The content of a downloaded file."""
        return (self.files / name).read_bytes()


@contextmanager
def stored_world(strict: StrictStore, folder: Path) -> Iterator[StoredWorld]:
    """A Recording without artifacts."""
    recording: dict[str, Any] = {
        "apiVersion": "recordings.dev/v1alpha1",
        "kind": "Recording",
        "metadata": {"name": "meeting", "namespace": "team", "uid": "uid-1", "resourceVersion": "1", "generation": 1},
        "spec": {"storageLocation": "archive", "owner": {"org": "acme"}, "artifacts": []},
        "status": {"phase": "Complete", "storageLocation": "archive", "bucket": "recordings", "artifacts": []},
    }
    objects: dict[str, dict[str, Any] | int] = {
        RECORDING: recording,
        f"{API}/storagelocations/archive": a_location(strict),
        f"/api/v1/namespaces/{NAMESPACE}/secrets/keys": a_secret(strict),
    }
    with ApiServer(objects).kubeconfig(folder) as kubeconfig:
        yield StoredWorld(strict=strict, folder=folder, kubeconfig=kubeconfig, objects=objects, files=folder / "files")


def body_of(mebibytes: int, *, seed: int = 1) -> bytes:
    """A body of this size."""
    return pattern(mebibytes * 2**20, seed=seed)
