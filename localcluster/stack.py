"""Everything except the operator, in one folder: what `make cluster` and `make demo` start."""

import json
import shlex
import shutil
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from localcluster.builds import ensure_tools
from localcluster.consoleprocess import ConsoleProcess
from localcluster.controlplane import ControlPlane
from localcluster.install import (
    ADMINISTRATOR_ACCOUNT,
    CONSOLE_ACCOUNT,
    OPERATOR_ACCOUNT,
    OPERATOR_NAMESPACE,
    PROJECT,
    RECEIVER_ACCOUNT,
    administrator_objects,
    credentials_secret,
    install,
    receiver_binding,
    secrets_binding,
    storage_location,
)
from localcluster.mediaserver import DEFAULT_PORT as MEDIA_PORT
from localcluster.operatorprocess import POLICY
from localcluster.pki import write_private
from localcluster.ports import LOOPBACK, ReservedPort, is_free
from localcluster.process import Process
from localcluster.receiverprocess import ReceiverProcess
from localcluster.s3server import REGION, Credentials, S3Server, new_root
from localcluster.webhooks import SOURCE, kept_key, source_objects

BUCKET: Final = "recordings"
LOCATION: Final = "archive"
_OWN_PROGRAMS: Final = ("kubectl-recordings", "kubectl_complete-recordings", "recording-operator")
_S3_PORT: Final = 9090
_RECEIVER_PORT: Final = 9088
_CONSOLE_PORT: Final = 9085
_MEDIA_TIMEOUT_S: Final = 30.0
_SERVICE_TIMEOUT_S: Final = 120.0  # the first time, Python compiles the libraries


