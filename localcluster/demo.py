"""Shows Recordings being copied to S3: `make demo`.

With DEMO_ONCE set it ends by itself, with status 0 only if every check succeeded.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from localcluster.background import LOCAL, short_path
from localcluster.consoledemo import CHROMIUM, ConsoleDemo
from localcluster.follow import Follower
from localcluster.install import PROJECT, console_objects, operator_objects, receiver_objects
from localcluster.mediaserver import DEFAULT_PORT as MEDIA_PORT
from localcluster.operatorprocess import OperatorProcess
from localcluster.process import ComponentError
from localcluster.progress import Progress
from localcluster.stack import BUCKET, Stack
from localcluster.verify import Comparison, verify
from localcluster.webhookdemo import WebhookDemo

_FOLDER: Final = LOCAL / "demo"
_REPORT: Final = "daily"
_START_TIMEOUT_S: Final = 180.0  # the first time, Python compiles the libraries
_COMPLETE_TIMEOUT_S: Final = 600.0
_CONSOLE_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.5


def main() -> int:
    """Run the demo and return the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ComponentError("a demo is already running in this clone") from None
        shutil.rmtree(_FOLDER, ignore_errors=True)
        with Stack(_FOLDER) as stack:
            return _Demo(stack).run(once=bool(os.environ.get("DEMO_ONCE")))


