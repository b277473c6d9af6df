"""The sweep of finished Recordings that are not settled: something is left to do, or an earlier version ended them."""

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
_LEFT_EVERY: Final = timedelta(minutes=10)
_AFTER_FAILURE: Final = timedelta(seconds=30)
_PAGE: Final = 50
_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pass:
    """A list that is read a few Recordings at a time."""

    selectors: tuple[str, ...]
    every: timedelta
    due: datetime
    found: Iterator[dict[str, Any]] | None = None


class UnsettledSweep:
    """Posts these Recordings to the engine, a few in each turn. After a failure of the API server it starts again."""

    def __init__(
        self, *, kube: KubeApi, post: Callable[[Fact], None], uptime: Callable[[], datetime], earlier_every: timedelta
    ) -> None:
        """`earlier_every`: how often to look for Recordings that an earlier version ended."""
        self._kube = kube
        self._post = post
        self._uptime = uptime
        self._passes = (
            _Pass((LEFT,), _LEFT_EVERY, uptime()),
            _Pass(EARLIER, earlier_every, uptime()),
        )
        self._throttle = LogThrottle()

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
            if self._uptime() < one.due:
                return
            one.found = self._list(one.selectors)
        taken = list(islice(one.found, PER_TURN))
        for raw in taken:
            try:
                self._post(RecordingSeen(recording=Recording.model_validate(raw)))
            except ValidationError:
                continue  # its CRD has another version
        if len(taken) < PER_TURN:
            one.found, one.due = None, self._uptime() + one.every

    def _list(self, selectors: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        for selector in selectors:
            for raw in self._kube.list_recordings(field_selector=selector, page_size=_PAGE):
                if selector == LEFT or (raw.get("status") or {}).get("settled") is None:
                    yield raw