class Stack:
    """Control plane, S3 server and sample media server; CRDs, RBAC, bucket and StorageLocation `archive` installed.

    The folder's data is used again by the next one. Ports are the usual ones where these are free.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._tools = ensure_tools()
        root = _kept_root(self.folder / "s3-root.json")
        self.control_plane = ControlPlane(self.folder / "control-plane", tools=self._tools)
        self._running = ExitStack()
        s3_port = self._kept_port(self.folder / "s3-port", usual=_S3_PORT)
        self.s3 = S3Server(self.folder / "s3", port=s3_port, root=root, tools=self._tools)
        self.media_port = self._reserve(MEDIA_PORT)
        self.webhook_key = kept_key(self.folder / "webhook-key")
        self._receiver_port = self._kept_port(self.folder / "receiver-port", usual=_RECEIVER_PORT)
        self._receiver: ReceiverProcess | None = None
        self._console_port = self._kept_port(self.folder / "console-port", usual=_CONSOLE_PORT)
        self._console: ConsoleProcess | None = None
        self.console_token = ""
        self._media = Process(
            name="media-server",
            argv=[sys.executable, "-m", "localcluster.mediaserver", f"--port={self.media_port}"],
            log=self.folder / "media-server.log",
            cwd=PROJECT,
        )

    @property
    def processes(self) -> list[Process]:
        """Everything that has to run."""
        services = [service.process for service in (self._receiver, self._console) if service]
        return [*self.control_plane.processes.values(), self.s3.process, self._media, *services]

    @property
    def media_url(self) -> str:
        """URL of the media server."""
        return f"http://{LOOPBACK}:{self.media_port}"

    @property
    def receiver_url(self) -> str:
        """URL that the path of a RecordingSource is appended to."""
        return f"http://{LOOPBACK}:{self._receiver_port}"

    @property
    def console_url(self) -> str:
        """URL of the console."""
        return f"http://{LOOPBACK}:{self._console_port}"

    def start(self) -> None:
        """Start all servers but receiver and console, which need the CRDs. Raises ComponentError."""
        self._running.callback(self._media.kill)
        self._media.start()
        self._running.callback(self.s3.kill)
        self.s3.start()
        self._running.callback(self.control_plane.stop)
        self.control_plane.start()
        self._media.wait_ready(lambda: not is_free(self.media_port), timeout_s=_MEDIA_TIMEOUT_S)

    def install(self) -> None:
        """Install the CRDs and all RBAC. Raises KubectlError."""
        install(self.control_plane.kubectl)

    def add_archive(self) -> None:
        """Create the bucket, and the StorageLocation `archive` with its Secret. Raises KubectlError."""
        self.s3.create_bucket(BUCKET, versioned=True)
        self.control_plane.kubectl.apply(credentials_secret(LOCATION, self.s3.root), self.archive())

    def start_receiver(self) -> None:
        """Start the receiver. It may create Recordings in `default`. Raises KubectlError and ComponentError."""
        self.control_plane.kubectl.apply(receiver_binding("default"), secrets_binding("default"))
        kubeconfig = self.control_plane.service_account_kubeconfig(
            namespace=OPERATOR_NAMESPACE, name=RECEIVER_ACCOUNT, path=self.folder / "receiver.kubeconfig"
        )
        log = self.folder / "receiver.log"
        self._receiver = ReceiverProcess(kubeconfig=kubeconfig, log=log, port=self._receiver_port, settings=POLICY)
        self._running.callback(self._receiver.kill)
        self._receiver.start(timeout_s=_SERVICE_TIMEOUT_S)

    def start_console(self) -> None:
        """Start the console, and create a token that logs in with all rights. Raises KubectlError and ComponentError.

        The catalog is in the console's memory. Its pages may upload to the bucket, which must exist.
        """
        self.control_plane.kubectl.apply(*administrator_objects())
        self.console_token = self.control_plane.kubectl.token(OPERATOR_NAMESPACE, ADMINISTRATOR_ACCOUNT)
        kubeconfig = self.control_plane.service_account_kubeconfig(
            namespace=OPERATOR_NAMESPACE, name=CONSOLE_ACCOUNT, path=self.folder / "console.kubeconfig"
        )
        log = self.folder / "console.log"
        self._console = ConsoleProcess(kubeconfig=kubeconfig, log=log, port=self._console_port, settings=POLICY)
        self._running.callback(self._console.kill)
        self._console.start(timeout_s=_SERVICE_TIMEOUT_S)
        self.s3.allow_pages(BUCKET, origin=self.console_url)

    def receiver_log_tail(self) -> str:
        """Return the end of the receiver's log."""
        return self._receiver.process.log_tail() if self._receiver else ""

    def add_source(self) -> None:
        """Create the RecordingSource `meetings` with its Secret. Raises KubectlError."""
        self.control_plane.kubectl.apply(*source_objects(key=self.webhook_key, location=LOCATION))
        ready = ("wait", "--for=condition=Ready", "--timeout=120s", f"recordingsource/{SOURCE}")
        self.control_plane.kubectl(*ready, timeout_s=130)

    def archive(self) -> dict[str, object]:
        """Return the StorageLocation `archive`."""
        return storage_location(
            LOCATION, endpoint=self.s3.endpoint, bucket=BUCKET, secret=LOCATION, namespaces=["default"]
        )

    def operator_kubeconfig(self) -> Path:
        """Return a kubeconfig of the operator's ServiceAccount. Raises KubectlError."""
        return self.control_plane.service_account_kubeconfig(
            namespace=OPERATOR_NAMESPACE, name=OPERATOR_ACCOUNT, path=self.folder / "operator.kubeconfig"
        )

    def examples(self) -> Path:
        """Return the folder of the example manifests: the tree's, or a copy if the media server's port was taken."""
        examples = PROJECT / "examples"
        if self.media_port == MEDIA_PORT:
            return examples
        copy = self.folder / "examples"
        shutil.copytree(examples, copy, dirs_exist_ok=True)
        for manifest in copy.glob("*.yaml"):
            text = manifest.read_text().replace(f"{LOOPBACK}:{MEDIA_PORT}", f"{LOOPBACK}:{self.media_port}")
            manifest.write_text(text)
        return copy

    def environment(self) -> dict[str, str]:
        """Return the variables with which kubectl and S3 tools find the servers; PATH holds only our part of it."""
        programs = self.folder / "bin"
        programs.mkdir(exist_ok=True)
        own = [Path(sys.executable).with_name(name) for name in _OWN_PROGRAMS]
        for program in (self._tools["kubectl"], *own):
            link = programs / program.name
            link.unlink(missing_ok=True)
            link.symlink_to(program)
        return {
            "KUBECONFIG": str(self.control_plane.kubeconfig),
            "PATH": str(programs),
            "AWS_ENDPOINT_URL": self.s3.endpoint,
            "AWS_ACCESS_KEY_ID": self.s3.root.access_key,
            "AWS_SECRET_ACCESS_KEY": self.s3.root.secret_key,
            "AWS_REGION": REGION,
            "S3_BUCKET": BUCKET,
            "MEDIA_URL": self.media_url,
            "RECEIVER_URL": self.receiver_url,
            "WEBHOOK_SECRET": self.webhook_key,
            "CONSOLE_URL": self.console_url,
            "CONSOLE_TOKEN": self.console_token,
        }

    def write_environment(self, path: Path) -> str:
        """Write the variables as a file that sh reads with `.`, and return its text."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.environment().items()]
        text = "\n".join(line + ':"$PATH"' if line.startswith("export PATH=") else line for line in lines) + "\n"
        write_private(path, text.encode())
        return text

    def _kept_port(self, path: Path, *, usual: int) -> int:
        """Return the port in this file, the same at each start if it can be: StorageLocations name the store's."""
        port = self._reserve(int(path.read_text()) if path.exists() else usual)
        path.write_text(str(port))
        return port

    def _reserve(self, preferred: int) -> int:
        port = ReservedPort(preferred)
        self._running.callback(port.close)
        return port.number

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()


def _kept_root(path: Path) -> Credentials:
    """Return the root key of the folder's S3 server, the same at each start."""
    if path.exists():
        return Credentials(**json.loads(path.read_text()))
    root = new_root()
    write_private(path, json.dumps(asdict(root)).encode())
    return root
