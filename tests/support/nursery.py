"""Operators that start at once: forked from a process that has loaded their modules already.

The end-to-end tests start hundreds of operators, and most of a start is the import of libraries. A forked
operator is like any other: a separate process, with its own memory, threads, sockets and log, and killed like one.

    with Nursery() as nursery:
        operator = ForkedOperator(nursery=nursery, kubeconfig=kubeconfig, log=log)
        operator.start()

`python -m tests.support.nursery` is the forking side: it reads orders (JSON lines) and reports starts and ends.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

from localcluster import OperatorProcess, Process
from localcluster.install import OPERATOR_NAMESPACE, PROJECT
from localcluster.operatorprocess import POLICY, operator_command
from localcluster.process import bound_to_parent
from localcluster.productprocess import ALLOCATOR, product_environment
from recording_operator.stores.credentials import StoreCredentials

_PR_SET_PDEATHSIG: Final = 1
_STARTED_WITHIN_S: Final = 180.0


class Nursery:
    """The side that sends orders."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._started: list[int] = []
        self._ended: dict[int, int] = {}
        paths = os.pathsep.join((str(PROJECT / "operator"), str(PROJECT)))
        self._popen = subprocess.Popen(
            bound_to_parent([sys.executable, "-m", "tests.support.nursery"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            env={**os.environ, **ALLOCATOR, "PYTHONPATH": paths},
        )
        self._thread = threading.Thread(target=self._listen, name="nursery", daemon=True)
        self._thread.start()

    def process(self, *, name: str, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> "NurseryProcess":
        """An operator to be started; `argv` are the arguments of the command."""
        return NurseryProcess(self, name=name, argv=list(argv), log=log, env=env)

    def fork(self, *, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> int:
        """Start one; its process id."""
        order = json.dumps({"argv": list(argv), "log": str(log), "env": dict(env)})
        with self._changed:
            before = len(self._started)
            assert self._popen.stdin is not None
            self._popen.stdin.write(f"{order}\n")
            self._popen.stdin.flush()
            assert self._changed.wait_for(lambda: len(self._started) > before, _STARTED_WITHIN_S), "nothing was forked"
            return self._started[before]

    def status(self, pid: int, *, within_s: float = 0.0) -> int | None:
        """The exit status (negative: signal); None while it runs."""
        with self._changed:
            self._changed.wait_for(lambda: pid in self._ended, within_s)
            return self._ended.get(pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._popen.kill()
        self._popen.wait()
        self._thread.join(5)
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _listen(self) -> None:
        for line in self._popen.stdout or ():
            word, *numbers = line.split()
            with self._changed:
                if word == "started":
                    # After thousands of forks a process id is reused: then it is another process.
                    self._ended.pop(int(numbers[0]), None)
                    self._started.append(int(numbers[0]))
                else:
                    self._ended[int(numbers[0])] = int(numbers[1])
                self._changed.notify_all()


class _Forked:
    """The part of the interface of Popen that Process uses."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery

    def poll(self) -> int | None:
        return self._nursery.status(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        status = self._nursery.status(self.pid, within_s=60.0 if timeout is None else timeout)
        if status is None:
            raise subprocess.TimeoutExpired("operator", timeout or 60.0)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class NurseryProcess(Process):
    """A Process that is forked instead of started."""

    def __init__(self, nursery: Nursery, *, name: str, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        super().__init__(name=name, argv=argv, log=log, env=env)
        self._nursery = nursery

    def start(self) -> None:
        """Fork it; its output is appended to the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        pid = self._nursery.fork(argv=self._argv, log=self.log, env=self._env)
        self._popen = cast("subprocess.Popen[bytes]", _Forked(self._nursery, pid))


class ForkedOperator(OperatorProcess):
    """An operator that is forked. `environment` adds variables, which are set when its modules are loaded already."""

    def __init__(
        self,
        *,
        nursery: Nursery,
        kubeconfig: Path,
        log: Path,
        policy: Path = POLICY,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kubeconfig=kubeconfig, log=log, policy=policy)
        command = operator_command(policy=policy, namespace=OPERATOR_NAMESPACE, http_port=self.port)
        env = {**product_environment(kubeconfig), **(environment or {})}
        self.process = nursery.process(name="recording-operator", argv=[*command[1:], *arguments], log=log, env=env)


def serve() -> None:
    """The forking side. Returns when there are no more orders."""
    # These imports take long. The command imports most modules only when it is called, botocore for the first client.
    import recording_operator.cli.process.running  # noqa: F401, PLC0415 - loaded before the fork
    from recording_operator.stores.s3.client import S3Options, build_client  # noqa: PLC0415 - only here
    from tests.support import crashing_operator  # noqa: PLC0415 - only here

    build_client(S3Options(bucket="none", credentials=StoreCredentials(access_key_id="none", secret_access_key="none")))

    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    orders = sys.stdin.fileno()
    rest = b""
    while True:
        ready, _, _ = select.select([orders, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            _report_ends()
        if orders in ready:
            data = os.read(orders, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                _fork(json.loads(line), crashing_operator.run)


def _report_ends() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        _tell("ended", pid, os.waitstatus_to_exitcode(status))


def _tell(word: str, *numbers: int) -> None:
    sys.stdout.write(f"{word} {' '.join(map(str, numbers))}\n")
    sys.stdout.flush()


def _fork(order: dict[str, Any], run: Any) -> None:
    pid = os.fork()
    if pid:
        _tell("started", pid)
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, out), (2, out)):
        os.dup2(source, target)
    os.closerange(3, 256)
    os.environ.clear()
    os.environ.update(order["env"])
    run(order["argv"])
    sys.exit()  # the child must not go on as the forking side


if __name__ == "__main__":
    serve()
