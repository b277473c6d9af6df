"""How fast an upload is, measured between the updates of its status."""

from collections import deque
from dataclasses import dataclass
from typing import Final

_WINDOW_S: Final = 60.0
_OUTDATED_S: Final = 45.0
"""The operator writes progress every 10 s. After several missed updates, nothing is known of the present speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at_s: float
    bytes_done: int


class Speedometer:
    """Bytes per second over the last minute. An update without new bytes is no measurement."""

    def __init__(self) -> None:
        self._samples: deque[_Sample] = deque()

    def add(self, bytes_done: int, *, now_s: float) -> None:
        """Note the bytes of an update. Fewer bytes than before: the upload has started again."""
        if self._samples and bytes_done < self._samples[-1].bytes_done:
            self._samples.clear()
        if self._samples and bytes_done == self._samples[-1].bytes_done:
            return
        self._samples.append(_Sample(at_s=now_s, bytes_done=bytes_done))
        while len(self._samples) > 2 and now_s - self._samples[0].at_s > _WINDOW_S:  # noqa: PLR2004 - both ends
            self._samples.popleft()

    def rate(self, *, now_s: float) -> float | None:
        """Bytes per second; None while it is unknown."""
        if len(self._samples) < 2 or now_s - self._samples[-1].at_s > _OUTDATED_S:  # noqa: PLR2004 - both ends
            return None
        first, last = self._samples[0], self._samples[-1]
        return (last.bytes_done - first.bytes_done) / max(last.at_s - first.at_s, 0.001)

    def left_s(self, bytes_total: int | None, *, now_s: float) -> float | None:
        """Seconds until everything is uploaded, at this rate; None if that is unknown."""
        rate = self.rate(now_s=now_s)
        if not rate or not bytes_total:
            return None
        last = self._samples[-1]
        return max(0.0, (bytes_total - last.bytes_done) / rate - (now_s - last.at_s))
