"""The cluster in the background: `make cluster`, `make cluster-down`, `make run`.

One supervisor process holds a lock and is the parent of every server. When it ends for any reason, they end too.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, TextIO

from localcluster.builds import ensure_tools
from localcluster.install import OPERATOR_ACCOUNT, OPERATOR_NAMESPACE, PROJECT, RECEIVER_ACCOUNT, install
from localcluster.kubectl import Kubectl, write_token_kubeconfig
from localcluster.operatorprocess import POLICY, operator_command
from localcluster.process import ComponentError, bound_to_parent, end_with_parent
from localcluster.productprocess import product_environment
from localcluster.progress import Progress, say
from localcluster.serviceprocess import service_command
from localcluster.stack import Stack

# Two clusters from one clone: give one of them another folder.
LOCAL: Final = Path(os.environ.get("LOCALCLUSTER_FOLDER") or PROJECT / ".local").absolute()
_POLL_S: Final = 0.05
_CHECK_INTERVAL_S: Final = 1.0
_START_TIMEOUT_S: Final = 180.0
_STOP_TIMEOUT_S: Final = 30.0
_LOG_TAIL_BYTES: Final = 3000


class Supervisor:
    """The background process of one folder, seen from outside."""

    def __init__(self, folder: Path = LOCAL) -> None:
        self.folder = folder
        self.environment = folder / "env"
        self.log = folder / "cluster.log"
        self._lock = folder / "cluster.lock"

    def is_running(self) -> bool:
        """Whether a supervisor holds the lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock. Raises ComponentError if another supervisor does."""
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ComponentError(f"a cluster is already running in {self.folder}") from None
            _write_pid(lock)
            yield

    def start(self) -> None:
        """Start the supervisor and wait until everything is ready. Raises ComponentError."""
        self.environment.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "localcluster", "serve"],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_ready(process)
        except BaseException:  # Ctrl-C included: what was not waited for must not stay
            process.kill()
            raise

    def _wait_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self.environment.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = self.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace")
                raise ComponentError(f"the cluster did not start; the end of {self.log}:\n{tail}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Terminate it, and kill it if it takes too long. Raises ComponentError if it does not end."""
        pid = int(self._lock.read_text())
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.kill(pid, number)
            deadline = time.monotonic() + _STOP_TIMEOUT_S
            while self.is_running():
                if time.monotonic() > deadline:
                    break
                time.sleep(_POLL_S)
            else:
                self.environment.unlink(missing_ok=True)
                return
        raise ComponentError(f"process {pid} does not end")


def up() -> int:
    """Start the cluster unless it runs, and print how to reach it."""
    supervisor = Supervisor()
    ensure_tools()  # here, where its progress is seen
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "up.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if supervisor.is_running() and supervisor.environment.exists():
            say("the cluster is already running")
        else:
            with Progress("starting the cluster") as progress:
                supervisor.start()
            say(f"the cluster is ready ({progress.elapsed_s:.1f} s)")
    print(supervisor.environment.read_text(), end="", flush=True)
    say(f"\n. {short_path(supervisor.environment)}   puts these variables into your shell; then:")
    say("make run              runs the operator against it, and another receiver from the tree as it is now")
    say("kubectl get recordingsources   shows meetings: its status.path follows $RECEIVER_URL; $WEBHOOK_SECRET signs")
    say("$CONSOLE_URL                    is the console; $CONSOLE_TOKEN logs in, with all rights")
    say("kubectl apply -f examples/ && kubectl get recordings --watch")
    say("make cluster-down     stops it and keeps its data (rm -r .local forgets them)")
    return 0


def down() -> int:
    """Stop the cluster if it runs."""
    supervisor = Supervisor()
    if not supervisor.is_running():
        say("no cluster is running")
        return 0
    supervisor.stop()
    say("the cluster is stopped")
    return 0


def serve() -> int:
    """Run as the supervisor: run everything until a signal, or until a server ends by itself."""
    supervisor = Supervisor()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    with supervisor.alone(), Stack(LOCAL / "cluster") as stack:
        stack.start()
        stack.install()
        stack.add_archive()
        stack.start_receiver()
        stack.start_console()
        stack.add_source()
        stack.write_environment(supervisor.environment)
        say(f"ready, process {os.getpid()}")
        while all(process.running for process in stack.processes):
            time.sleep(_CHECK_INTERVAL_S)
        ended = [process for process in stack.processes if not process.running]
        supervisor.environment.unlink(missing_ok=True)
        raise ComponentError("\n".join(f"{p.name} ended with status {p.returncode}:\n{p.log_tail()}" for p in ended))


def run() -> NoReturn:
    """Run the operator and a receiver in the foreground. CRDs and RBAC are applied as they are in the tree now.

    A signal to this process is one to the operator. It ends in order when its parent (make) ends, however that ends.
    The receiver ends with it. It uses any free port: the one of `make cluster` keeps its own.
    """
    end_with_parent(signal.SIGTERM)
    if not Supervisor().is_running():
        raise ComponentError("no cluster is running: run `make cluster` first")
    folder = LOCAL / "cluster"
    admin = folder / "control-plane" / "admin.kubeconfig"
    kubectl = Kubectl(program=ensure_tools()["kubectl"], kubeconfig=admin, cache=folder / "kubectl-cache")
    install(kubectl)
    kubeconfig = write_token_kubeconfig(
        folder / "operator.kubeconfig", kubectl=kubectl, namespace=OPERATOR_NAMESPACE, account=OPERATOR_ACCOUNT
    )
    receiver = write_token_kubeconfig(
        folder / "receiver-run.kubeconfig", kubectl=kubectl, namespace=OPERATOR_NAMESPACE, account=RECEIVER_ACCOUNT
    )
    listening = service_command("receiver", http_port=0, metrics_port=0, settings=POLICY)
    subprocess.Popen(bound_to_parent(listening), env=product_environment(receiver), stdin=subprocess.DEVNULL)
    command = operator_command(policy=POLICY, namespace=OPERATOR_NAMESPACE, http_port=0)
    os.execve(command[0], command, product_environment(kubeconfig))  # noqa: S606 - no shell is wanted


def short_path(path: Path) -> str:
    """Return a path relative to the project's folder."""
    return str(path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path)


def _write_pid(lock: TextIO) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)
