"""The sender of `make bench-receiver`: a fixed rate of deliveries, and repetitions of those that were not accepted."""

import asyncio
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from tests.receiver.sending import completed, signed

_CONNECTIONS = 400
_MOST_PAUSE_S = 8.0
_GIVEN_UP_S = 900.0
_WRONG = "whsec_YSBzZWNyZXQgdGhhdCBubyBzb3VyY2UgaGFz"  # pragma: allowlist secret


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


class _Sender:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._statuses: Counter[int] = Counter()
        self._seconds: list[float] = []
        self._repeated = 0
        self._random = random.Random(1)

    async def run(self) -> Outcome:
        load = self._load
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            began_s = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for number in range(load.count):
                    due_s = began_s + number / load.rate
                    if (wait_s := due_s - time.monotonic()) > 0:
                        await asyncio.sleep(wait_s)
                    group.create_task(self._deliver(session, number, due_s))
                sent_s = time.monotonic() - began_s
            ended_s = time.monotonic() - began_s
        return Outcome(
            sent=load.count,
            rate=load.count / sent_s,
            statuses=dict(self._statuses),
            seconds=sorted(self._seconds),
            repeated=self._repeated,
            drained_s=max(0.0, ended_s - sent_s),
        )

    async def _deliver(self, session: aiohttp.ClientSession, number: int, due_s: float) -> None:
        body = completed(f"{self._load.prefix}-{number}", sent_at="2026-01-01T10:31:12Z")
        status, pause_s = await self._attempt(session, number, body)
        self._statuses[status] += 1
        if status in (200, 401):
            self._seconds.append(time.monotonic() - due_s)
        if not self._load.until_accepted:
            return
        deadline_s = due_s + _GIVEN_UP_S
        attempt = 0
        while status != 200 and time.monotonic() < deadline_s:
            attempt += 1
            self._repeated += 1
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * min(_MOST_PAUSE_S, pause_s * 2**attempt))
            status, pause_s = await self._attempt(session, number, body)

    async def _attempt(self, session: aiohttp.ClientSession, number: int, body: bytes) -> tuple[int, float]:
        """The status (0 without a response), and the seconds of Retry-After."""
        secret = _WRONG if self._load.forged else self._load.secret
        headers = signed(body, secret=secret, message_id=f"msg-{self._load.prefix}-{number}")
        try:
            async with session.post(self._load.url, data=body, headers=headers) as response:
                await response.read()
                return response.status, float(response.headers.get("Retry-After", 1))
        except (aiohttp.ClientError, TimeoutError):
            return 0, 1.0
