"""Figures that a run of tests measured, shown at its end."""

from collections.abc import Callable

import pytest

Measure = Callable[[str, float], None]
_KEY = pytest.StashKey[list[str]]()


def note(config: pytest.Config, what: str, seconds: float) -> None:
    """Remember a figure."""
    config.stash.setdefault(_KEY, []).append(f"{seconds:6.1f} s  {what}")


def show(reporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was remembered."""
    for line in config.stash.get(_KEY, []):
        reporter.write_line(line)
