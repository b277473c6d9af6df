"""The parts of `make bench-control`: a control plane, a store, a source that records its requests, Recordings."""

import base64
import copy
import http.client
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from localcluster import ControlPlane, OperatorProcess, S3Server
from localcluster.install import (
    OPERATOR_ACCOUNT,
    OPERATOR_NAMESPACE,
    credentials_secret,
    install,
    storage_location,
)
from recording_operator.kube.client import UNFINISHED
from recording_operator.kube.connection import connection
from recording_operator.kube.errors import KubeError
from recording_operator.kube.rest import RestClient
from tests.support.history import History
from tests.support.recordings import path_of
from tests.support.waiting import eventually
from tests.support.world import write_settings

JsonObject = dict[str, Any]
SMALL_BYTES: Final = 4096
_MAKERS: Final = 8
_ETCD_BATCH: Final = 100
_MOST_ARTIFACTS: Final = 64
_EVERYWHERE: Final = "/apis/recordings.dev/v1alpha1/recordings"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
_STORED: Final = re.compile(r'^recording_operator_artifacts_finished_total\{outcome="Stored".*\} (\S+)$', re.MULTILINE)
_USER: Final = f"system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_ACCOUNT}"


class Source:
    """Serves 4 KiB at any path after `wait_s`, and records when each path was first requested."""

    def __init__(self) -> None:
        self.asked_s: dict[str, float] = {}
        self.wait_s: Callable[[str], float] = lambda _: 0.0
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Note, wait, serve."""
                path = self.path.split("?")[0]
                source.asked_s.setdefault(path, time.monotonic())
                time.sleep(source.wait_s(path))
                self.send_response(200)
                self.send_header("Content-Type", "video/mp4")
                self.send_header("ETag", '"1"')
                self.send_header("Content-Length", str(SMALL_BYTES))
                self.end_headers()
                self.wfile.write(b"\0" * SMALL_BYTES)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Ignore errors: an operator that is killed at the end of a measurement closes its connections."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, path: str) -> str:
        """A URL of this path."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"


