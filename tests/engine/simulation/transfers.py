"""Transfers of the simulation: the same reports to the engine as real ones, in virtual time."""

from collections.abc import Generator
from typing import TYPE_CHECKING

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import SourceFacts
from recording_operator.controller.executors.order import TransferOrder
from recording_operator.engine.facts import (
    SizeFound,
    SourceResolved,
    TransferEnded,
    TransferFailed,
    TransferProgress,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
)
from recording_operator.engine.source_revision import resolved_revision
from tests.engine.simulation.sources import Fate
from tests.engine.simulation.store import StoredThing, UnavailableError, UploadLostError

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator

PART_BYTES = 1000
Outcome = TransferSucceeded | TransferFailed | TransferStopped
Steps = Generator[float | None, None, Outcome]


class _AttemptError(Exception):
    def __init__(self, cause: Reason | TransferFailed, retry_after_s: float | None = None) -> None:
        super().__init__()
        if isinstance(cause, Reason):
            cause = TransferFailed(reason=cause, message=f"it failed: {cause}", retry_after_s=retry_after_s)
        self.failure = cause


class _StoppedError(Exception):
    pass


class Transfer:
    """One transfer in one operator process; it vanishes when the process does."""

    def __init__(self, operator: "Operator", order: TransferOrder) -> None:
        self._operator = operator
        self._world = operator.world
        self._order = order
        self.uid = order.uid
        self.artifact = order.artifact
        self.upload_id: str | None = None
        self._stop = False
        self._persisted = False
        self._answer: TransferFailed | bool | None = None
        self._steps = self._run()
        self._waiting = False
        self._wait(operator.world.latency_s())

    def request_stop(self) -> None:
        """End soon, with the parts kept."""
        self._stop = True
        if self._waiting:
            self._wait(self._world.latency_s())

    def answered(self, rejection: TransferFailed | None) -> None:
        """There is room for its size, or not."""
        self._answer = rejection or True
        if self._waiting:
            self._wait(self._world.latency_s())

    def persisted(self) -> None:
        """The status names the upload: continue."""
        self._persisted = True
        if self._waiting:
            self._wait(self._world.latency_s())

    def _wait(self, delay_s: float) -> None:
        self._waiting = False
        self._world.schedule.after(delay_s, self._step)

    def _step(self) -> None:
        if not self._operator.alive:
            return
        try:
            delay_s = next(self._steps)
        except StopIteration as done:
            self._operator.transfers.pop((self.uid, self.artifact))
            outcome: Outcome = done.value
            self._report(TransferEnded(uid=self.uid, artifact=self.artifact, outcome=outcome))
            return
        if delay_s is None:
            self._waiting = True
        else:
            self._wait(delay_s)

    def _report(self, fact: SourceResolved | SizeFound | UploadCreated | TransferProgress | TransferEnded) -> None:
        # The order of one transfer's reports is kept: they go through one queue.
        self._operator.post_in_order(fact)

    def _run(self) -> Steps:
        try:
            return (yield from self._move())
        except _StoppedError:
            return TransferStopped()
        except _AttemptError as failed:
            return failed.failure
        except UnavailableError:
            return TransferFailed(reason=Reason.STORE_UNAVAILABLE, message="the store does not answer")
        except UploadLostError:
            return TransferFailed(reason=Reason.STORE_UPLOAD_LOST, message="the upload is gone")

    def _move(self) -> Steps:
        world, key = self._world, self._order.obj.key
        yield world.latency_s()
        if self._order.location not in world.locations:
            raise _AttemptError(Reason.LOCATION_NOT_READY)
        if self._order.find_only:
            found = world.store.head(key)
            if found is None:
                raise _StoppedError
            return self._proved(found, size=PART_BYTES)
        if self._order.inline is not None:
            return self._proved(world.store.put(key, uid=self.uid, artifact=self.artifact, size=4), size=4)
        url = self._order.copy.key if self._order.copy is not None else self._resolve()
        yield world.latency_s()
        self._check_stop()
        there = world.store.head(key)
        fate = world.fate_of(url)
        size = max(fate.parts, 1) * PART_BYTES
        if there is not None:
            return self._proved(there, size=size)
        yield from self._ask_for_room(size, fate)
        failure = fate.failure(world.rng)
        fails_at = world.rng.randrange(-1, fate.parts + 1) if failure is not None else None
        if failure is not None and (fails_at == -1 or not fate.parts):
            raise _AttemptError(failure, fate.retry_after_s)
        if not fate.parts:
            yield fate.part_s
            stored = self._proved(world.store.put(key, uid=self.uid, artifact=self.artifact, size=size), size=size)
            world.store.abort(key)  # an upload of earlier content
            return stored
        for part_number in range(fate.parts):
            yield from self._part(part_number, fate, size)
            if failure is not None and part_number >= (fails_at or 0):
                raise _AttemptError(failure, fate.retry_after_s)
        yield world.latency_s()
        assert self.upload_id is not None
        thing = world.store.complete(self.upload_id, uid=self.uid, artifact=self.artifact, size=size)
        world.just_stored(self.uid)
        stored = self._proved(thing, size=size)
        yield world.latency_s()  # here the object exists, and only the store knows it
        world.store.abort(key)
        return stored

    def _ask_for_room(self, size: int, fate: Fate) -> Generator[float | None, None, None]:
        """Report the size, unless the source states none, and wait for the answer."""
        if not self._order.has_quota:
            return
        if fate.has_no_length:
            self._world.quotas.unsized_bytes = max(self._world.quotas.unsized_bytes, size)
        self._answer = None
        self._report(SizeFound(uid=self.uid, artifact=self.artifact, size_bytes=None if fate.has_no_length else size))
        while self._answer is None:
            self._check_stop()
            yield None
        if isinstance(self._answer, TransferFailed):
            raise _AttemptError(self._answer)

    def _part(self, part_number: int, fate: Fate, size: int) -> Generator[float | None, None, None]:
        if self.upload_id is None:
            yield from self._open(size)
        yield fate.part_s
        self._check_stop()
        assert self.upload_id is not None
        try:
            self._world.store.write_part(self.upload_id)
        except UploadLostError:
            if self._world.rng.random() < 0.5:
                raise
            self.upload_id = None
            yield from self._open(size, anew=True)
        done = (part_number + 1) * PART_BYTES
        self._report(TransferProgress(uid=self.uid, artifact=self.artifact, sent_bytes=done, total_bytes=size))

    def _open(self, size: int, *, anew: bool = False) -> Generator[float | None, None, None]:
        """Take up the upload that the status names, or make one and have the status name it."""
        named = self._order.resume.upload_id if self._order.resume else None
        if named is not None and named in self._world.store.uploads and not anew:
            self.upload_id = named
            return
        yield self._world.latency_s()
        made = self._world.store.create_upload(
            key=self._order.obj.key, uid=self.uid, now_s=self._world.schedule.elapsed_s
        )
        self.upload_id = made
        yield self._world.latency_s()
        self._persisted = False
        self._report(
            UploadCreated(
                uid=self.uid,
                artifact=self.artifact,
                upload_id=made,
                part_size_bytes=PART_BYTES,
                source=SourceFacts(size=size, etag="etag"),
            )
        )
        while not self._persisted:
            self._check_stop()
            yield None
        self._world.checker.upload_may_be_written(self.uid, self.artifact, made)

    def _resolve(self) -> str:
        source = self._order.source
        assert source is not None
        url = source.url
        if source.url_secret is not None:
            url = self._world.secrets.get((source.namespace, source.url_secret.name))
        if url is None:
            raise _AttemptError(Reason.SECRET_NOT_FOUND)
        revision = resolved_revision(self.uid, source.revision, url=url, headers={})
        self._report(SourceResolved(uid=self.uid, artifact=self.artifact, revision=revision))
        return url

    def _proved(self, thing: StoredThing, *, size: int) -> TransferSucceeded:
        if thing.uid != self.uid or thing.artifact != self.artifact:
            raise _AttemptError(Reason.STORE_KEY_CONFLICT)
        return TransferSucceeded(
            size_bytes=size,
            etag="etag",
            version_id=thing.version_id,
            checksum="crc64nvme:0000000000000000",
            content_type="video/mp4",
            uri=f"s3://bucket/{thing.key}",
            integrity=Reason.FULL_OBJECT_CRC64NVME,
        )

    def _check_stop(self) -> None:
        if self._stop:
            raise _StoppedError
