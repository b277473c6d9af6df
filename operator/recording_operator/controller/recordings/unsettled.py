"""The sweep of finished Recordings for which something is left to do, or that an earlier version ended.

Or that have no manifest, because their location had none when they ended.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from recording_operator.api.recording import Recording
from recording_operator.engine.facts import Fact, RecordingSeen
from recording_operator.kube.client import KubeApi
from recording_operator.kube.errors import KubeError
from recording_operator.kube.outage import level_of
from recording_operator.log_throttle import LogThrottle

PER_TURN: Final = 5
"""A turn comes each second, so 100,000 Recordings of an earlier version take six hours."""
LEFT: Final = "status.settled=false"
EARLIER: Final = tuple(f"status.phase={phase},status.settled!=true" for phase in ("Complete", "Failed"))
FINISHED: Final = ("status.phase=Complete", "status.phase=Failed")
_LEFT_EVERY: Final = timedelta(minutes=10)
_AFTER_FAILURE: Final = timedelta(seconds=30)
_PAGE: Final = 50
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pass:
    """A list that is read a few Recordings at a time. `wants`: which of them are posted.

    If `every` is None, it is only read when it is requested.
    """

    selectors: tuple[str, ...]
    wants: Callable[[dict[str, Any]], bool]
    every: timedelta | None
    due: datetime | None
    found: Iterator[dict[str, Any]] | None = None


class UnsettledSweep:
    """Posts these Recordings to the engine, a few in each turn. After a failure of the API server it starts again."""

    def __init__(
        self,
        *,
        kube: KubeApi,
        post: Callable[[Fact], None],
        uptime: Callable[[], datetime],
        earlier_every: timedelta,
        lacks_manifest: Callable[[Recording], bool],
    ) -> None:
        """`earlier_every`: how often to look for Recordings that an earlier version ended."""
        self._kube = kube
        self._post = post
        self._uptime = uptime
        self._lacks_manifest = lacks_manifest
        self._left = _Pass((LEFT,), lambda _: True, _LEFT_EVERY, uptime())
        self._undescribed = _Pass(FINISHED, self._is_undescribed, None, None)
        self._passes = (
            self._left,
            _Pass(EARLIER, _is_of_earlier_version, earlier_every, uptime()),
            self._undescribed,
        )
        self._throttle = LogThrottle()

    def find_undescribed(self) -> None:
        """Look for Recordings without a manifest from the next turn on."""
        if self._undescribed.found is None:
            self._undescribed.due = self._uptime()

    def find_left(self) -> None:
        """Look for Recordings for which something is left from the next turn on. Call it from any thread."""
        self._left.due = self._uptime()

    def turn(self) -> None:
        """Post the next few Recordings."""
        for one in self._passes:
            try:
                self._take_turn(one)
            except KubeError as error:
                one.found, one.due = None, self._uptime() + _AFTER_FAILURE
                level = self._throttle.level(type(error).__name__, level_of(error))
                _logger.log(level, "Unsettled Recordings could not be listed: %s", error)

    def _take_turn(self, one: _Pass) -> None:
        if one.found is None:
            if one.due is None or self._uptime() < one.due:
                return
            one.found = self._list(one)
        taken = list(islice(one.found, PER_TURN))
        for raw in taken:
            try:
                self._post(RecordingSeen(recording=Recording.model_validate(raw)))
            except ValidationError:
                continue  # its CRD has another version
        if len(taken) < PER_TURN:
            one.found, one.due = None, None if one.every is None else self._uptime() + one.every

    def _list(self, one: _Pass) -> Iterator[dict[str, Any]]:
        for selector in one.selectors:
            yield from filter(one.wants, self._kube.list_recordings(field_selector=selector, page_size=_PAGE))

    def _is_undescribed(self, raw: dict[str, Any]) -> bool:
        try:
            return self._lacks_manifest(Recording.model_validate(raw))
        except ValidationError:
            return False


def _is_of_earlier_version(raw: dict[str, Any]) -> bool:
    return (raw.get("status") or {}).get("settled") is None
