"""Crash points before and after each call of a method, such as `put after`, in a command of the product.

The environment variables are those of `crashing_operator.py`.
"""

import functools
import os
import sys
from collections.abc import Iterable
from typing import Any

from recording_operator.cli import main
from tests.support.crashing_operator import Bomb


def run(methods: Iterable[tuple[type, str]]) -> None:
    """Run the command with the arguments of this process and the crash point of its environment, then exit."""
    bomb = Bomb.from_environment(os.environ)
    for owner, name in methods:
        _wire(bomb, owner, name)
    sys.argv[0] = "recording-operator"
    main()


def _wire(bomb: Bomb, owner: type, name: str) -> None:
    method = getattr(owner, name)

    @functools.wraps(method)
    def wired(*positional: Any, **named: Any) -> Any:
        return bomb.around(name, lambda: method(*positional, **named))

    setattr(owner, name, wired)
