"""The commands in docs/client-uploads.md, as they are written there."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.console.conftest import Visitors
from tests.support.recordings import from_client
from tests.support.sending_client import LARGE
from tests.support.world import World

pytestmark = pytest.mark.cluster

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "client-uploads.md"


def test_the_whole_way_with_curl(world: World, visitors: Visitors, tmp_path: Path) -> None:
    [script] = re.findall(r"^```sh\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    recording = world.create(from_client(LARGE))
    folder = tmp_path / "client"
    folder.mkdir()
    (folder / "meeting.mp4").write_bytes(LARGE)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("team-a", world.namespace)],
        cwd=folder,
        env={**os.environ, "CONSOLE": visitors.tenant.url, "TOKEN": visitors.tenant.token or ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    recording.wait_phase("Complete")
