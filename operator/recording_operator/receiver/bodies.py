"""Reads the body of a request, within limits of size, time and memory."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request

# What a client may send after the limit is read and thrown away: it would not see the response if the connection were
# reset while it sends.
_READ_ON: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Limits of bodies."""

    size_bytes: int = 2**20
    timeout_s: float = 10.0
    together_bytes: int = 64 * 2**20
    """The most bytes that all bodies have that are in memory now; those of one namespace have at most half of it."""


class BodyTooLarge(Exception):  # noqa: N818 - the field's word
    """The body is larger than the limit."""


class BodyTooSlow(Exception):  # noqa: N818 - the field's word
    """The body did not arrive in time, or the client has closed the connection."""


class BodyMalformed(Exception):  # noqa: N818 - the field's word
    """The headers contradict each other about where the body ends."""


class NoRoom(Exception):  # noqa: N818 - the field's word
    """The bodies of other requests need all memory that is intended for bodies."""


class BodyReader:
    """Reads bodies. Used by one event loop only."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self.held_bytes: Counter[str] = Counter()
        """Bytes in memory, by namespace: of bodies that are read now, and of those that were not released."""

    async def read(self, request: Request, *, namespace: str) -> bytes:
        """The whole body. Release it when the request has ended.

        Raises BodyTooLarge, BodyTooSlow, BodyMalformed and NoRoom.
        """
        _check_framing(request)
        pieces: list[bytes] = []
        size_bytes, complete = 0, False
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                async for piece in request.stream():
                    size_bytes += len(piece)
                    if size_bytes <= self._limits.size_bytes:
                        self._take(len(piece), namespace)
                        pieces.append(piece)
                    else:
                        self._drop(pieces, namespace)
                    if size_bytes > self._limits.size_bytes * _READ_ON:
                        break
            complete = size_bytes <= self._limits.size_bytes
        except (TimeoutError, ClientDisconnect):
            raise BodyTooSlow from None
        finally:
            if not complete:
                self._drop(pieces, namespace)
        if not complete:
            raise BodyTooLarge
        return b"".join(pieces)

    def release(self, body: bytes, *, namespace: str) -> None:
        """The body is not needed any more."""
        self._give_back(len(body), namespace)

    def _take(self, size_bytes: int, namespace: str) -> None:
        most = self._limits.together_bytes
        if self.held_bytes.total() + size_bytes > most or self.held_bytes[namespace] + size_bytes > most // 2:
            raise NoRoom
        self.held_bytes[namespace] += size_bytes

    def _drop(self, pieces: list[bytes], namespace: str) -> None:
        self._give_back(sum(map(len, pieces)), namespace)
        pieces.clear()

    def _give_back(self, size_bytes: int, namespace: str) -> None:
        self.held_bytes[namespace] -= size_bytes
        if not self.held_bytes[namespace]:
            del self.held_bytes[namespace]


def _check_framing(request: Request) -> None:
    """Two statements about the length are how a request is smuggled past a proxy. Raises BodyMalformed."""
    lengths = request.headers.getlist("content-length")
    if len(lengths) > 1 or (lengths and "transfer-encoding" in request.headers):
        raise BodyMalformed
