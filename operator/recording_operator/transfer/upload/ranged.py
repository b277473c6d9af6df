"""Workers, each with one long ranged GET piped part by part into the store: few at first, more where that helps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from recording_operator.api.reasons import Reason, Trait
from recording_operator.checksums import InOrderDigest
from recording_operator.errors import TransferError
from recording_operator.stopping import LinkedStopSignal, Stopped
from recording_operator.stores.store import BodyAborted, StoredPart
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.limits.headroom import Headroom, busy_s
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.client import SourceClient
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.upload.part_assignment import Assignment
from recording_operator.transfer.upload.pipe import PipedPart, RangeReader
from recording_operator.transfer.upload.progress import ProgressMeter
from recording_operator.transfer.upload.session import UploadSession, checked

_LOOK_S: Final = 0.05


class RangedUpload:
    """Brings the missing parts of a session into the store. `digest` needs the bytes in order: one worker then."""

    def __init__(
        self,
        session: UploadSession,
        source: SourceClient,
        facts: ContentFacts,
        *,
        halt: LinkedStopSignal,
        progress: ProgressMeter,
        digest: InOrderDigest | None,
        flow: Flow,
    ) -> None:
        self._session = session
        self._source = source
        self._facts = facts
        self._halt = halt
        self._progress = progress
        self._digest = digest
        self._flow = flow
        self._lock = threading.Lock()
        self._threads: list[int] = []
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._soft = False
        workers = session.options.workers if digest is None else 1
        count = session.plan.count or 0
        missing = [part_number for part_number in range(1, count + 1) if part_number not in session.stored]
        self._workers = min(workers, len(missing))
        self._first = max(1, min(session.options.first_workers, self._workers))
        # All is begun at once: an open GET outlives its URL's expiry. Who comes later takes half of a rest.
        self._assignment = Assignment(missing, workers=self._first)

    def run(self) -> None:
        """Return when every part is stored. Raises what a worker failed of: TransferError, RangesLost, Stopped."""
        if self._workers == 1:
            self._work()
        elif self._workers:
            with ThreadPoolExecutor(max_workers=self._workers, thread_name_prefix="transfer") as pool:
                self._grow(pool)
        if self._error is not None:
            raise self._error

    def _grow(self, pool: ThreadPoolExecutor) -> None:
        """Begin with few workers, and double them as long as there is headroom."""
        running, more, headroom = 0, self._first, Headroom()
        while True:
            try:
                for _ in range(more):
                    pool.submit(self._work)
                    running += 1
            except RuntimeError:  # no thread is to be had; those that there are do it all
                if not running:
                    raise
                return
            more = 0
            while not more:
                if running == self._workers or self._ended.wait(_LOOK_S):
                    return
                # The pool's threads are there until it is left, so that their clocks may be asked.
                if headroom.is_there(busy_s=busy_s(tuple(self._threads)), connections=running):
                    more = min(running, self._workers - running)

    def _work(self) -> None:
        self._threads.append(threading.get_ident())
        try:
            self._send_all()
        finally:
            self._ended.set()

    def _send_all(self) -> None:
        stream = RangeReader(
            self._source,
            self._facts,
            budget=RetryBudget(self._session.options, self._halt),
            flow=self._flow,
            stop=self._halt,
        )
        try:
            while (segment := self._assignment.take()) is not None:
                while (begun := self._assignment.next_part(segment)) is not None:
                    part_number, last = begun
                    self._send(part_number, last, stream)
        except BaseException as error:
            self._failed(error)
        finally:
            stream.close()

    def _send(self, part_number: int, last: int, stream: RangeReader) -> None:
        plan = self._session.plan
        length = plan.length(part_number)

        def send_once(upload_id: str) -> StoredPart:
            body = PipedPart(
                stream,
                start=plan.offset(part_number),
                length=length,
                end_of_get=plan.offset(last) + plan.length(last),
                progress=self._progress,
                stop=self._halt,
                digest=self._digest,
            )
            try:
                if (same := self._session.same_as_listed(part_number, body)) is not None:
                    return same
                if body.tell():
                    body.seek(0)
                part = self._session.store.upload_part(
                    self._session.obj.key, upload_id, part_number=part_number, body=body
                )
                if body.tell() != length:
                    raise TransferError(Reason.STORE_UNAVAILABLE, "The store answered before it had the whole part.")
                return checked(part, size_bytes=length, crc64nvme=body.crc64nvme)
            except BodyAborted as aborted:
                body.undo()
                raise aborted.error from None
            except TransferError:
                body.undo()
                raise

        self._session.send(part_number, send_once)

    def _failed(self, error: BaseException) -> None:
        soft = isinstance(error, TransferError) and Trait.NO_NEW_REQUESTS in error.reason.traits
        with self._lock:
            # The first word counts: workers that are halted because of it say Stopped. A hard one outdoes a soft one.
            if self._error is None or (self._soft and not soft and not isinstance(error, Stopped)):
                self._error, self._soft = error, soft
        self._assignment.close()
        if not soft:
            self._halt.set()
