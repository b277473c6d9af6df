"""The console with crash points: `python -m tests.support.crashing_console console …`, for tests only.

The points are before and after each write to the catalog, such as `put after`. The environment variables are those of
`crashing_operator.py`.
"""

import functools
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from recording_operator.catalog.reconciling import Reconciler
from recording_operator.catalog.writing import CatalogWriter
from recording_operator.cli import main
from tests.support.crashing_operator import Bomb

WRITES: Final = ((CatalogWriter, "put"), (CatalogWriter, "fed"), (Reconciler, "after_list"))


def wire(bomb: Bomb) -> None:
    """Add the points."""
    for owner, name in WRITES:
        _wire(bomb, owner, name)


def _wire(bomb: Bomb, owner: type, name: str) -> None:
    method = getattr(owner, name)

    @functools.wraps(method)
    def wired(*positional: Any, **named: Any) -> Any:
        return bomb.around(name, lambda: method(*positional, **named))

    setattr(owner, name, wired)


def run(arguments: Sequence[str]) -> None:
    """Run the command with the crash point that the environment describes, then exit."""
    wire(Bomb.from_environment(os.environ))
    sys.argv[:] = ["recording-operator", *arguments]
    main()


if __name__ == "__main__":
    run(sys.argv[1:])
