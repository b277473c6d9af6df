"""The sender of `make bench-console`: people with browsers who read pages, think, and leave pages open.

Each one has a connection, a cookie and a random order of steps of its own. It runs in a process of its own, and says
how late its own timers were: a sender without a processor would measure itself.
"""

import asyncio
import html
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from benchmarks.catalogdata import LOCATIONS, VOCABULARY

_TIMEOUT_S: Final = 60.0
_BEAT_S: Final = 0.02
_ASSET: Final = re.compile(r'(?:src|href)="(/static/[^"]+)"')
_POLLED: Final = re.compile(r'hx-get="([^"]+)" hx-trigger="(load, )?every (\d+)s"')
_DETAIL: Final = re.compile(r'<th scope="row" class="what"><a href="([^"]+)"')
_OLDER: Final = re.compile(r'href="(/recordings\?[^"]*cursor=[^"]+)"')
_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_COOKIE: Final = re.compile(rb"\r\nset-cookie: ([^;\r]+)", re.IGNORECASE)
_FRAGMENT: Final = {"HX-Request": "true"}
_PHASES: Final = ("Complete", "Failed", "Uploading", "Pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseLoad:
    """People who browse: one for each token, for some seconds. `think_s`: the least and the most between two pages."""

    url: str
    tokens: tuple[str, ...] = field(repr=False)
    seconds: float
    ramp_s: float
    think_s: tuple[float, float]
    orgs: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Browsed:
    """What was measured: the seconds until the last byte of each response, by kind of page."""

    seconds: dict[str, list[float]] = field(repr=False)
    statuses: dict[str, int]
    lag_s: float
    """The 99th percentile of how late the sender's own timers were."""
    span_s: float

    @property
    def count(self) -> int:
        """Number of requests."""
        return sum(map(len, self.seconds.values()))

    def quantile(self, share: float, kind: str = "") -> float:
        """The time within which this share of the responses had arrived; of all kinds, or of one."""
        return quantile(self.seconds[kind] if kind else [one for some in self.seconds.values() for one in some], share)


def quantile(values: list[float], share: float) -> float:
    """A quantile; 0 of nothing."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def browse(load: BrowseLoad) -> Browsed:
    """Let them browse."""
    return asyncio.run(_Crowd(load).run())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Response:
    status: int
    head: bytes
    text: str


class _Connection:
    """One connection, which is opened again when the server has closed it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> _Response:
        """Send a request and read the response. Raises OSError, TimeoutError and IncompleteReadError."""
        async with asyncio.timeout(_TIMEOUT_S):
            is_new = self._streams is None
            try:
                return await self._sent(request)
            except (OSError, asyncio.IncompleteReadError):
                self.close()
                if is_new:
                    raise
                return await self._sent(request)

    async def _sent(self, request: bytes) -> _Response:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if b"connection: close" in head.lower():
            self.close()
        return _Response(status=int(head.split(b" ", 2)[1]), head=head, text=body.decode())

    def close(self) -> None:
        """Close it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _Crowd:
    def __init__(self, load: BrowseLoad) -> None:
        self._load = load
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.statuses: Counter[str] = Counter()
        self._lags: list[float] = []

    async def run(self) -> Browsed:
        load = self._load
        began_s = time.monotonic()
        beat = asyncio.create_task(self._beat())
        people = [_Person(self, load, number, until_s=began_s + load.seconds) for number in range(len(load.tokens))]
        await asyncio.gather(*(person.live() for person in people))
        beat.cancel()
        return Browsed(
            seconds=dict(self.seconds),
            statuses=dict(self.statuses),
            lag_s=quantile(self._lags, 0.99),
            span_s=time.monotonic() - began_s,
        )

    async def _beat(self) -> None:
        while True:
            due_s = time.monotonic() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self._lags.append(time.monotonic() - due_s)


class _Person:
    def __init__(self, crowd: _Crowd, load: BrowseLoad, number: int, *, until_s: float) -> None:
        self._crowd, self._load = crowd, load
        self._token = load.tokens[number]
        self._begins_s = load.ramp_s * number / len(load.tokens)
        self._until_s = until_s
        self._random = random.Random(number)
        self._connection = _Connection(load.url)
        self._cookie = ""
        self._shown = ""
        """The last page with a list."""
        self._steps: dict[Callable[[], tuple[str, str]], int] = {
            self._overview: 2,
            self._list: 3,
            self._older: 2,
            self._filter: 4,
            self._detail: 5,
            self._costs: 2,
        }

    async def live(self) -> None:
        await asyncio.sleep(self._begins_s)
        await self._log_in()
        while time.monotonic() < self._until_s:
            if self._random.random() < 0.2:
                await self._type()
                continue
            step = self._random.choices(list(self._steps), list(self._steps.values()))[0]
            kind, path = step()
            await self._look(kind, path)
        self._connection.close()

    async def _log_in(self) -> None:
        page = await self._get("login page", "/login")
        for path in dict.fromkeys(_ASSET.findall(page)):
            await self._get("static", path)
        form = urlencode({"token": self._token, "next": "/"})
        headers = {"Origin": self._load.url, "Sec-Fetch-Site": "same-origin"}
        await self._request("log in", "POST", "/login", headers, form)
        await self._look("overview", "/")

    async def _look(self, kind: str, path: str) -> None:
        """Read a page and think, while the page does what it does when it is open."""
        page = await self._get(kind, path)
        if _DETAIL.search(page):
            self._shown = page
        ends_s = time.monotonic() + self._random.uniform(*self._load.think_s)
        polled = [(html.unescape(url), float(every), bool(now)) for url, now, every in _POLLED.findall(page)]
        due = [(time.monotonic() + (0 if now else every), url, every) for url, every, now in polled]
        while due and min(due)[0] < ends_s:
            due_s, url, every = min(due)
            due.remove((due_s, url, every))
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await self._get("poll", url, _FRAGMENT)
            due.append((time.monotonic() + every, url, every))
        await asyncio.sleep(max(0.0, ends_s - time.monotonic()))

    async def _type(self) -> None:
        """Type a word: the list follows."""
        word = self._random.choice(VOCABULARY)
        for length in (3, len(word)):
            await self._get("search", f"/recordings?{urlencode({'q': word[:length], 'phase': ''})}", _FRAGMENT)
            await asyncio.sleep(1)
        await asyncio.sleep(self._random.uniform(*self._load.think_s))

    def _overview(self) -> tuple[str, str]:
        return "overview", "/"

    def _list(self) -> tuple[str, str]:
        return "list", "/recordings"

    def _older(self) -> tuple[str, str]:
        found = _OLDER.search(self._shown)
        return "older page", html.unescape(found[1]) if found else "/recordings"

    def _filter(self) -> tuple[str, str]:
        fields = {
            "phase": self._random.choice(_PHASES),
            "org": self._random.choice(self._load.orgs),
            "location": self._random.choice(LOCATIONS),
            "from": f"2027-{self._random.randint(1, 12):02}-01",
        }
        chosen = self._random.sample(sorted(fields), self._random.choice((1, 1, 2)))
        return "filter", f"/recordings?{urlencode({name: fields[name] for name in chosen})}"

    def _detail(self) -> tuple[str, str]:
        links = _DETAIL.findall(self._shown)
        return ("detail", html.unescape(self._random.choice(links))) if links else self._list()

    def _costs(self) -> tuple[str, str]:
        org, step = self._random.choice(("", *self._load.orgs[:10])), self._random.choice(("day", "week", "month"))
        return "costs", f"/costs?by={step}&org={quote(org)}"

    async def _get(self, kind: str, path: str, headers: dict[str, str] | None = None) -> str:
        return await self._request(kind, "GET", path, headers or {})

    async def _request(self, kind: str, method: str, path: str, headers: dict[str, str], form: str = "") -> str:
        sent = {"Host": urlsplit(self._load.url).netloc, "Accept-Encoding": "identity", **headers}
        if self._cookie:
            sent["Cookie"] = self._cookie
        if method == "POST":
            sent |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form))}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", form]
        began_s = time.monotonic()
        try:
            response = await self._connection.send("\r\n".join(lines).encode())
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            self._connection.close()
            self._crowd.statuses[type(error).__name__] += 1
            return ""
        self._crowd.seconds[kind].append(time.monotonic() - began_s)
        self._crowd.statuses[f"{response.status}"] += 1
        cookie = _COOKIE.search(response.head)
        if cookie:
            self._cookie = cookie[1].decode()
        return response.text
