"""The simple loops of `make bench-control`: the same requests with the same libraries, and nothing else.

    python -m benchmarks.controlbare finish KUBECONFIG NAMESPACE ENDPOINT KEY SECRET THREADS STATUSES
    python -m benchmarks.controlbare list KUBECONFIG

STATUSES is a JSON file: what the operator wrote about one Recording, `name`, `uid`, `namespace` and `statuses` in
order. Prints one JSON object.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Final

from recording_operator.kube.client import UNFINISHED
from recording_operator.kube.connection import connection
from recording_operator.kube.rest import MERGE_PATCH, RestClient
from recording_operator.kube.status import merge_patch_between

_PAGE: Final = 500


def finish(
    rest: RestClient, namespace: str, endpoint: str, key: str, secret: str, threads: int, statuses: Path
) -> dict[str, Any]:
    """For each Recording: PATCH the status, PUT the object under a condition, PATCH the status, as the operator did."""
    import boto3  # noqa: PLC0415 - the other loop does not need it
    from botocore.config import Config  # noqa: PLC0415 - as above

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(
            s3={"addressing_style": "path"}, max_pool_connections=threads, request_checksum_calculation="when_required"
        ),
    )
    path = f"/apis/recordings.dev/v1alpha1/namespaces/{namespace}/recordings"
    written = json.loads(statuses.read_text())
    text = json.dumps(written["statuses"])

    def patch(stored: dict[str, Any], before: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
        meta = stored["metadata"]
        body = {
            "metadata": {"resourceVersion": meta["resourceVersion"]},
            "status": merge_patch_between(before, status),
        }
        return rest.request("PATCH", f"{path}/{meta['name']}/status", body=body, content_type=MERGE_PATCH)

    def one(stored: dict[str, Any]) -> None:
        name, uid = stored["metadata"]["name"], stored["metadata"]["uid"]
        own = text.replace(written["uid"], uid).replace(written["name"], name).replace(written["namespace"], namespace)
        claimed, complete = json.loads(own)
        stored = patch(stored, {}, claimed)
        client.put_object(
            Bucket=namespace,
            Key=complete["artifacts"][0]["key"],
            Body=stored["spec"]["artifacts"][0]["inline"].encode(),
            ContentType="application/json",
            IfNoneMatch="*",
            Metadata={"recording-uid": uid, "recording-artifact": "summary"},
        )
        patch(stored, claimed, complete)

    recordings = rest.request("GET", path)["items"]
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(one, recordings):
            pass
    spent_s = time.monotonic() - began_s
    return {"count": len(recordings), "seconds": spent_s, "cpu_s": time.process_time() - began_cpu_s}


def list_unfinished(rest: RestClient) -> dict[str, Any]:
    """A filtered LIST of all namespaces, page by page."""
    began_s = time.monotonic()
    query: dict[str, str | int] = {"limit": _PAGE, "fieldSelector": UNFINISHED}
    found = 0
    for _ in count():
        page = rest.request("GET", "/apis/recordings.dev/v1alpha1/recordings", query=query)
        found += len(page["items"])
        if not page["metadata"].get("continue"):
            break
        query["continue"] = page["metadata"]["continue"]
    return {"count": found, "seconds": time.monotonic() - began_s, "cpu_s": time.process_time()}


def main() -> None:
    """Run one of the loops."""
    rest = RestClient(connection(kubeconfig=Path(sys.argv[2])), connections=32)
    if sys.argv[1] == "finish":
        result = finish(rest, *sys.argv[3:7], threads=int(sys.argv[7]), statuses=Path(sys.argv[8]))
    else:
        result = list_unfinished(rest)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
