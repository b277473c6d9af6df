"""The time of counts and reports of an operator, which a test sets while it runs.

Everything else in the operator keeps the real time: the store rejects requests that were signed at another one. What
happens in the store has its real time too, until `turn_back` changes it.
"""

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from recording_operator.controller.reports.keeper import ReportKeeper
from recording_operator.controller.usage.archive import LocationArchive

VARIABLE: Final = "REPORT_TIME"


class ReportTime:
    """The time of the operators with `environment`. It stands still between two calls of `set`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "report-time"
        self.environment = {VARIABLE: str(self._file)}

    def set(self, at: datetime) -> None:
        """It is this time."""
        new = self._file.with_suffix(".new")
        new.write_text(at.isoformat())
        new.replace(self._file)


def wire(environment: Mapping[str, str]) -> None:
    """Let the parts that count and report use the time of the test, if there is one."""
    if VARIABLE not in environment:
        return
    file = Path(environment[VARIABLE])
    for owner in (ReportKeeper, LocationArchive):
        _replace_clock(owner, lambda: datetime.fromisoformat(file.read_text()))


def _replace_clock(owner: Any, now: Any) -> None:
    begin = owner.__init__

    @functools.wraps(begin)
    def begin_wired(made: object, **named: Any) -> None:
        assert "now" in named, f"{owner} has no clock any more: nothing would be wired"
        begin(made, **{**named, "now": now})

    owner.__init__ = begin_wired
