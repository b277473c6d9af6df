"""A node whose kubelet serves logs, and a pod that serves metrics: what the API server connects to for `kubectl logs`
and its pod proxy.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from localcluster.pki import CertificateAuthority
from recording_operator.kube.rest import MERGE_PATCH, RestClient

NODE = "logs-node"


def own_address() -> str | None:
    """An address of this machine that is not loopback: the API server does not proxy to loopback. None without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found, ExitStack() as stack:
        stack.enter_context(found)
        try:
            found.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return None
        address = str(found.getsockname()[0])
    return None if address.startswith("127.") else address


@contextmanager
def serving(host: str, respond: Callable[[str], str | None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """An HTTP server that responds with a text, or with 404. Yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = respond(self.path)
            body = (text or "not found").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def node(admin: RestClient, folder: Path, logs: Mapping[str, str]) -> Iterator[None]:
    """A Node whose kubelet returns these logs, by container; `NAME.previous` is that of the container before."""
    authority = CertificateAuthority(folder)
    authority.issue("kubelet", user="kubelet", hosts=("127.0.0.1",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("kubelet.crt"), authority.path("kubelet.key"))

    def respond(path: str) -> str | None:
        container = path.partition("?")[0].rpartition("/")[2]
        return logs.get(f"{container}.previous" if "previous=true" in path else container)

    with serving("127.0.0.1", respond, context) as port:
        admin.request("POST", "/api/v1/nodes", body={"metadata": {"name": NODE}})
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        admin.request("PATCH", f"/api/v1/nodes/{NODE}/status", body={"status": status}, content_type=MERGE_PATCH)
        try:
            yield
        finally:
            admin.request("DELETE", f"/api/v1/nodes/{NODE}")


@contextmanager
def pod(admin: RestClient, manifest: Mapping[str, Any], *, address: str, pages: Mapping[str, str]) -> Iterator[None]:
    """A pod on the node that is ready. The port `http` of its first container serves these pages."""
    with serving(address, pages.get) as port:
        spec = dict(manifest["spec"])
        first, *others = spec["containers"]
        spec["containers"] = [{**first, "ports": [{"name": "http", "containerPort": port}]}, *others]
        spec["nodeName"] = NODE
        metadata = manifest["metadata"]
        folder = f"/api/v1/namespaces/{metadata['namespace']}/pods"
        admin.request("POST", folder, body={**manifest, "spec": spec})
        statuses = [
            {"name": one["name"], "restartCount": 1, "ready": True, "image": "x", "imageID": "x"}
            for one in spec["containers"]
        ]
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "containerStatuses": statuses,
        }
        path = f"{folder}/{metadata['name']}"
        admin.request("PATCH", f"{path}/status", body={"status": status}, content_type=MERGE_PATCH)
        try:
            yield
        finally:
            admin.request("DELETE", path, body={"gracePeriodSeconds": 0})
