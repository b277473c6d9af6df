"""The parts of an open upload, as lines of a file. Pure.

A line is appended before a part is written and another one afterwards. While a part has one writer at a time, its
last line says whether its bytes may be used. If several writers have begun it, one of them may have gone on after
another was done, so its bytes are read once more when no part is being written. A line that was cut, because the
machine stopped, is skipped.
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from recording_operator.stores.store import StoredPart

_LINE: Final = re.compile(rb"(?:begin ([0-9]{1,5})|done ([0-9]{1,5}) ([0-9]+) ([0-9a-f]{16}) ([0-9a-f]{32}) ([0-9]+))")


def begun(part_number: int) -> bytes:
    """The line before a part is written. It begins a new line, because the last one may have been cut."""
    return b"\nbegin %d\n" % part_number


def done(part: StoredPart) -> bytes:
    """The line after a part was written and read back."""
    at = part.uploaded_at or datetime.now(UTC)
    return b"\ndone %d %d %016x %s %d\n" % (
        part.part_number,
        part.size_bytes,
        part.crc64nvme or 0,
        part.etag.encode(),
        int(at.timestamp()),
    )


def parts_in(data: bytes) -> dict[int, StoredPart]:
    """The parts that were written to their end and not begun again, by part number."""
    parts: dict[int, StoredPart] = {}
    for line in _lines(data):
        if line[1] is not None:
            parts.pop(int(line[1]), None)
        else:
            parts[int(line[2])] = StoredPart(
                part_number=int(line[2]),
                size_bytes=int(line[3]),
                crc64nvme=int(line[4], 16),
                etag=line[5].decode(),
                uploaded_at=datetime.fromtimestamp(int(line[6]), UTC),
            )
    return dict(sorted(parts.items()))


def begun_often(data: bytes) -> frozenset[int]:
    """The numbers of the parts that were begun more than once."""
    begins = Counter(int(line[1]) for line in _lines(data) if line[1] is not None)
    return frozenset(number for number, times in begins.items() if times > 1)


def _lines(data: bytes) -> Iterable[re.Match[bytes]]:
    return filter(None, map(_LINE.fullmatch, data.split(b"\n")))
