"""`make demo` for a new user."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from localcluster.consoledemo import CHROMIUM
from localcluster.install import PROJECT

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

DEADLINE_S = 20.0


class Demo:
    """A running demo in a separate folder."""

    def __init__(self, folder: Path, *, once: bool) -> None:
        self.folder = folder
        self.seen: list[str] = []
        environment = {**os.environ, "LOCALCLUSTER_FOLDER": str(folder), "DEMO_ONCE": "1" if once else ""}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "localcluster", "demo"],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read_until(self, text: str) -> None:
        """Read the output up to a line with the text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.append(line)
            if text in line:
                return
        pytest.fail(f"the demo ended without {text!r}:\n{''.join(self.seen)}")

    def console_status(self) -> int:
        """The status of a page of the console to the token that the demo has printed."""
        script = f'. {self.folder}/demo/env; echo "$CONSOLE_URL $CONSOLE_TOKEN"'
        url, token = subprocess.check_output(["/bin/sh", "-euc", script], text=True).split()
        assert any(url in line for line in self.seen)
        assert any(line.strip() == token for line in self.seen)
        request = urllib.request.Request(f"{url}/api/v1/recordings", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request) as response:
            return int(response.status)

    def leftovers(self) -> list[str]:
        """Command lines of processes that name the demo's folder, in their arguments or (the operator) environment."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
                everything = command + (entry / "environ").read_bytes() if command else b""
            except OSError:
                continue
            if str(self.folder / "demo").encode() in everything:
                found.append(command.decode(errors="replace"))
        return found

    def assert_nothing_left(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while left := self.leftovers():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)


@pytest.fixture
def folder(scratch: Path, request: pytest.FixtureRequest) -> Path:
    return scratch / str(request.node.name)


def test_once_every_recording_is_complete_and_every_byte_compared(folder: Path) -> None:
    demo = Demo(folder, once=True)
    output, _ = demo.process.communicate()
    assert demo.process.returncode == 0, output
    lines = output.splitlines()
    for name in ("standup", "weekly-sync", "board-meeting"):
        phases = [line.split()[1] for line in lines if line.split()[:1] == [name] and len(line.split()) > 1]
        assert (phases[0] in ("Pending", "Uploading"), phases[-1]) == (True, "Complete")
    assert sum(line.startswith("  equal ") for line in lines) == 6
    assert "6 objects compared, 0 multipart uploads left open." in lines
    assert any(line.startswith("daily") for line in lines), "no StorageReport was shown"
    assert any(line.endswith(" lists 4 of 4 Recordings.") for line in lines)
    if CHROMIUM.exists():
        (picture,) = [line.rpartition(" ")[2] for line in lines if line.startswith("The first page after the login")]
        assert (PROJECT / picture).read_bytes().startswith(b"\x89PNG")
    else:
        assert any(line.startswith(f"No screenshot: {CHROMIUM} is not there.") for line in lines)
    demo.assert_nothing_left()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_nothing_is_left_when_it_is_stopped_in_the_middle(folder: Path, number: signal.Signals, status: int) -> None:
    demo = Demo(folder, once=False)
    demo.read_until("kubectl get recordings --watch")
    assert [command for command in demo.leftovers() if "recording-operator\x00run" in command]
    demo.process.send_signal(number)
    demo.process.communicate()
    assert demo.process.returncode == status
    demo.assert_nothing_left()


def test_it_stays_until_ctrl_c(folder: Path) -> None:
    demo = Demo(folder, once=False)
    demo.read_until("Ctrl-C stops everything.")
    script = f". {folder}/demo/env; kubectl get recording standup -o jsonpath='{{.status.phase}}'"
    answer = subprocess.run(["/bin/sh", "-euc", script], capture_output=True, text=True, check=True)
    assert answer.stdout == "Complete"
    assert demo.console_status() == 200
    demo.process.send_signal(signal.SIGINT)
    demo.process.communicate()
    assert demo.process.returncode == 0
    demo.assert_nothing_left()
