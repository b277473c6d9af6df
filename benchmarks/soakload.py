"""What the soak asks for: small and large Recordings, some of which meet a fault, and how each has to end."""

import heapq
import itertools
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.support.lying_source import Behaviour, Content, LyingSource, SourceRequest
from tests.support.recordings import CANARY, MIB, Artifact, Bytes, Live, an_artifact, from_media, inline
from tests.support.world import World

MIX: Final = "72% up to 0.5 MiB, 20% two artifacts, 7% 1 to 4 MiB slowly, 1% 20 MiB in parts"
FAULTS: Final = ("busy", "throttled", "cut", "reset", "gone", "expired", "cancelled", "deleted")
_EXPIRED: Final = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
_TARGET: Final = re.compile(r"/(\w+)/([\w-]+)/video\.mp4")
_SLOW_BYTES: Final = 12 * MIB
_ACT_AFTER_S: Final = 3.0
_GONE: Final = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A Recording and its only possible end: a phase, or `gone`."""

    live: Live
    end: str

    def wait(self, within_s: float) -> None:
        """Raises AssertionError unless it ends like this in time."""
        if self.end == _GONE:
            self.live.wait_gone(within_s=within_s)
        else:
            self.live.wait_phase(self.end, within_s=within_s)


class Load:
    """Makes the Recordings of one minute. `do_due` and `do_all` carry out what is to happen to them later."""

    def __init__(self, world: World, *, share: float, seed: int) -> None:
        self._world = world
        self._share = share
        self._random = random.Random(seed)
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()
        body = self._random.randbytes(2 * MIB)
        self._source = LyingSource(Content(body=body))
        self._source.behave = self._behave
        self._source.__enter__()
        self._bytes = Bytes.of(body)

    def close(self) -> None:
        """End the source."""
        self._source.__exit__(None, None, None)

    def make(self, number: int) -> Planned:
        """Create the next Recording."""
        name = f"r-{number}"
        if self._random.random() < self._share:
            return self._faulty(name, self._random.choice(FAULTS))
        spec: dict[str, str] = {}
        if self._random.random() < 0.3:
            spec["ttlAfterFinished"] = "60s"
        elif self._random.random() < 0.2:
            spec["deletionPolicy"] = "Delete"
        live = self._world.create(*self._artifacts(), name=name, **spec)
        return Planned(live=live, end="Complete")

    def do_due(self) -> None:
        """What is due by now."""
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()

    def do_all(self) -> None:
        """All of it, in time."""
        while self._later:
            time.sleep(max(0.0, self._later[0][0] - time.monotonic()))
            self.do_due()

    def _artifacts(self) -> list[Artifact]:
        media, chance = self._world.media, self._random.random()
        small = self._random.randrange(4 * 1024, MIB // 2)
        if chance < 0.72:
            return [from_media(media, size_bytes=small)]
        if chance < 0.92:
            return [from_media(media, size_bytes=small), inline('{"text": "what was said"}')]
        if chance < 0.99:
            return [from_media(media, size_bytes=self._random.randrange(MIB, 4 * MIB), rate="1MB")]
        return [from_media(media, size_bytes=20 * MIB, rate="5MB")]

    def _faulty(self, name: str, fault: str) -> Planned:
        world = self._world
        if fault in ("cancelled", "deleted"):
            live = world.create(from_media(world.media, size_bytes=_SLOW_BYTES, rate="200KB"), name=name)
            if fault == "cancelled":
                self._soon(lambda: live.edit(cancel=True))
                return Planned(live=live, end="Failed")
            world.removed.add(live.uid)
            self._soon(live.delete)
            return Planned(live=live, end=_GONE)
        url = f"http://127.0.0.1:{self._source.port}/{fault}/{name}/video.mp4?X-Amz-Signature={CANARY}"
        expected = None if fault == "gone" else self._bytes
        live = world.create(an_artifact("video", expected, source={"url": url}), name=name)
        if fault == "expired":
            fresh = url.replace("/expired/", "/fresh/")
            self._soon(lambda: live.edit_source(url=fresh))
        return Planned(live=live, end="Failed" if fault == "gone" else "Complete")

    def _soon(self, act: Callable[[], None]) -> None:
        heapq.heappush(self._later, (time.monotonic() + _ACT_AFTER_S, next(self._order), act))

    def _behave(self, request: SourceRequest) -> Behaviour:
        found = _TARGET.match(request.target)
        fault = found[1] if found else ""
        with self._lock:
            self._asked[request.target] += 1
            first = self._asked[request.target] == 1
            early = self._asked[request.target] <= 3
        if fault == "gone":
            return Behaviour(status=410, body=b"")
        if fault == "expired":
            return Behaviour(status=403, body=_EXPIRED)
        if fault == "throttled" and first:
            return Behaviour(status=429, headers={"Retry-After": "2"}, body=b"")
        if fault == "busy" and first:
            return Behaviour(status=503, body=b"")
        if fault in ("cut", "reset") and early:
            return Behaviour(cut_after=30_000, reset=fault == "reset")
        return Behaviour()
