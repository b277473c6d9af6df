"""`make cluster`, `make cluster-down` and `make run` from the command line (in a separate folder)."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from localcluster.background import Supervisor
from localcluster.install import PROJECT
from localcluster.mediaserver import DEFAULT_PORT
from localcluster.ports import LOOPBACK, free_port, is_free
from localcluster.sampleprovider import SampleProvider
from localcluster.stack import Stack
from localcluster.webhooks import new_key
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

DEADLINE_S = 60.0


class Commands:
    """Runs `python -m localcluster` on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "localcluster", command],
            cwd=PROJECT,
            env={**os.environ, "LOCALCLUSTER_FOLDER": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def start(self, command: str) -> "subprocess.Popen[str]":
        """Start a command that stays in the foreground."""
        return subprocess.Popen(
            [sys.executable, "-m", "localcluster", command],
            cwd=PROJECT,
            env={**os.environ, "LOCALCLUSTER_FOLDER": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def make_run(self) -> "subprocess.Popen[str]":
        """`make run`, in a separate process group."""
        return subprocess.Popen(
            ["make", "--no-print-directory", "run", "LOCALCLUSTER_FOLDER=" + str(self.folder)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def port_of(operator: "subprocess.Popen[str]") -> str:
        """Read an operator's output up to the line with its port."""
        assert operator.stdout is not None
        for line in operator.stdout:
            # The receiver writes there too, and is often earlier.
            if found := re.search(rf"controller\.process.*Listening on {LOOPBACK}:(\d+)", line):
                return found[1]
        pytest.fail("the operator ended without listening")

    def sh(self, script: str) -> str:
        """Run a script in a shell that has read the env file."""
        command = ["/bin/sh", "-euc", f". {self.folder}/env; {script}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def server_pids(self) -> list[int]:
        """Processes with the folder in their command line."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace") if entry.name.isdigit() else ""
            except OSError:
                continue
            if str(self.folder / "cluster") in words:
                found.append(int(entry.name))
        return found

    def wait_for_no_server(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while left := self.server_pids():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


@pytest.fixture
def commands(scratch: Path, request: pytest.FixtureRequest) -> Iterator[Commands]:
    commands = Commands(scratch / request.node.name)
    yield commands
    commands("down")


def test_a_cluster_starts_once_survives_the_command_and_keeps_its_data(commands: Commands) -> None:
    # Not the usual port: another cluster could take that between the two starts.
    port = free_port()
    (commands.folder / "cluster").mkdir(parents=True)
    (commands.folder / "cluster" / "s3-port").write_text(str(port))
    first = commands("up")
    assert first.returncode == 0, first.stderr
    assert first.stdout == (commands.folder / "env").read_text()
    names = [line.removeprefix("export ").partition("=")[0] for line in first.stdout.splitlines()]
    expected = {"KUBECONFIG", "PATH", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert expected | {"S3_BUCKET", "RECEIVER_URL", "WEBHOOK_SECRET", "CONSOLE_URL", "CONSOLE_TOKEN"} <= set(names)
    assert (commands.folder / "env").stat().st_mode & 0o077 == 0
    location = yaml.safe_load(commands.sh("kubectl get storagelocation archive -o yaml"))["spec"]
    assert location["allowedNamespaces"]["names"] == ["default"]
    assert location["retry"]["delays"] == ["2s", "4s", "8s"]
    assert location["s3"]["endpoint"] == f"http://{LOOPBACK}:{port}"
    secret = location["s3"]["credentials"]["secretName"]
    assert commands.sh(f"kubectl get secret {secret} -n recording-operator -o name") == f"secret/{secret}\n"
    assert location["s3"]["endpoint"] == commands.sh("echo $AWS_ENDPOINT_URL").strip()

    assert commands.sh("kubectl recordings list --no-headers") == ""
    assert "list\tList Recordings." in commands.sh("kubectl __complete recordings li").splitlines()
    commands.sh("kubectl create configmap kept")
    assert "already running" in commands("up").stderr
    assert commands("down").returncode == 0
    assert not (commands.folder / "env").exists()
    assert commands.server_pids() == []

    again = commands("up").stdout.splitlines()
    # Ports that can be any free ones, and a token that is a new one each time.
    others = tuple(f"export {name}=" for name in ("MEDIA_URL", "RECEIVER_URL", "CONSOLE_URL", "CONSOLE_TOKEN"))
    assert [one for one in again if not one.startswith(others)] == [
        one for one in first.stdout.splitlines() if not one.startswith(others)
    ]
    assert commands.sh("kubectl get configmap kept -o name") == "configmap/kept\n"


def test_a_signed_webhook_becomes_a_recording(commands: Commands) -> None:
    assert commands("up").returncode == 0
    path = commands.sh("kubectl get recordingsource meetings -o jsonpath='{.status.path}'")
    assert path == "/v1/sources/default/meetings"
    url, key, media = (commands.sh(f"echo ${name}").strip() for name in ("RECEIVER_URL", "WEBHOOK_SECRET", "MEDIA_URL"))
    with SampleProvider(media_url=media) as provider:
        assert provider.send_webhook(f"{url}{path}", key=new_key()) == 401
        assert provider.send_webhook(f"{url}{path}", key=key) == 200
    names = commands.sh("kubectl get recordings -l recordings.dev/source=meetings -o name")
    assert names.startswith("recording.recordings.dev/meetings-")


def test_the_token_of_the_console_sees_every_recording(commands: Commands) -> None:
    assert commands("up").returncode == 0
    commands.sh(f"kubectl apply -f {PROJECT}/examples/recording-minimal.yaml")
    url, token = (commands.sh(f"echo ${name}").strip() for name in ("CONSOLE_URL", "CONSOLE_TOKEN"))
    request = urllib.request.Request(f"{url}/api/v1/recordings", headers={"Authorization": f"Bearer {token}"})

    def names() -> list[str]:
        with urllib.request.urlopen(request) as response:
            return [item["name"] for item in json.load(response)["items"]]

    eventually(lambda: names() == ["standup"])
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{url}/api/v1/recordings")


def test_two_operators_run_beside_each_other_and_one_works(commands: Commands) -> None:
    assert commands("up").returncode == 0
    with commands.start("run") as first, commands.start("run") as second:
        ports = {commands.port_of(first), commands.port_of(second)}
        assert len(ports) == 2
        media = commands.sh("echo $MEDIA_URL").strip()
        recording = (PROJECT / "examples" / "recording-minimal.yaml").read_text()
        manifest = commands.folder / "recording.yaml"
        manifest.write_text(recording.replace(f"http://{LOOPBACK}:{DEFAULT_PORT}", media))
        commands.sh(f"kubectl apply -f {manifest}")
        commands.sh("kubectl wait --for=jsonpath='{.status.phase}'=Complete --timeout=60s recording/standup")
        for process in (first, second):
            process.send_signal(signal.SIGINT)
        outputs = [process.communicate(timeout=60)[0] for process in (first, second)]
        assert [process.returncode for process in (first, second)] == [0, 0], outputs


def test_make_run_ends_its_operator_however_it_ends(commands: Commands) -> None:
    assert commands("up").returncode == 0
    for how, number in (("make", signal.SIGTERM), ("make", signal.SIGKILL), ("group", signal.SIGTERM)):
        with commands.make_run() as running:
            try:
                port = int(commands.port_of(running))
                if how == "make":
                    running.send_signal(number)
                else:
                    for _ in range(10):  # make passes on what the whole group got already
                        os.killpg(running.pid, number)
                output = running.communicate(timeout=20)[0]  # the operator writes there too: both have ended
                assert '"Ended"' in output, f"{number.name} to the {how}: {output}"
                assert is_free(port)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)


def test_nothing_is_left_when_the_supervisor_is_killed(commands: Commands) -> None:
    assert commands("up").returncode == 0
    assert len(commands.server_pids()) >= 4
    os.kill(int((commands.folder / "cluster.lock").read_text()), signal.SIGKILL)
    commands.wait_for_no_server()
    assert commands("down").stderr == "no cluster is running\n"
    run = commands("run")
    assert (run.returncode, run.stderr) == (1, "error: no cluster is running: run `make cluster` first\n")


def test_a_cluster_that_loses_a_server_ends_and_logs_why(commands: Commands) -> None:
    assert commands("up").returncode == 0
    etcd = next(pid for pid in commands.server_pids() if "etcd" in Path(f"/proc/{pid}/comm").read_text())
    os.kill(etcd, signal.SIGKILL)
    supervisor = Supervisor(commands.folder)
    deadline = time.monotonic() + DEADLINE_S
    while supervisor.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "etcd ended with status -9" in supervisor.log.read_text()
    assert not supervisor.environment.exists()


def test_examples_follow_the_media_server_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # taken by another process: just as good
            taken.bind((LOOPBACK, DEFAULT_PORT))
            taken.listen()
        stack = Stack(tmp_path)
        assert stack.media_port != DEFAULT_PORT
        texts = [path.read_text() for path in stack.examples().glob("*.yaml")]
        assert texts
        assert not [text for text in texts if f":{DEFAULT_PORT}/" in text]
        assert [text for text in texts if f"http://{LOOPBACK}:{stack.media_port}/" in text]


def test_two_that_start_together_take_no_port_twice(tmp_path: Path) -> None:
    with Stack(tmp_path / "one") as one, Stack(tmp_path / "two") as two:
        assert one.media_port != two.media_port
        assert one.s3.endpoint != two.s3.endpoint


def test_an_interrupted_start_leaves_nothing(commands: Commands) -> None:
    with commands.start("up") as start:
        deadline = time.monotonic() + DEADLINE_S
        while not commands.server_pids():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        start.send_signal(signal.SIGINT)
        assert start.wait(DEADLINE_S) == 130
    commands.wait_for_no_server()
    assert not (commands.folder / "env").exists()
