"""The events of a WATCH on their way from the API server to kopf: own ones are left out, none makes kopf remember.

Two of the three events of a Recording are of the operator's own writes. They are recognised by their resourceVersion
and dropped as bytes: that costs a hundredth of parsing and handling them.

kopf keeps a record of each object until it sees it deleted, for kinds of handlers that are not used here; so it would
hold every Recording that was ever finished. So that it does not, every event reaches it as a deletion, with the true
type beside it (`TRUE_TYPE`). Nor does kopf ever write to an object that is deleted.
"""

import re
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp

from recording_operator.kube.ownwrites import OwnWrites

TRUE_TYPE: Final = "trueType"
_TYPE: Final = b'{"type":'
_OBJECTS: Final = tuple(_TYPE + name for name in (b'"ADDED"', b'"MODIFIED"', b'"DELETED"'))
_AS_DELETED: Final = b'{"type":"DELETED","%s":' % TRUE_TYPE.encode()
_MODIFIED: Final = _TYPE + b'"MODIFIED"'
# The end of `metadata`, whose keys the API server sorts. A tenant's annotation of the same form hides an edit of the
# tenant's own Recording, and only where it names a version that was written a moment ago.
_VERSION: Final = re.compile(rb'"resourceVersion":"(\d+)","uid":"')


class EventLines:
    """The content of the response to a WATCH: kopf reads its chunks, which are whole lines here."""

    def __init__(self, content: aiohttp.StreamReader, own_writes: OwnWrites | None) -> None:
        self._content = content
        self._own_writes = own_writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Whole lines, as they come."""
        rest = b""
        async for data in self._content.iter_chunked(size):
            *lines, rest = (rest + data).split(b"\n")
            if lines:
                yield b"".join(_for_kopf(line) for line in lines if not self._is_own(line))
        if rest:
            yield _for_kopf(rest)

    def _is_own(self, line: bytes) -> bool:
        if self._own_writes is None or not line.startswith(_MODIFIED):
            return False
        found = _VERSION.search(line)
        return found is not None and self._own_writes.take(found[1].decode())


def _for_kopf(line: bytes) -> bytes:
    as_deleted = _AS_DELETED + line[len(_TYPE) :] if line.startswith(_OBJECTS) else line
    return as_deleted + b"\n"