class ControlStack:
    """Started servers. `make_*` create Recordings, `operator` runs one operator."""

    def __init__(self, folder: Path, running: ExitStack, *, program: Sequence[str] = ()) -> None:
        """`program`: how to call the operator."""
        self.folder = folder
        self._program = program
        self.cluster = running.enter_context(ControlPlane(folder / "control-plane"))
        self.cluster.start()
        install(self.cluster.kubectl)
        self.s3 = running.enter_context(S3Server(folder / "s3", versioning=False))
        self.s3.start()
        self.source = Source()
        self.admin = RestClient(connection(kubeconfig=self.cluster.kubeconfig), connections=_MAKERS)
        running.callback(self.admin.close)
        self.kubeconfig = self.cluster.service_account_kubeconfig(namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT)
        self._operators = 0

    def tenant(self, name: str) -> str:
        """A namespace with its own bucket and location."""
        self.s3.create_bucket(name)
        self.cluster.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            credentials_secret(name, self.s3.root),
            storage_location(name, endpoint=self.s3.endpoint, bucket=name, secret=name, namespaces=[name]),
        )
        return name

    def manifest(self, namespace: str, name: str, *, inline: bool, **spec: Any) -> JsonObject:
        """A small Recording."""
        artifact: JsonObject = {"name": "summary", "kind": "Summary", "contentType": "application/json"}
        if inline:
            artifact["inline"] = json.dumps({"text": "x" * 1000})
        else:
            artifact["source"] = {"url": self.source.url(f"/{namespace}/{name}.json")}
        return {
            "apiVersion": "recordings.dev/v1alpha1",
            "kind": "Recording",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"storageLocation": namespace, "owner": {"org": "acme"}, "artifacts": [artifact], **spec},
        }

    def make_largest(self, namespace: str, count: int, **spec: Any) -> None:
        """Create so many of about the largest Recordings that the API server takes."""

        def one(number: int) -> None:
            manifest = self.manifest(namespace, f"large-{number:06d}", inline=False, **spec)
            named = f"{self.source.url('/')}{'x' * 7900}"
            manifest["spec"]["artifacts"] = [
                {
                    "name": f"a{index}",
                    "kind": "Other",
                    "contentType": "video/mp4",
                    "source": {"url": f"{named}/{index}"},
                }
                for index in range(_MOST_ARTIFACTS)
            ]
            self.admin.request("POST", path_of(namespace), body=manifest)

        with ThreadPoolExecutor(_MAKERS) as pool:
            list(pool.map(one, range(count)))

    def make(self, namespace: str, count: int, *, inline: bool, **spec: Any) -> list[JsonObject]:
        """Create so many; what is stored."""

        def one(number: int) -> JsonObject:
            manifest = self.manifest(namespace, f"r-{number:06d}", inline=inline, **spec)
            return self.admin.request("POST", path_of(namespace), body=manifest)

        with ThreadPoolExecutor(_MAKERS) as pool:
            return list(pool.map(one, range(count)))

    def statuses_of_one(self, namespace: str) -> Path:
        """Have the operator finish one Recording; a file with the two statuses that it wrote, for the bare loop."""
        self.tenant(namespace)
        with History(self.cluster.kubectl) as history, self.operator():
            meta = self.make(namespace, 1, inline=True)[0]["metadata"]
            history.wait(
                meta["uid"], lambda seen: seen["status"]["phase"] == "Complete", within_s=60, what="it is Complete"
            )
            statuses = [seen["status"] for seen in history.versions(meta["uid"]) if "claim" in seen["status"]][:1]
            statuses.append(history.versions(meta["uid"])[-1]["status"])
        file = self.folder / "statuses.json"
        found = {key: meta[key] for key in ("name", "uid", "namespace")}
        file.write_text(json.dumps({**found, "statuses": statuses}))
        return file

    def store_finished(self, namespace: str, count: int) -> None:
        """Put so many Complete Recordings where the API server keeps them: copies of one that the operator finished."""
        template = self.admin.request("GET", path_of(namespace))["items"][0]
        for first in range(0, count, _ETCD_BATCH):
            puts = []
            for number in range(first, min(count, first + _ETCD_BATCH)):
                name = f"stored-{number:06d}"
                stored = copy.deepcopy(template)
                stored["metadata"] |= {"name": name, "uid": str(uuid.uuid4())}
                stored["metadata"].pop("resourceVersion")
                key = f"/registry/recordings.dev/recordings/{namespace}/{name}"
                puts.append({"requestPut": {"key": _base64(key), "value": _base64(json.dumps(stored))}})
            self._etcd("/v3/kv/txn", {"success": puts})

    @contextmanager
    def operator(self, **settings: Any) -> Iterator[OperatorProcess]:
        """One operator, ready; ended at once afterwards."""
        made = self.launch(**settings)
        try:
            wait_working(made)
            yield made
        finally:
            made.kill()
            self.cluster.kubectl("delete", "leases", "--all", f"--namespace={OPERATOR_NAMESPACE}")

    def launch(self, **settings: Any) -> OperatorProcess:
        """An operator that was started a moment ago."""
        self._operators += 1
        log = self.folder / f"operator-{self._operators}.log"
        defaults: dict[str, Any] = {"recordings": {}, "lease": {}, "locations": {}}
        policy = write_settings(self.folder, **defaults | settings)
        made = OperatorProcess(kubeconfig=self.kubeconfig, log=log, policy=policy, program=self._program)
        made.launch()
        return made

    def unfinished(self, namespace: str) -> int:
        """How many Recordings are neither Complete nor Failed. Reads all of them: not for a loop."""
        response = self.admin.request("GET", path_of(namespace), query={"fieldSelector": UNFINISHED}, accept=_METADATA)
        return len(response["items"] or ())

    def wait_served(self, namespace: str) -> None:
        """Wait until a LIST of unfinished Recordings in all namespaces finds those of this one and no others."""
        expected = self.unfinished(namespace)
        query = {"fieldSelector": UNFINISHED}

        def served() -> bool:
            try:
                response = self.admin.request("GET", _EVERYWHERE, query=query, accept=_METADATA, read_timeout_s=120)
            except KubeError:
                return False
            return len(response["items"] or ()) == expected

        eventually(served, within_s=300, what="the API server has caught up", poll_s=2)

    def wait_stored(self, operator: OperatorProcess, count: int, *, within_s: float) -> None:
        """Wait until the operator has counted so many artifacts as stored."""
        eventually(lambda: stored_by(operator) >= count, within_s=within_s, what=f"{count} are stored", poll_s=0.2)

    def writes(self, resource: str, namespace: str) -> dict[str, int]:
        """The operator's changes of a resource in a namespace so far, by verb and subresource, from the audit log."""
        found: dict[str, int] = {}
        for event in self.cluster.audit_events():
            about = event.get("objectRef") or {}
            if (
                event["user"].get("username") == _USER
                and event["verb"] in ("create", "update", "patch", "delete")
                and (about.get("resource"), about.get("namespace")) == (resource, namespace)
            ):
                name = f"{event['verb']} {about.get('subresource') or ''} {event['responseStatus']['code']}"
                found[name] = found.get(name, 0) + 1
        return found

    def _etcd(self, path: str, body: JsonObject) -> None:
        port = next(
            argument.rpartition(":")[2]
            for argument in self.cluster.processes["etcd"].arguments
            if argument.startswith("--listen-client-urls=")
        )
        link = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
        link.request("POST", path, body=json.dumps(body))
        response = link.getresponse()
        assert response.status == 200, response.read()
        link.close()


def wait_working(operator: OperatorProcess) -> None:
    """Wait until it leads and has listed everything (one that stands by is ready too)."""
    operator.wait_ready()
    leads = "recording_operator_leader 1.0"
    eventually(lambda: leads in operator.metrics() and operator.is_ready(), within_s=120, poll_s=0.02)


def stored_by(operator: OperatorProcess) -> int:
    """How many artifacts the operator has counted as stored."""
    return int(sum(float(value) for value in _STORED.findall(operator.metrics())))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
