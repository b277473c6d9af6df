"""Upload of one stream from the first byte to the last, for sources without ranges or without a known length.

A part is read into memory before it is sent, because it cannot be read again. After a broken
connection or a restart of the process, the source is read again from its start. Parts that the store already has are
compared by checksum instead of sent again. The object therefore always has the content of a single response.
"""

from collections.abc import Callable
from mmap import mmap

from recording_operator.api.reasons import Reason
from recording_operator.checksums import InOrderDigest, crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.buffered_part import BufferedPart
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.source.client import PROBE_BYTES, changed
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource, ContentStream
from recording_operator.transfer.source.error_responses import too_large
from recording_operator.transfer.source.range_reader import WINDOW_BYTES
from recording_operator.transfer.upload.part_plan import PartPlan
from recording_operator.transfer.upload.session import UploadSession


class InOrderUpload:
    """Reads a source from its start and uploads the missing parts.

    `known_size_bytes` is the size if it is known: a response that ends earlier is truncated. `new_digest` creates the
    digest for one reading. `check_start` is called with the media type and the first bytes if they differ from those of
    the probe, and raises if the content cannot be the artifact.
    """

    def __init__(
        self,
        session: UploadSession,
        client: ContentSource,
        facts: ContentFacts,
        *,
        coordinator: TransferCoordinator,
        new_digest: Callable[[], InOrderDigest | None],
        check_start: Callable[[str | None, bytes], None],
        known_size_bytes: int | None,
        max_size_bytes: int,
    ) -> None:
        self._session = session
        self._client = client
        self._facts = facts
        self._stop = coordinator.context.stop
        self._flow = coordinator.context.flow
        self._progress = coordinator.progress
        self._breaks = coordinator.breaks(facts.host)
        self._new_digest = new_digest
        self._check_start = check_start
        self._known_size_bytes = known_size_bytes
        self._max_size_bytes = max_size_bytes
        self._position = 0
        self.digest: InOrderDigest | None = None

    def run(self) -> bytes | None:
        """Block until every part is stored. Returns the bytes if they are less than one part and were not sent.

        Raises TransferError and Stopped.
        """
        while True:
            self._position = 0
            self.digest = self._new_digest()
            opened = False
            try:
                with self._client.open_whole(self._facts) as response:
                    opened = True
                    return self._read_all(response)
            except TransferError as error:
                self._breaks.broke(error, position=self._position, opened=opened)

    @property
    def size_bytes(self) -> int:
        """Number of bytes read."""
        return self._position

    def _read_all(self, response: ContentStream) -> bytes | None:
        for part_number in range(1, self._session.plan.most_parts + 1):
            length = self._session.plan.length(part_number)
            data = self._read_part(response, length)
            if part_number == 1:
                self._check_beginning(response, data)
            self._check_end(response, ended=len(data) < length)
            if part_number == 1 and len(data) < length and self._session.upload_id is None:
                return bytes(data)
            if data:
                self._keep(part_number, data)
            size = len(data)
            del data  # before the next part is read, so that only one is in memory
            if size < length or self._position == self._facts.size_bytes:
                # Forget parts of an earlier reading that was longer.
                for beyond in [number for number in self._session.stored if number > part_number - (size == 0)]:
                    del self._session.stored[beyond]
                return None
        raise _too_many_parts(self._session.plan)

    def _read_part(self, response: ContentStream, length: int) -> memoryview:
        # mmap takes memory only for pages that are filled. A growing buffer would need twice its size when it is
        # reallocated.
        data, filled = memoryview(mmap(-1, length)), 0
        while filled < length:
            if self._stop.is_set():
                raise Stopped
            window = self._read_window(response, min(WINDOW_BYTES, length - filled))
            if not window:
                break
            if self.digest is not None:
                self.digest.feed(self._position, window)
            data[filled : filled + len(window)] = window
            filled += len(window)
            self._position += len(window)
            self._breaks.reached(self._position)
            if self._position > self._max_size_bytes:
                raise too_large(self._facts.host, self._max_size_bytes)
        return data[:filled]

    def _read_window(self, response: ContentStream, size: int) -> bytes:
        allowed, window = self._flow.take(size, self._stop), b""
        try:
            window = response.read(allowed)
        finally:
            self._flow.give_back(allowed - len(window))
        return window

    def _check_end(self, response: ContentStream, *, ended: bool) -> None:
        known = self._known_size_bytes
        if ended and known is not None and self._position < known:
            raise TransferError(
                Reason.SOURCE_RESET, f"{self._facts.host} closed the connection before the content was complete."
            )
        # Only a body without Content-Length can be longer than the size that the source stated.
        if self._position == self._facts.size_bytes and response.content_length is None and response.read(1):
            raise changed(self._facts.host)

    def _check_beginning(self, response: ContentStream, data: memoryview) -> None:
        """Compare the first bytes with those of the probe. Without validators, they may reveal an error page."""
        facts = self._facts
        if data[: len(facts.head)] == facts.head[: len(data)]:
            return
        if facts.etag is not None or facts.last_modified is not None:
            raise changed(facts.host)
        self._check_start(response.header("Content-Type"), bytes(data[:PROBE_BYTES]))

    def _keep(self, part_number: int, data: memoryview) -> None:
        known = self._session.stored.get(part_number)
        if known is not None:
            if known.crc64nvme == crc64nvme(data) and known.size_bytes == len(data):
                return
            raise changed(self._facts.host)
        self._session.send(part_number, lambda: BufferedPart(data, stop=self._stop))
        self._breaks.next_part()
        self._progress.moved(len(data))


def _too_many_parts(plan: PartPlan) -> TransferError:
    message = f"The artifact does not fit into the {plan.most_parts} parts that the store accepts."
    if not plan.grows:
        message = (
            f"The source states no size, and the store accepts only parts of equal size: {plan.most_parts} parts of "
            f"{plan.part_size_bytes} bytes were not enough. Set source.size, or raise limits.maxArtifactSize of the "
            "StorageLocation, so that larger parts are planned."
        )
    return TransferError(Reason.SOURCE_TOO_LARGE, message)
