"""A real API server with Recordings and a real S3 server with their objects, for `benchmarks/report.py --peers FILE`.

Run: `python -m benchmarks.reportpeers RECORDINGS FOLDER`; it writes FOLDER/peers.json when all is there, and
serves until it is ended. Every Recording is Complete and has four artifacts, an object for each.
"""

import json
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.listingserver import LOCATION, ORGS, recording_item
from localcluster import ControlPlane, S3Server
from localcluster.install import install, storage_location
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import MERGE_PATCH, RestClient

KEY_TEMPLATE: Final = "{org}/{user}/{uid}/{artifact}{ext}"
_NAMESPACES: Final = 20
_WORKERS: Final = 8
_API: Final = "/apis/recordings.dev/v1alpha1/namespaces"


class Filler:
    """Stores Recordings and their objects."""

    def __init__(self, cluster: ControlPlane, s3: S3Server, *, recordings: int) -> None:
        self._rest = RestClient(connection(kubeconfig=cluster.kubeconfig))
        self._bucket = s3.data / LOCATION
        self._recordings = recordings

    def fill(self) -> None:
        """All of them, some at a time."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            for _ in pool.map(self._store, range(self._recordings)):
                pass
        self._rest.close()

    def _store(self, number: int) -> None:
        item = recording_item(number, self._recordings)
        path = f"{_API}/{item['metadata']['namespace']}/recordings"
        metadata = {"name": item["metadata"]["name"]}
        manifest = {**item, "metadata": metadata, "spec": item["spec"]}
        status = manifest.pop("status")
        made = self._rest.request("POST", path, body=manifest)
        folder = f"{item['spec']['owner']['org']}/u-17/{made['metadata']['uid']}"
        for artifact in status["artifacts"]:
            artifact["key"] = f"{folder}/{artifact['name']}"
            artifact["uri"] = f"s3://{LOCATION}/{artifact['key']}"
            # As versitygw keeps it: a file. Sparse, or a benchmark would need a rack.
            file = self._bucket / artifact["key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as opened:
                opened.truncate(1_000_000 + number)
        self._rest.request(
            "PATCH", f"{path}/{metadata['name']}/status", body={"status": status}, content_type=MERGE_PATCH
        )


def main() -> None:
    """Start, fill, tell, serve."""
    recordings, folder = int(sys.argv[1]), Path(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ControlPlane(folder / "control-plane") as cluster, S3Server(folder / "s3", versioning=False) as s3:
        cluster.start()
        s3.start()
        s3.create_bucket(LOCATION)
        install(cluster.kubectl)
        namespaces = [f"team-{number}" for number in range(_NAMESPACES)]
        place = storage_location(
            LOCATION, endpoint=s3.endpoint, bucket=LOCATION, secret=LOCATION, namespaces=namespaces,
            spec={"keyTemplate": KEY_TEMPLATE},
        )  # fmt: skip
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in namespaces]
        cluster.kubectl.apply(*spaces, place)
        Filler(cluster, s3, recordings=recordings).fill()
        peers: dict[str, Any] = {
            "kubeconfig": str(cluster.kubeconfig),
            "endpoint": s3.endpoint,
            "keys": [s3.root.access_key, s3.root.secret_key],
        }
        (folder / "peers.json").write_text(json.dumps(peers))
        print(f"{recordings} Recordings of {ORGS} organisations, {4 * recordings} objects", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
