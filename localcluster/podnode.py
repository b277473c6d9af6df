"""What runs within the namespaces of a pod cluster: control plane, containerd, kubelet, kube-proxy, DNS, a command.

Started by `podcluster`, never by hand. When process 1 of the namespace ends, the kernel ends everything in it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from localcluster import podconfig
from localcluster.controlplane import ControlPlane
from localcluster.kubectl import base64_of, write_kubeconfig
from localcluster.ociarchive import file_layer, write_archive
from localcluster.podconfig import API_SERVICE_IP, CONTAINERD_SOCKET, NODE, NODE_IP, PAUSE, SERVICE_NET
from localcluster.process import Process

_TIMEOUT_S: Final = 120.0
_HTTP_OK: Final = 200
# The kubelet sets these for the whole machine unless they already have its values, so it is shown these values.
_SYSCTLS: Final = {"vm/overcommit_memory": 1, "kernel/panic": 10, "kernel/panic_on_oops": 1}
_OWN_FOLDERS: Final = ("/run", "/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers")


class Node:
    """The node and its control plane, in one folder."""

    def __init__(self, folder: Path, *, tools: Mapping[str, Path], cgroup: str) -> None:
        self.folder = folder
        self._tools = dict(tools)
        self._cgroup = cgroup
        pki = folder / "control-plane" / "pki"
        self._plane = ControlPlane(
            folder / "control-plane",
            api_server_args=podconfig.api_server_arguments(pki),
            tools=tools,
            hosts=(NODE_IP, API_SERVICE_IP, "kubernetes.default.svc.cluster.local"),
        )
        self._issue()
        self.kubeconfig = self._plane.kubeconfig
        self._processes: list[Process] = []

    def start(self, images: Sequence[Path]) -> None:
        """Start everything and wait until the node is ready. Raises ComponentError."""
        self._containerd(images)
        self._plane.start()
        scheduler = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--bind-address=127.0.0.1"]
        self._run("kube-scheduler", scheduler)
        self._kubelet()
        self._kube_proxy()
        self._coredns()

    def _issue(self) -> None:
        pki = self._plane.pki
        pki.issue("kubelet-server", user=NODE, hosts=(NODE_IP, NODE))
        pki.issue("kubelet", user=f"system:node:{NODE}", groups=("system:nodes",))
        pki.issue("kubelet-client", user="kube-apiserver-kubelet-client", groups=("system:masters",))
        pki.issue("kube-proxy", user="system:kube-proxy")

    def _containerd(self, images: Sequence[Path]) -> None:
        config = self.folder / "containerd.toml"
        config.write_text(podconfig.containerd(self.folder, runc=str(self._tools["runc"])))
        (self.folder / "containerd").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g", "images", str(self.folder / "containerd")], check=True)
        network = self.folder / "cni"
        network.mkdir()
        (network / "10-localcluster.conflist").write_text(json.dumps(podconfig.cni()))
        ctr = [str(self._tools["ctr"]), f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io"]
        self._run("containerd", [f"--config={config}"], ready=lambda: _succeeds([*ctr, "version"]))
        pause = write_archive(
            self.folder / "pause.tar",
            reference=PAUSE,
            layers=[file_layer("pause", self._tools["pause"].read_bytes())],
            config={"Entrypoint": ["/pause"], "User": "65535:65535"},
        )
        for image in (pause, *images):
            subprocess.run([*ctr, "images", "import", str(image)], check=True, stdout=subprocess.DEVNULL)

    def _kubelet(self) -> None:
        config = self.folder / "kubelet.json"
        (self.folder / "resolv.conf").write_text("")
        config.write_text(json.dumps(podconfig.kubelet(self.folder, pki=self._pki("."), cgroup=self._cgroup), indent=1))
        arguments = [
            f"--config={config}",
            f"--kubeconfig={self._client_kubeconfig('kubelet')}",
            f"--root-dir={self.folder / 'kubelet'}",
            f"--cert-dir={self.folder / 'kubelet-certificates'}",
            f"--hostname-override={NODE}",
            f"--node-ip={NODE_IP}",
        ]
        ready = ("get", "node", NODE, "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}")
        self._run("kubelet", arguments, ready=lambda: self._plane.kubectl.run(*ready).stdout == "True")

    def _kube_proxy(self) -> None:
        config = self.folder / "kube-proxy.json"
        config.write_text(json.dumps(podconfig.kube_proxy(self._client_kubeconfig("kube-proxy"))))

        def ready() -> bool:
            listing = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=False).stdout
            return API_SERVICE_IP in listing

        self._run("kube-proxy", [f"--config={config}"], ready=ready)

    def _coredns(self) -> None:
        config = self.folder / "Corefile"
        config.write_text(podconfig.corefile(self.kubeconfig))
        self._run("coredns", ["-conf", str(config)], ready=lambda: _is_ready("http://127.0.0.1:8181/ready"))

    def _run(self, name: str, arguments: Sequence[str], ready: Callable[[], bool] | None = None) -> None:
        log = self.folder / "logs" / f"{name}.log"
        # containerd looks for its shim, and kubelet for mount and iptables, in PATH.
        process = Process(name=name, argv=[self._tools[name], *arguments], log=log)
        self._processes.append(process)
        process.start()
        if ready:
            process.wait_ready(ready, timeout_s=_TIMEOUT_S)

    def _pki(self, name: str) -> Path:
        return self._plane.folder / "pki" / name

    def _client_kubeconfig(self, name: str) -> Path:
        user = {
            "client-certificate-data": base64_of(self._pki(f"{name}.crt")),
            "client-key-data": base64_of(self._pki(f"{name}.key")),
        }
        path = self.folder / f"{name}.kubeconfig"
        return write_kubeconfig(path, server=self._plane.server, ca=self._pki("ca.crt"), user=user)


def enter(folder: Path) -> None:
    """Set up the new namespaces like a separate machine: folders, names, addresses."""
    _do("mount", "--make-rshared", "/")  # the kubelet needs shared propagation
    for own in _OWN_FOLDERS:
        Path(own).mkdir(parents=True, exist_ok=True)
        _do("mount", "-t", "tmpfs", "-o", "mode=755", "localcluster", own)
    for below in ("netns", "lock", "containerd"):
        (Path("/run") / below).mkdir()
    for name, value in _SYSCTLS.items():
        shown = folder / name.replace("/", "_")
        shown.write_text(f"{value}\n")
        _do("mount", "--bind", str(shown), f"/proc/sys/{name}")
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{NODE_IP} {NODE}\n")
    _do("mount", "--bind", str(hosts), "/etc/hosts")
    socket.sethostname(NODE)
    _do("ip", "link", "set", "lo", "up")
    _do("ip", "address", "add", f"{NODE_IP}/32", "dev", "lo")
    _do("ip", "route", "add", SERVICE_NET, "dev", "lo", "src", NODE_IP)  # without a route nothing is redirected
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def first_process(work: Callable[[], int]) -> None:
    """Run as process 1 of a namespace: work in a child, reap orphaned processes, exit with the child's status."""
    child = os.fork()
    if child == 0:
        os._exit(work())
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def run_inside(
    folder: Path, *, tools: Mapping[str, Path], cgroup: str, images: Sequence[Path], argv: Sequence[str]
) -> int:
    """Start the node, run the command with KUBECONFIG set, and return its exit status."""
    try:
        enter(folder)
        node = Node(folder, tools=tools, cgroup=cgroup)
        node.start(images)
        print(f"podcluster: node {NODE} is ready", file=sys.stderr, flush=True)
        env = {**os.environ, "KUBECONFIG": str(node.kubeconfig)}
        return subprocess.run(list(argv), env=env, check=False).returncode
    except Exception as error:  # noqa: BLE001 - any error becomes the exit status
        print(f"podcluster: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 70


def system_programs() -> dict[str, Path]:
    """Return the programs that come from the distribution, or raise LookupError with the names of those missing."""
    found = {name: shutil.which(name) for name in ("containerd", "ctr", "containerd-shim-runc-v2", "runc", "nft", "ip")}
    missing = [name for name, path in found.items() if path is None]
    if not (podconfig.CNI_PLUGINS / "ptp").exists():
        missing.append("CNI plugins")
    if missing:
        raise LookupError(", ".join(missing))
    return {name: Path(path) for name, path in found.items() if path}


def _do(*command: str) -> None:
    subprocess.run(command, check=True)


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _is_ready(url: str) -> bool:
    with urllib.request.urlopen(url, timeout=1) as response:
        return bool(response.status == _HTTP_OK)
