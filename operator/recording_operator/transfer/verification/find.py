"""An object that is at the key before this process has stored one: what it is, and whether it is whole.

A process may have ended between the last write to the store and the one to the status. Where the store refuses wrong
checksums, an object with our marks can only have come to be with the right bytes. Elsewhere its bytes are compared:
with the spec's checksum, or with the source, which is read again for that.

What is found here was not written by this attempt, so it stays, whatever it is: nothing in this module removes an
object.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from recording_operator.api.reasons import Reason
from recording_operator.checksums import crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped, StopSignal
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import ObjectHead, Store
from recording_operator.transfer.expectations import Expectations
from recording_operator.transfer.integrity import Sent, prove
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.client import RangesLost, SourceClient
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.upload.commit import is_of, key_conflict
from recording_operator.transfer.upload.pipe import WINDOW_BYTES, RangeReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """Looks at the key of one artifact."""

    obj: ObjectSpec
    expected: Expectations
    store: Store
    stop: StopSignal
    options: TransferOptions
    flow: Flow

    def look(self, facts: ContentFacts | None = None) -> StoredObject | None:
        """The object of this artifact, if there is one; its `proof` is None where it must be compared with the source.

        `facts` are what the source says of its content, where it was read. Raises TransferError (StoreKeyConflict
        where the object is somebody else's or not what the spec says) and Stopped.
        """
        seen = self._budget().retry(lambda: self.store.head(self.obj.key))
        if seen is None:
            return None
        if not is_of(self.obj, seen):
            raise key_conflict()
        found = self.expected.prove_existing(seen.stored, store=self.store, stop=self.stop, flow=self.flow)
        return found if self._is_of_content(seen, found, facts) else replace(found, proof=None)

    def compare(self, stored: StoredObject, source: SourceClient, facts: ContentFacts) -> StoredObject:
        """The object, proved to have the source's bytes.

        Raises TransferError (StoreKeyConflict where it has others) and Stopped.
        """
        if stored.proof is not None:
            return stored
        if facts.size_bytes not in (None, stored.size_bytes):
            raise key_conflict(
                f"The object at the key has {stored.size_bytes} bytes, its source now has {facts.size_bytes}"
            )
        sent = self._sum_source(source, facts, by_etag="-" not in stored.etag)
        if sent is not None:
            proved = self._budget().retry(lambda: prove(stored, sent, store=self.store, stop=self.stop, flow=self.flow))
            if proved is not None:
                return self.expected.noted(proved)
        raise key_conflict("The object at the key does not have the bytes that its source has now")

    def _is_of_content(self, seen: ObjectHead, found: StoredObject, facts: ContentFacts | None) -> bool:
        """Whether the object is the result for what the source has now; always, unless the content is pinned."""
        if not self.obj.pins_content:
            return True
        if facts is None:
            return found.proved_checksum is not None
        mark = etag_mark(facts)
        if mark is None or seen.source_etag != mark or facts.size_bytes not in (None, found.size_bytes):
            return False
        return self._begins_with(found, facts.head)

    def _begins_with(self, stored: StoredObject, head: bytes) -> bool:
        """Some servers keep an ETag while their content changes; its beginning was read anyway."""
        if not self.store.capabilities.reads_back:
            return True
        begins = b""
        for data in self.store.read(stored):
            begins += data
            if len(begins) >= len(head):
                break
        return begins[: len(head)] == head

    def _sum_source(self, source: SourceClient, facts: ContentFacts, *, by_etag: bool) -> Sent | None:
        """What the source holds now; None where it is read in another length than it states.

        An object that was joined of parts is not known by its ETag: the parts may have been cut in another way.
        """
        reading: Callable[[SourceClient, ContentFacts], Iterator[bytes | memoryview]] = (
            self._ranged if facts.ranges else self._whole
        )
        if facts.came_whole:
            return _summed(iter([facts.head]), facts, by_etag=by_etag)
        budget = self._budget()
        while True:
            try:
                return _summed(reading(source, facts), facts, by_etag=by_etag)
            except RangesLost:
                reading = self._whole
            except TransferError as error:
                budget.spend(error)

    def _ranged(self, source: SourceClient, facts: ContentFacts) -> Iterator[bytes | memoryview]:
        size_bytes = facts.size_bytes or 0
        stream = RangeReader(source, facts, budget=self._budget(), flow=self.flow, stop=self.stop)
        try:
            stream.seek(0, end=size_bytes)
            position = 0
            while position < size_bytes:
                if self.stop.is_set():
                    raise Stopped
                data = stream.read(min(WINDOW_BYTES, size_bytes - position))
                position += len(data)
                yield data
        finally:
            stream.close()

    def _whole(self, source: SourceClient, facts: ContentFacts) -> Iterator[bytes | memoryview]:
        with source.open_whole(facts) as response:
            while data := response.read(WINDOW_BYTES):
                if self.stop.is_set():
                    raise Stopped
                self.flow.take_all(len(data), self.stop)
                yield data

    def _budget(self) -> RetryBudget:
        return RetryBudget(self.options, self.stop)


def _summed(windows: Iterator[bytes | memoryview], facts: ContentFacts, *, by_etag: bool) -> Sent | None:
    crc = size_bytes = 0
    md5 = hashlib.md5(usedforsecurity=False)
    for window in windows:
        crc = crc64nvme(window, crc)
        md5.update(window)
        size_bytes += len(window)
    if facts.size_bytes not in (None, size_bytes):
        return None
    return Sent(size_bytes=size_bytes, crc64nvme=crc, etag=lambda: md5.hexdigest() if by_etag else None)


def etag_mark(facts: ContentFacts) -> str | None:
    """The source's strong ETag as objects carry it: short, ASCII, and not the header itself."""
    if facts.pin is None or facts.pin.etag is None:
        return None
    return hashlib.sha256(facts.pin.etag.encode("utf-8", "replace")).hexdigest()[:32]


def cannot_compare(error: TransferError) -> TransferError:
    """The source cannot be read, and nothing else would prove the object that is there."""
    return TransferError(
        Reason(error.reason),
        f"{error.message} An object of this artifact is in the store already, but only the source could prove it.",
        retry_after_s=error.retry_after_s,
        is_final=error.is_final,
    )