class _Demo:
    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._kubectl = stack.control_plane.kubectl
        self._started_s = time.monotonic()

    def run(self, *, once: bool) -> int:
        self._title("Starting etcd, kube-apiserver, kube-controller-manager, an S3 server and sample media")
        with Progress("starting"):
            self._stack.start()
        self._title("Installing the resources and the operator's rights, no more than the chart gives it")
        self._show("apply", "-f", "crds/")
        self._kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(PROJECT / "crds"))
        self._kubectl.apply(*operator_objects(), *receiver_objects(), *console_objects())
        self._stack.add_archive()
        operator = OperatorProcess(kubeconfig=self._stack.operator_kubeconfig(), log=_FOLDER / "operator.log")
        self._title("Starting the operator, the receiver and the console, each with its ServiceAccount's token")
        try:
            with Progress("starting"):
                operator.start(timeout_s=_START_TIMEOUT_S)
                self._stack.start_receiver()
                self._stack.start_console()
            return self._watch(operator, once=once)
        finally:
            operator.process.stop()

    def _watch(self, operator: OperatorProcess, *, once: bool) -> int:
        self._title("Applying the examples, and watching them reach S3")
        examples = self._stack.examples()
        if examples != PROJECT / "examples":
            print(f"(port {MEDIA_PORT} is taken: these are copies of examples/ with port {self._stack.media_port})")
        self._show("apply", "-f", f"{short_path(examples)}/")
        print("\n$ kubectl get recordings --watch", flush=True)
        with Follower(self._kubectl) as follower:
            follower.wait_complete(self._names(), operator=operator, timeout_s=_COMPLETE_TIMEOUT_S)
        self._title("Reading the objects back and comparing them with what the sources serve")
        comparisons = list(verify(kubectl=self._kubectl, s3=self._stack.s3))
        _print_comparisons(comparisons)
        whole = bool(comparisons) and all(comparison.equal for comparison in comparisons)
        uploads = self._stack.s3.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        print(f"\n{len(comparisons)} objects compared, {len(uploads)} multipart uploads left open.")
        counted = self._report()
        whole = whole and counted == sum(comparison.size_bytes for comparison in comparisons) + self._manifests()
        self._title(
            "A provider's webhook: its URL expires during the upload, the operator requests a fresh one and goes on"
        )
        missing = WebhookDemo(self._stack, show=self._show).run()
        whole = whole and not missing
        uploads += self._stack.s3.client().list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        whole = self._console(once=once) and whole
        self._stack.write_environment(_FOLDER / "env")
        if once or not whole or uploads:
            return 0 if whole and not uploads else 1
        self._stay(operator)
        return 0

    def _report(self) -> int:
        """Refresh the report `daily` now and show it; return the bytes that it counted in the bucket."""
        self._title("Refreshing the report now instead of at midnight: what is stored, and what it costs")
        self._show("patch", "storagereport", _REPORT, "--type=merge", '--patch={"spec":{"refreshToken":"demo"}}')
        refreshed = "--for=jsonpath={.status.lastRefreshToken}=demo"
        self._kubectl("wait", f"storagereport/{_REPORT}", refreshed, "--timeout=60s")
        self._show("get", "storagereports")
        program = [
            str(Path(sys.executable).with_name("recording-operator")),
            "report",
            _REPORT,
            f"--from={datetime.now(UTC):%Y-%m-%d}",
        ]
        print(f"$ recording-operator {' '.join(program[1:])}", flush=True)
        environment = {**os.environ, "KUBECONFIG": str(self._kubectl.kubeconfig)}
        subprocess.run(program, env=environment, check=True)
        return int(self._kubectl.json("get", "storagereport", _REPORT)["status"]["totals"]["bytes"])

    def _manifests(self) -> int:
        """The bytes of the manifests of all Recordings. They are counted too."""
        client = self._stack.s3.client()
        recordings = self._kubectl.json("get", "recordings")["items"]
        keys = [recording["status"]["manifestUri"].split("/", 3)[3] for recording in recordings]
        return sum(int(client.head_object(Bucket=BUCKET, Key=key)["ContentLength"]) for key in keys)

    def _console(self, *, once: bool) -> bool:
        """Read the Recordings from the console; return whether it has all. With `once`, show it in a browser too."""
        self._title("The console: the same Recordings in a browser and over HTTP, with the rights of a token")
        console = ConsoleDemo(url=self._stack.console_url, token=self._stack.console_token)
        names, expected = self._listed(console), set(self._names())
        print(f"{self._stack.console_url} lists {len(names & expected)} of {len(expected)} Recordings.", flush=True)
        if once and CHROMIUM.exists():
            picture = console.screenshot(_FOLDER / "console.png")
            print(f"The first page after the login, in Chromium: {short_path(picture)}", flush=True)
        elif once:
            print(f"No screenshot: {CHROMIUM} is not there. Install the package chromium to get one.", flush=True)
        return names >= expected

    def _listed(self, console: ConsoleDemo) -> set[str]:
        """The names that the console lists. It learns of a Recording a moment after kubectl."""
        deadline = time.monotonic() + _CONSOLE_TIMEOUT_S
        while (names := console.names()) < set(self._names()) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return names

    def _stay(self, operator: OperatorProcess) -> None:
        folder = short_path(_FOLDER)
        print(
            f"""
Everything keeps running. In another terminal:
  . {folder}/env                         KUBECONFIG, kubectl, S3 endpoint and keys
  kubectl get recordings --watch          what you just saw
  kubectl describe recording              phases, checksums and Events
  kubectl get recordingsources,eventsinks what arrives from providers, and what applications receive
  kubectl get storagereports -o wide      what is stored and what it costs
  kubectl apply -f YOUR-RECORDING.yaml    examples/ shows how to write one
The console is at {self._stack.console_url}. Log in with this token:
  {self._stack.console_token}
The objects are files in {folder}/s3/data/{BUCKET}/; the logs are {folder}/operator.log, receiver.log and console.log;
its metrics are at {operator.url}/metrics.
Ctrl-C stops everything.""",
            flush=True,
        )
        try:
            while operator.process.running:
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            print("\nStopping; nothing is left running.", flush=True)
            return
        raise ComponentError(f"the operator ended:\n{operator.process.log_tail()}")

    def _names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self._kubectl.json("get", "recordings")["items"]]

    def _title(self, text: str) -> None:
        print(f"\n==> {text}  [{time.monotonic() - self._started_s:.1f} s]", flush=True)

    def _show(self, *arguments: str) -> None:
        """Run kubectl in the project's folder, and show the command and its output."""
        print(f"$ kubectl {' '.join(arguments)}", flush=True)
        absolute = [str(PROJECT / word) if word.endswith("/") else word for word in arguments]
        print(self._kubectl(*absolute), end="", flush=True)


def _print_comparisons(comparisons: list[Comparison]) -> None:
    for comparison in comparisons:
        verdict = "equal" if comparison.equal else f"DIFFERENT: expected {comparison.expected_sha256[:16]}"
        print(f"  {verdict:6} {comparison.size_bytes:>13,} B  sha256 {comparison.sha256[:16]}  {comparison.uri}")


def _interrupt(number: int, _: object) -> None:
    raise SystemExit(128 + number)
