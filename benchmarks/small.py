"""Small artifacts into the store against status writes into a real API server, in turns, with as many threads.

    python -m benchmarks.small [--objects 10000] [--rounds 5]

A Recording of one small artifact takes two status writes (by the audit log), so this shows which side limits: with a
ratio of 2, the API server accepts one Recording in the time in which the data path stores two. The store keeps nothing
and has the capabilities of AWS S3; both legs have TLS. The API server is kube-apiserver with etcd (not synced to disk),
on the same machine.
"""

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.nullpeer import BUCKET, Sides, sides
from localcluster import ControlPlane
from localcluster.install import install_crds
from recording_operator.api.reasons import Reason
from recording_operator.api.recording import ArtifactStatus, Phase, Recording
from recording_operator.egress.dialer import Dialer
from recording_operator.egress.policy import SourcePolicy
from recording_operator.engine.placement import Placement
from recording_operator.engine.status import dump, render
from recording_operator.kube.client import KubeApi
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import RestClient
from recording_operator.stores.capabilities import Capabilities
from recording_operator.stores.credentials import StoreCredentials
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.s3.bucket import S3Store
from recording_operator.stores.s3.client import S3Options
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.jobs import FetchJob
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.source.spec import SourceSpec

OBJECT_BYTES: Final = 20_000
THREADS: Final = 8
STATUS_WRITES_OF_A_RECORDING: Final = 2
_NAMESPACE: Final = "default"
_PATH: Final = f"/apis/recordings.dev/v1alpha1/namespaces/{_NAMESPACE}/recordings"


class Objects:
    """Brings small objects into the store by the operator's data path."""

    def __init__(self, both: Sides) -> None:
        policy = {
            "ports": [],
            "allowPrivateCIDRs": ["127.0.0.0/8"],
            "tls": {"caFile": str(both.authority)},
        }
        self._url = f"{both.source}/source/{OBJECT_BYTES}"
        self._dialer = Dialer(SourcePolicy.model_validate(policy))
        self._store = S3Store(
            S3Options(
                bucket=BUCKET,
                endpoint=both.store,
                path_style=True,
                ca_bundle_pem=both.authority.read_text(),
                credentials=StoreCredentials(access_key_id=both.access_key, secret_access_key=both.secret_key),
            ),
            capabilities=Capabilities(),
        )

    def move(self, number: int) -> None:
        """One artifact, with all checks."""
        stored = FetchJob(source=SourceSpec(url=self._url), dialer=self._dialer).run(
            TransferContext(
                store=self._store,
                obj=ObjectSpec(
                    key=f"{number}.mp4", content_type="", kind="Other", recording_uid=str(number), artifact="video"
                ),
                stop=threading.Event(),
                observer=self,
                options=TransferOptions(),
            )
        )
        assert stored.size_bytes == OBJECT_BYTES

    def upload_created(self, state: UploadState) -> None:
        """Part of TransferObserver; small objects have no upload."""

    def progress(self, *, sent_bytes: int, total_bytes: int | None) -> None:
        """Part of TransferObserver; progress is not shown."""

    def bytes_moved(self, *, read_bytes: int, stored_bytes: int) -> None:
        """Part of TransferObserver; bytes are not counted."""


class Statuses:
    """Writes the status of a Recording, as the operator does."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._rest = RestClient(connection(kubeconfig=cluster.kubeconfig), connections=THREADS)
        self._api = KubeApi(self._rest)
        self._recordings: dict[int, Recording] = {}

    def write(self, number: int) -> None:
        """Of a Recording that `prepare` made: what the operator writes at its end, conditions and all."""
        recording = self._recordings.pop(number)
        name, version = recording.metadata.name, recording.metadata.resource_version
        key = f"acme/{_NAMESPACE}/{name}/{recording.metadata.uid}/video.mp4"
        video = ArtifactStatus(
            name="video",
            phase=Phase.COMPLETE,
            reason=Reason.STORED,
            key=key,
            uri=f"s3://{BUCKET}/{key}",
            content_type="video/mp4",
            etag="0" * 32,
            checksum=f"crc64nvme:{number:016x}",
            integrity=Reason.FULL_OBJECT_CRC64NVME,
            bytes_done=OBJECT_BYTES,
            bytes_total=OBJECT_BYTES,
        )
        where = Placement(location="bench", bucket=BUCKET, prefix=key.removesuffix("video.mp4"))
        now = datetime.now(UTC)
        status = render(recording, {"video": video}, claim=None, expires_at=None, placement=where, now=now)
        self._api.patch_recording_status(_NAMESPACE, name, resource_version=version, status=dump(status))

    def prepare(self, numbers: Iterable[int]) -> None:
        """Create the Recordings whose status is to be written."""
        with ThreadPoolExecutor(THREADS) as pool:
            self._recordings = dict(pool.map(self._create, numbers))

    def _create(self, number: int) -> tuple[int, Recording]:
        artifact = {"name": "video", "kind": "Video", "source": {"url": "https://media.example.com/video.mp4"}}
        made = self._rest.request(
            "POST",
            _PATH,
            body={
                "apiVersion": "recordings.dev/v1alpha1",
                "kind": "Recording",
                "metadata": {"name": f"small-{number}"},
                "spec": {"storageLocation": "bench", "owner": {"org": "acme"}, "artifacts": [artifact]},
            },
        )
        return number, Recording.model_validate(made)


def per_second(action: Callable[[int], None], numbers: range) -> float:
    """How often a second, with THREADS threads."""
    begun = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(action, numbers):
            pass
    return len(numbers) / (time.monotonic() - begun)


def main() -> None:
    """Measure in turns and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--objects", type=int, default=10_000, help="of all rounds together")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    stored: list[float] = []
    written: list[float] = []
    with tempfile.TemporaryDirectory() as name, ControlPlane(Path(name) / "cluster") as cluster:
        (Path(name) / "peer").mkdir()
        with sides(Path(name) / "peer", store="null") as both:
            cluster.start()
            install_crds(cluster.kubectl)
            objects, statuses = Objects(both), Statuses(cluster)
            objects.move(-1)
            for first in itertools.islice(itertools.count(step=given.objects // given.rounds), given.rounds):
                numbers = range(first, first + given.objects // given.rounds)
                stored.append(per_second(objects.move, numbers))
                statuses.prepare(numbers)
                written.append(per_second(statuses.write, numbers))
    recordings = [writes / STATUS_WRITES_OF_A_RECORDING for writes in written]
    ratios = [one / two for one, two in zip(stored, recordings, strict=True)]
    print(f"{given.objects} artifacts of {OBJECT_BYTES // 1000} kB, {given.rounds} rounds, {THREADS} threads")
    rows = (("stored", stored, "/s"), ("status writes", written, "/s"), ("of Recordings", recordings, "/s"))
    for title, values, unit in (*rows, ("ratio", ratios, "")):
        middle = statistics.median(values)
        print(f"{title:14} {middle:8.2f}{unit:3} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
