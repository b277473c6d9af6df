"""Verify an existing object by reading its source again, if it cannot be verified otherwise."""

import hashlib
from collections.abc import Callable, Iterator

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.source.breaks import SourceBreaks
from recording_operator.transfer.source.client import RangesLost
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource
from recording_operator.transfer.source.range_reader import WINDOW_BYTES, RangeReader
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import key_conflict
from recording_operator.transfer.verification.verify import SourceDigest, verify

_Reading = Callable[[ContentSource, ContentFacts, TransferContext], Iterator[bytes | memoryview]]


def verify_by_source(
    stored: StoredObject,
    client: ContentSource,
    facts: ContentFacts,
    *,
    context: TransferContext,
    expected: Expectations,
) -> StoredObject:
    """Verify that the object has the source's bytes, and return it.

    Raises TransferError (StoreKeyConflict if the bytes differ) and Stopped.
    """
    if stored.verified_by is not None:
        return stored
    if facts.size_bytes not in (None, stored.size_bytes):
        raise key_conflict(
            f"The object at the key has {stored.size_bytes} bytes, its source now has {facts.size_bytes}"
        )
    # The ETag of an object of several parts depends on the part sizes, which are not known.
    digest = _digest_of_source(client, facts, context, by_etag="-" not in stored.etag)
    if digest is not None:
        verified = context.budget().retry(lambda: verify(stored, digest, context))
        if verified is not None:
            return expected.mark(verified)
    raise key_conflict("The object at the key does not have the bytes that its source has now")


def needs_its_source(error: TransferError) -> TransferError:
    """The error if the source cannot be read and the existing object cannot be verified otherwise."""
    return TransferError(
        Reason(error.reason),
        f"{error.message} An object of this artifact is already in the store. It can be verified only with the source.",
        retry_after_s=error.retry_after_s,
        is_final=error.is_final,
    )


def _digest_of_source(
    client: ContentSource, facts: ContentFacts, context: TransferContext, *, by_etag: bool
) -> SourceDigest | None:
    """The digest of the source's content; None if its length differs from the stated one."""
    if facts.is_complete:
        return _digest(iter([facts.head]), facts, by_etag=by_etag)
    reading: _Reading = _in_ranges if facts.ranges else _in_order
    budget = context.budget()
    while True:
        try:
            return _digest(reading(client, facts, context), facts, by_etag=by_etag)
        except RangesLost:
            reading = _in_order
        except TransferError as error:
            budget.spend(error)


def _in_ranges(client: ContentSource, facts: ContentFacts, context: TransferContext) -> Iterator[bytes | memoryview]:
    size_bytes, position = facts.size_bytes or 0, 0
    reader = RangeReader(client, facts, context=context, breaks=SourceBreaks(facts.host, context.budget()))
    try:
        reader.seek(0, end=size_bytes)
        while position < size_bytes:
            if context.stop.is_set():
                raise Stopped
            data = reader.read(min(WINDOW_BYTES, size_bytes - position))
            position += len(data)
            yield data
    finally:
        reader.close()


def _in_order(client: ContentSource, facts: ContentFacts, context: TransferContext) -> Iterator[bytes | memoryview]:
    with client.open_whole(facts) as response:
        while data := response.read(WINDOW_BYTES):
            if context.stop.is_set():
                raise Stopped
            context.flow.take_all(len(data), context.stop)
            yield data


def _digest(windows: Iterator[bytes | memoryview], facts: ContentFacts, *, by_etag: bool) -> SourceDigest | None:
    crc = size_bytes = 0
    md5 = hashlib.md5(usedforsecurity=False)
    for window in windows:
        crc = crc64nvme(window, crc)
        md5.update(window)
        size_bytes += len(window)
    if facts.size_bytes not in (None, size_bytes):
        return None
    return SourceDigest(size_bytes=size_bytes, crc64nvme=crc, etag=lambda: md5.hexdigest() if by_etag else None)
