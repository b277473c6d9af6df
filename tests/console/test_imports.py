"""What the console imports: its memory while it is idle is mostly code."""

import subprocess
import sys

_UNNEEDED = (
    "alembic",
    "cloudevents",
    "kopf",
    "recording_operator.controller.process",
    "recording_operator.notify.events",
)
_PROGRAM = """
import sys
import recording_operator.cli.process.showing
found = [name for name in sys.argv[1:] if name in sys.modules]
sys.exit(f"imported: {found}" if found else 0)
"""


def test_a_console_imports_nothing_that_only_the_operator_needs() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM, *_UNNEEDED], check=True)
