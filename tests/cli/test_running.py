"""The end of the operator's process."""

import subprocess
import sys
from typing import Final

WITHIN_S: Final = 30.0
# A leader that fails has transfers under way, in threads that Python waits for.
_PROGRAM: Final = """
import threading
from types import SimpleNamespace
from recording_operator.cli.process import running

class Fails:
    def __init__(self, **_):
        pass

    def run(self):
        threading.Thread(target=threading.Event().wait).start()
        raise RuntimeError("no more threads")

running.Process = Fails
running.process_connection = lambda **_: SimpleNamespace(namespace="recordings")
nothing = dict.fromkeys(("settings_file", "namespace", "kubeconfig", "context"))
running.run_operator(running.Options(**nothing, http_host="", http_port=0, log_format="text", log_level="info"))
"""


def test_an_unexpected_error_ends_the_process_despite_running_transfers() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
    assert ended.returncode == 1
    assert "no more threads" in ended.stdout + ended.stderr
