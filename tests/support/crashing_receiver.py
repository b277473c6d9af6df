"""The receiver with crash points: `python -m tests.support.crashing_receiver receiver …`, for tests only.

The points are before and after each request of a delivery to the API server, such as `create_recording after`. The
environment variables are those of `crashing_operator.py`.
"""

import functools
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from recording_operator.cli import main
from recording_operator.kube.receiving import ReceiverApi
from tests.support.crashing_operator import Bomb

REQUESTS: Final = ("create_recording", "get_recording", "change_recording", "create_secret", "change_secret")


def wire(bomb: Bomb) -> None:
    """Add the points."""
    for name in REQUESTS:
        _wire(bomb, name)


def _wire(bomb: Bomb, name: str) -> None:
    method = getattr(ReceiverApi, name)

    @functools.wraps(method)
    def wired(*positional: Any, **named: Any) -> Any:
        return bomb.around(name, lambda: method(*positional, **named))

    setattr(ReceiverApi, name, wired)


def run(arguments: Sequence[str]) -> None:
    """Run the command with the crash point that the environment describes, then exit."""
    wire(Bomb.from_environment(os.environ))
    sys.argv[:] = ["recording-operator", *arguments]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])
