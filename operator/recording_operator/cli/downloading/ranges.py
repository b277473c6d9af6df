"""Ranges of a file that were downloaded, each with its checksum, and those that are missing. No files here."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from recording_operator.checksums import combine_parts
from recording_operator.stores.store import Span


class FinishedRange(NamedTuple):
    """Bytes `start` to `end` (the one after the last), and their checksum."""

    start: int
    end: int
    crc64nvme: int


def without_overlaps(ranges: Iterable[FinishedRange], *, size_bytes: int) -> list[FinishedRange]:
    """The ranges inside the file, in order. Of those that overlap, the one that begins first."""
    kept: list[FinishedRange] = []
    position = 0
    for one in sorted(ranges):
        if position <= one.start < one.end <= size_bytes:
            kept.append(one)
            position = one.end
    return kept


def missing(finished: Sequence[FinishedRange], *, size_bytes: int, most_bytes: int) -> Iterator[Span]:
    """The rest of the file, in order, in spans of at most `most_bytes`. `finished` is in order, without overlaps."""
    position = 0
    for start, end in [*((one.start, one.end) for one in finished), (size_bytes, size_bytes)]:
        while position < start:
            past = min(position + most_bytes, start)
            yield position, past
            position = past
        position = end


def checksum_of(finished: Iterable[FinishedRange], *, size_bytes: int) -> int | None:
    """CRC64NVME of the whole file; None if a range is missing."""
    ordered = without_overlaps(finished, size_bytes=size_bytes)
    if sum(one.end - one.start for one in ordered) != size_bytes:
        return None
    return combine_parts((one.crc64nvme, one.end - one.start) for one in ordered)
