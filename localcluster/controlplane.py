"""A real etcd, kube-apiserver and kube-controller-manager on the loopback address.

    with ControlPlane(folder) as control_plane:
        control_plane.start()
        control_plane.kubectl("get", "namespaces")

Errors: ComponentError (a component did not start), KubectlError, ToolchainError.
"""

import csv
import http.client
import io
import json
import ssl
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from localcluster.builds import ensure_tools
from localcluster.kubectl import JsonObject, Kubectl, base64_of, write_kubeconfig, write_token_kubeconfig
from localcluster.pki import CertificateAuthority, write_private
from localcluster.ports import LOOPBACK, free_port
from localcluster.process import Process

ETCD: Final = "etcd"
API_SERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"

_READY_TIMEOUT_S: Final = 90.0  # a cold machine that is busy building needs most of it
_HTTP_TIMEOUT_S: Final = 2.0
_HTTP_OK: Final = 200
_SERVER_NAMES: Final = (LOOPBACK, "10.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_AUDIT_POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user with a fixed token, subject to RBAC."""

    name: str
    groups: tuple[str, ...] = ()


class ControlPlane:
    """One control plane with its own folder for data, keys, logs and kubeconfig files.

    Ports stay the same for the object's life, so a component that was killed comes back at its address. Data that the
    folder holds from an earlier run is used again; keys and tokens are created again each time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Sequence[User] = (),
        api_server_args: Sequence[str] = (),
        durable: bool = False,
        tools: Mapping[str, Path] | None = None,
        hosts: Sequence[str] = (),
    ) -> None:
        """`durable`: etcd syncs to disk (slow; only for tests that kill etcd, or data that must survive a crash).

        `hosts`: further names and addresses of the API server.
        """
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.audit_log = self.folder / "audit.log"
        self._tools = ensure_tools() if tools is None else tools
        self._api_server_args = tuple(api_server_args)
        self._durable = durable
        self._etcd_port, self._peer_port, self._port, self._manager_port = (free_port() for _ in range(4))
        self.pki = CertificateAuthority(self.folder / "pki")
        self.pki.issue("apiserver", user="kube-apiserver", hosts=(*_SERVER_NAMES, *hosts))
        self.pki.issue("admin", user="localcluster-admin", groups=("system:masters",))
        self._write_inputs(users)
        self.kubeconfig = self._kubeconfig(
            "admin",
            {
                "client-certificate-data": base64_of(self.pki.path("admin.crt")),
                "client-key-data": base64_of(self.pki.path("admin.key")),
            },
        )
        self.kubectl = self.kubectl_as(self.kubeconfig)
        self.processes: Mapping[str, Process] = {
            name: Process(name=name, argv=[self._tools[name], *arguments], log=self.folder / "logs" / f"{name}.log")
            for name, arguments in (
                (ETCD, self._etcd_arguments()),
                (API_SERVER, self._api_server_arguments()),
                (CONTROLLER_MANAGER, self._controller_manager_arguments()),
            )
        }

    @property
    def server(self) -> str:
        """URL of the API server."""
        return f"https://{LOOPBACK}:{self._port}"

    @property
    def etcd_url(self) -> str:
        """URL of etcd, which requires no authentication."""
        return f"http://{LOOPBACK}:{self._etcd_port}"

    def start(self) -> None:
        """Start everything and wait until the API server is ready. Raises ComponentError."""
        for name in (ETCD, API_SERVER, CONTROLLER_MANAGER):
            self.start_component(name)

    def start_component(self, name: str) -> None:
        """Start one component (again, on the same port and data) and wait until it is ready. Raises ComponentError."""
        process = self.processes[name]
        process.start()
        checks = {ETCD: self._etcd_is_healthy, API_SERVER: self._api_server_is_ready}
        if check := checks.get(name):
            process.wait_ready(check, timeout_s=_READY_TIMEOUT_S)

    def stop_component(self, name: str) -> None:
        """Terminate one component (SIGTERM)."""
        self.processes[name].stop()

    def kill_component(self, name: str) -> None:
        """End one component at once (SIGKILL)."""
        self.processes[name].kill()

    def freeze_component(self, name: str) -> None:
        """Stop a component from running without closing its connections (SIGSTOP)."""
        self.processes[name].freeze()

    def thaw_component(self, name: str) -> None:
        """Let a frozen component continue (SIGCONT)."""
        self.processes[name].thaw()

    def stop(self) -> None:
        """End everything, etcd last, because only its data needs an orderly shutdown."""
        self.processes[CONTROLLER_MANAGER].kill()
        self.processes[API_SERVER].kill()
        self.processes[ETCD].stop() if self._durable else self.processes[ETCD].kill()

    def kubectl_as(self, kubeconfig: Path) -> Kubectl:
        """Return a kubectl that uses the kubeconfig."""
        return Kubectl(program=self._tools["kubectl"], kubeconfig=kubeconfig, cache=self.folder / "kubectl-cache")

    def user_kubeconfig(self, name: str) -> Path:
        """Return a kubeconfig of one of the users given at the start."""
        return self._kubeconfig(f"user-{name}", {"token": _token_of(name)})

    def service_account_kubeconfig(self, *, namespace: str, name: str, path: Path | None = None) -> Path:
        """Return a kubeconfig with a token of the ServiceAccount, valid for seven days. Raises KubectlError."""
        target = path or self.folder / f"serviceaccount-{namespace}-{name}.kubeconfig"
        return write_token_kubeconfig(target, kubectl=self.kubectl, namespace=namespace, account=name)

    def audit_events(self) -> Iterator[JsonObject]:
        """Yield the API server's audit events so far: the user, the request, and the result."""
        with self.audit_log.open() as lines:
            for line in lines:
                if line.endswith("\n"):  # else it is being written
                    yield json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write_inputs(self, users: Sequence[User]) -> None:
        tokens = io.StringIO()
        for number, user in enumerate(users):
            csv.writer(tokens).writerow([_token_of(user.name), user.name, f"uid-{number}", ",".join(user.groups)])
        write_private(self.folder / "tokens.csv", tokens.getvalue().encode())
        (self.folder / "audit-policy.yaml").write_text(json.dumps(_AUDIT_POLICY))

    def _kubeconfig(self, name: str, user: Mapping[str, str]) -> Path:
        path = self.folder / f"{name}.kubeconfig"
        return write_kubeconfig(path, server=self.server, ca=self.pki.path("ca.crt"), user=user)

    def _etcd_arguments(self) -> list[str]:
        client, peer = f"http://{LOOPBACK}:{self._etcd_port}", f"http://{LOOPBACK}:{self._peer_port}"
        return [
            "--name=localcluster",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=localcluster={peer}",
            "--log-level=warn",
            "--watch-progress-notify-interval=5s",  # as kubeadm sets it; without it a watch may get no bookmark
            *([] if self._durable else ["--unsafe-no-fsync=true"]),
        ]

    def _api_server_arguments(self) -> list[str]:
        return [
            f"--etcd-servers=http://{LOOPBACK}:{self._etcd_port}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self._port}",
            # The API server rejects a loopback address here, and a machine without a default route has no other. So use
            # a documentation address (RFC 5737), which is never published.
            "--advertise-address=192.0.2.1",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--tls-cert-file={self.pki.path('apiserver.crt')}",
            f"--tls-private-key-file={self.pki.path('apiserver.key')}",
            f"--client-ca-file={self.pki.path('ca.crt')}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.pki.path('sa.pub')}",
            f"--service-account-signing-key-file={self.pki.path('sa.key')}",
            f"--audit-policy-file={self.folder / 'audit-policy.yaml'}",
            f"--audit-log-path={self.audit_log}",
            "--profiling=false",
            *self._api_server_args,
        ]

    def _controller_manager_arguments(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={self._manager_port}",
            "--controllers=*",
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            f"--root-ca-file={self.pki.path('ca.crt')}",
            f"--service-account-private-key-file={self.pki.path('sa.key')}",
        ]

    def _etcd_is_healthy(self) -> bool:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self._etcd_port}/health", timeout=_HTTP_TIMEOUT_S) as response:
            return bool(json.load(response).get("health") == "true")

    def _api_server_is_ready(self) -> bool:
        # With the client certificate: during start-up anonymous callers get 403.
        context = ssl.create_default_context(cafile=self.pki.path("ca.crt"))
        context.load_cert_chain(self.pki.path("admin.crt"), self.pki.path("admin.key"))
        connection = http.client.HTTPSConnection(LOOPBACK, self._port, timeout=_HTTP_TIMEOUT_S, context=context)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == _HTTP_OK
        finally:
            connection.close()


def _token_of(user: str) -> str:
    return f"token-of-{user}"
