"""Parallel upload: each worker streams one long ranged GET into the store, part by part. Workers join if useful."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from recording_operator.checksums import InOrderDigest
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.limits.headroom import Headroom, busy_s
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource
from recording_operator.transfer.source.range_reader import RangeReader
from recording_operator.transfer.upload.part_assignment import PartAssignment
from recording_operator.transfer.upload.piped_part import PipedPart
from recording_operator.transfer.upload.session import UploadSession

_CHECK_EVERY_S: Final = 0.05


class RangedUpload:
    """Uploads the missing parts of a session. With a `digest`, which needs the bytes in order, there is one worker."""

    def __init__(
        self,
        session: UploadSession,
        client: ContentSource,
        facts: ContentFacts,
        *,
        coordinator: TransferCoordinator,
        digest: InOrderDigest | None,
    ) -> None:
        self._session = session
        self._client = client
        self._facts = facts
        self._coordinator = coordinator
        self._digest = digest
        self._threads: list[int] = []
        self._ended = threading.Event()
        options = coordinator.context.options
        count = session.plan.count or 0
        missing = [part_number for part_number in range(1, count + 1) if part_number not in session.stored]
        self._workers = min(options.workers if digest is None else 1, len(missing))
        self._first = max(1, min(options.first_workers, self._workers))
        # All parts are assigned at once, because an open GET continues after its URL has expired. Workers that are
        # added later take half of a remaining segment.
        self._assignment = PartAssignment(missing, workers=self._first)

    def run(self) -> None:
        """Block until every part is stored. Raises the error of a worker: TransferError, RangesLost, Stopped."""
        if self._workers == 1:
            self._work()
        elif self._workers:
            with ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="transfer") as pool:
                self._grow(pool)
        self._coordinator.raise_failure()

    def _grow(self, pool: ThreadPoolExecutor) -> None:
        """Start with few workers, and double their number as long as there is headroom."""
        running, more, headroom = 0, self._first, Headroom()
        while True:
            try:
                for _ in range(more):
                    pool.submit(self._work)
                    running += 1
            except RuntimeError:  # no more threads can be started; the running ones do all the work
                if not running:
                    raise
                return
            more = 0
            while not more:
                if running == self._workers or self._ended.wait(_CHECK_EVERY_S):
                    return
                # The threads live as long as the pool, so their CPU clocks can be read.
                if headroom.is_there(busy_s=busy_s(tuple(self._threads)), connections=running):
                    more = min(running, self._workers - running)

    def _work(self) -> None:
        self._threads.append(threading.get_ident())
        try:
            self._send_all()
        finally:
            self._ended.set()

    def _send_all(self) -> None:
        context, breaks = self._coordinator.context, self._coordinator.breaks(self._facts.host)
        reader = RangeReader(self._client, self._facts, context=context, breaks=breaks)
        try:
            while (segment := self._assignment.take()) is not None:
                while (assigned := self._assignment.next_part(segment)) is not None:
                    part_number, last = assigned
                    self._session.send(part_number, partial(self._body, part_number, last, reader))
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits for all workers
            self._coordinator.failed(error)
            self._assignment.close()
        finally:
            reader.close()

    def _body(self, part_number: int, last: int, reader: RangeReader) -> PipedPart:
        plan = self._session.plan
        return PipedPart(
            reader,
            start=plan.offset(part_number),
            length=plan.length(part_number),
            end_of_get=plan.offset(last) + plan.length(last),
            progress=self._coordinator.progress,
            stop=self._coordinator.context.stop,
            digest=self._digest,
        )
