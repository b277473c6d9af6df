"""The sender of `make bench-receiver`: a fixed rate of deliveries, and repetitions of those that were not accepted.

It is lean, because it shares the processors with what it measures: prepared bodies, and connections that are kept.
"""

import asyncio
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tests.receiver.sending import completed, signed

_CONNECTIONS: Final = 400
_TIMEOUT_S: Final = 30.0
_PAUSES_S: Final = (5.0, 60.0)
"""Before the first repetition, and before each later one. Providers wait longer: Svix 5 seconds, 5 and 30 minutes."""
_GIVEN_UP_S: Final = 900.0
_WRONG: Final = "whsec_YSBzZWNyZXQgdGhhdCBubyBzb3VyY2UgaGFz"  # pragma: allowlist secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent: `count` deliveries of different recordings, `rate` a second."""

    url: str
    rate: int
    count: int
    prefix: str
    secret: str = field(repr=False)
    forged: bool = False
    until_accepted: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The responses to the first attempts, and how long the others took."""

    sent: int
    rate: float
    statuses: dict[int, int]
    seconds: list[float] = field(repr=False)
    """Of the first attempts with a 2xx, or with the expected 401; sorted."""
    repeated: int
    drained_s: float

    def quantile(self, share: float) -> float:
        """The time within which this share of the deliveries was accepted."""
        if not self.seconds:
            return math.inf
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def send_load(load: Load) -> Outcome:
    """Send it all."""
    return asyncio.run(_Sender(load).run())


class _Connections:
    """Connections to one server. Those that are free are used again, the newest first."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(_CONNECTIONS)

    async def status_of(self, request: bytes) -> int:
        """The status of the response; 0 if there is none."""
        writer = None
        async with self._places:
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    reader, writer = self._free.pop() if self._free else await asyncio.open_connection(*self._address)
                    writer.write(request)
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    length = head.partition(b"content-length: ")[2].partition(b"\r")[0]
                    await reader.readexactly(int(length))
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                if writer is not None:
                    writer.close()
                return 0
            if b"connection: close" in head:
                writer.close()
            else:
                self._free.append((reader, writer))
            return int(head.split(b" ", 2)[1])

    def close(self) -> None:
        """Close those that are free."""
        for _, writer in self._free:
            writer.close()


class _Sender:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._statuses: Counter[int] = Counter()
        self._seconds: list[float] = []
        self._repeated = 0
        self._random = random.Random(1)
        self._address = urlsplit(load.url)
        self._bodies = [
            completed(f"{load.prefix}-{number}", sent_at="2026-01-01T10:31:12Z") for number in range(load.count)
        ]

    async def run(self) -> Outcome:
        load = self._load
        connections = _Connections(self._address.hostname or "", self._address.port or 80)
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(load.count):
                due_s = began_s + number / load.rate
                if (wait_s := due_s - time.monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                group.create_task(self._deliver(connections, number, due_s))
            sent_s = time.monotonic() - began_s
        ended_s = time.monotonic() - began_s
        connections.close()
        return Outcome(
            sent=load.count,
            rate=load.count / sent_s,
            statuses=dict(self._statuses),
            seconds=sorted(self._seconds),
            repeated=self._repeated,
            drained_s=max(0.0, ended_s - sent_s),
        )

    async def _deliver(self, connections: _Connections, number: int, due_s: float) -> None:
        status = await connections.status_of(self._request(number))
        self._statuses[status] += 1
        if status in (200, 401):
            self._seconds.append(time.monotonic() - due_s)
        if not self._load.until_accepted:
            return
        deadline_s, pause_s = due_s + _GIVEN_UP_S, _PAUSES_S[0]
        while status != 200 and time.monotonic() < deadline_s:
            self._repeated += 1
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * pause_s)
            pause_s = _PAUSES_S[-1]
            status = await connections.status_of(self._request(number))

    def _request(self, number: int) -> bytes:
        body = self._bodies[number]
        secret = _WRONG if self._load.forged else self._load.secret
        headers = {
            "Host": self._address.netloc,
            "Content-Length": str(len(body)),
            **signed(body, secret=secret, message_id=f"msg-{self._load.prefix}-{number}"),
        }
        lines = [
            f"POST {self._address.path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
            "",
            "",
        ]
        return "\r\n".join(lines).encode() + body
