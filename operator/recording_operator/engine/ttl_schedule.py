"""Finished Recordings whose `spec.ttlAfterFinished` ends soon."""

import heapq
import zlib
from datetime import datetime, timedelta
from typing import Final

from recording_operator.api.recording import Recording

HORIZON: Final = timedelta(hours=8)
"""Later ends are not remembered: the sweep of all finished Recordings, every 6 h, brings them back."""


class TtlSchedule:
    """Remembers them in compressed form, half a KB each: there may be 100,000."""

    def __init__(self, *, default_ttl: timedelta) -> None:
        self._default_ttl = default_ttl
        self._heap: list[tuple[datetime, str]] = []
        self._recordings: dict[str, tuple[datetime, bytes]] = {}

    def note(self, recording: Recording, now: datetime) -> datetime | None:
        """Note a finished Recording. Returns when it ends; None for never, or if it is being deleted already."""
        uid = recording.metadata.uid
        at = self.ends_at(recording)
        known = self._recordings.get(uid)
        if at is None or not now < at <= now + HORIZON:
            self.forget(uid)
        else:
            self._recordings[uid] = (at, _packed(recording))
            if known is None or known[0] != at:
                heapq.heappush(self._heap, (at, uid))
        return at

    def forget(self, uid: str) -> None:
        """The Recording was removed, or is not finished any more."""
        self._recordings.pop(uid, None)

    def due(self, now: datetime) -> list[Recording]:
        """The Recordings that end now or earlier. They are forgotten here."""
        over = []
        while (at := self.next()) is not None and at <= now:
            _, uid = heapq.heappop(self._heap)
            over.append(_unpacked(self._recordings.pop(uid)[1]))
        return over

    def next(self) -> datetime | None:
        """When the next one ends."""
        while self._heap and self._recordings.get(self._heap[0][1], (None,))[0] != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def ends_at(self, recording: Recording) -> datetime | None:
        """When the Kubernetes object has to be removed; None for never."""
        ttl = recording.spec.ttl_after_finished
        ttl = self._default_ttl if ttl is None else ttl
        completed = recording.status.completed_at
        if recording.metadata.deletion_timestamp is not None or completed is None or not ttl:
            return None
        return completed + ttl


def _packed(recording: Recording) -> bytes:
    return zlib.compress(recording.model_dump_json(by_alias=True, exclude_unset=True).encode(), level=1)


def _unpacked(packed: bytes) -> Recording:
    return Recording.model_validate_json(zlib.decompress(packed))
