"""The events of a WATCH on their way from the API server to kopf.

Events of own writes are dropped. They are two of the three events of a Recording. The resourceVersion identifies them,
so they are dropped as bytes, before kopf parses and handles them. The first one of an object after a LIST is passed on,
because kopf then forgets the object.

All other events reach kopf as deletions, with the true type beside it (`TRUE_TYPE`). kopf keeps a record of each object
until the object is deleted, for kinds of handlers that are not used here, and would keep one of every finished
Recording. It also never writes to an object that is deleted. Objects of a LIST do not reach it as deletions: their
records are kept until their next event.
"""

import re
from collections.abc import AsyncIterator, Set
from typing import Any, Final

import aiohttp

from recording_operator.kube.ownwrites import OwnWrites

TRUE_TYPE: Final = "trueType"
_TYPE: Final = b'{"type":'
_OBJECTS: Final = tuple(_TYPE + name for name in (b'"ADDED"', b'"MODIFIED"', b'"DELETED"'))
_AS_DELETED: Final = b'{"type":"DELETED","%s":' % TRUE_TYPE.encode()
_MODIFIED: Final = _TYPE + b'"MODIFIED"'
# The end of `metadata`: the API server sorts keys. Labels and annotations may contain the same bytes, but not followed
# by `spec`.
_VERSION_AND_UID: Final = re.compile(rb'"resourceVersion":"(\d+)","uid":"([^"]*)"},"spec":')


class EventLines:
    """The content of the response to a WATCH. kopf reads it in chunks; here each chunk consists of whole lines."""

    def __init__(
        self, content: aiohttp.StreamReader, own_writes: OwnWrites | None, *, kept: Set[str] = frozenset()
    ) -> None:
        """`kept` are the uids of the objects that kopf keeps a record of."""
        self._content = content
        self._own_writes = own_writes
        self._kept = kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, as they arrive."""
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            if text := b"".join(_for_kopf(line) for line in lines if not self._is_left_out(line)):
                yield text
        if rest:
            yield _for_kopf(rest)

    def _is_left_out(self, line: bytes) -> bool:
        if self._own_writes is None or not line.startswith(_MODIFIED):
            return False
        found = _VERSION_AND_UID.search(line)
        return found is not None and self._own_writes.take(found[1].decode()) and found[2].decode() not in self._kept


def _for_kopf(line: bytes) -> bytes:
    as_deleted = _AS_DELETED + line[len(_TYPE) :] if line.startswith(_OBJECTS) else line
    return as_deleted + b"\n"
