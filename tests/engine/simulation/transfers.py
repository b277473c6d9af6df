"""Transfers of the simulation: the same reports to the engine as real ones, in virtual time."""

from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from recording_operator.api.reasons import Reason
from recording_operator.api.recording import SourceFacts
from recording_operator.controller.executors.order import (
    ClientUploadOrder,
    CopyOrder,
    SecretKey,
    SourceOrder,
    TransferOrder,
)
from recording_operator.controller.identities import confirm, former_times, known_object
from recording_operator.controller.sources import ResolvedContent, ResolvedSource, ResolveError
from recording_operator.engine.facts import (
    ClientAwaited,
    SizeFound,
    SourceResolved,
    TransferEnded,
    TransferFailed,
    TransferOutcome,
    TransferProgress,
    TransferStopped,
    TransferSucceeded,
    UploadCreated,
)
from recording_operator.engine.identity import FormerRecording
from recording_operator.engine.manifest import Manifest
from recording_operator.errors import TransferError
from recording_operator.stores.location_store import LocationStore
from tests.engine.simulation.edges import StoreClient
from tests.engine.simulation.sources import Fate
from tests.engine.simulation.store import Address, StoredThing, UnavailableError, UploadLostError, bucket_of

if TYPE_CHECKING:
    from tests.engine.simulation.operator import Operator

PART_BYTES = 1000
Steps = Generator[float | None, None, TransferOutcome]


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
        self._at = Address(bucket_of(order.location), order.obj.key)
        self._owner = order.obj.recording_uid
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
            outcome: TransferOutcome = done.value
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
        except TransferError as error:
            return TransferFailed(reason=error.reason, message=error.message, is_final=error.is_final)
        except UnavailableError:
            return TransferFailed(reason=Reason.STORE_UNAVAILABLE, message="the store does not answer")
        except UploadLostError:
            return TransferFailed(reason=Reason.STORE_UPLOAD_LOST, message="the upload is gone")

    def _move(self) -> Steps:
        world, order = self._world, self._order
        yield world.latency_s()
        if order.location not in world.locations:
            raise _AttemptError(Reason.LOCATION_NOT_READY)
        manifest = self._confirmed_manifest(order.former) if order.former is not None else None
        if order.client is not None:
            return (yield from self._client_upload(order.client))
        if order.find_only:
            found = world.store.head(self._at)
            if found is None:
                raise _StoppedError
            return self._proved(found)
        if order.inline is not None:
            return self._proved(world.store.put(self._at, uid=self._owner, artifact=self.artifact, size=4))
        if order.content_secret is not None:
            size = len(self._content(order.content_secret))
            yield from self._ask_for_room(size, Fate(parts=0, part_s=0.0))
            return self._proved(world.store.put(self._at, uid=self._owner, artifact=self.artifact, size=size))
        if manifest is not None and order.has_no_content:
            known_object(manifest, self.artifact)
            stored = world.store.head(self._at)
            if stored is None:
                raise _AttemptError(Reason.OBJECT_NOT_FOUND)
            return replace(self._proved(stored), former=former_times(manifest))
        if order.copy is not None and order.copy.owner_uid is not None:
            return (yield from self._copy(order.copy))
        url = order.copy.key if order.copy is not None else self._url(order.source)
        yield world.latency_s()
        self._check_stop()
        there = world.store.head(self._at)
        if there is not None:
            return self._proved(there)
        fate = world.fate_of(url)
        size = max(fate.parts, 1) * PART_BYTES
        yield from self._ask_for_room(size, fate)
        return (yield from self._upload(fate, size))

    def _client_upload(self, client: ClientUploadOrder) -> Steps:
        """Open the upload for a client, or complete it when the client has finished."""
        store, size = self._world.store, client.size_bytes
        thing = store.head(self._at)
        if thing is None and self._order.find_only:
            raise _StoppedError
        if thing is None:
            named = self._order.resume.upload_id if self._order.resume else None
            if size is not None and named is not None and named not in store.uploads:
                store.answer()
                lost = Reason.STORE_UPLOAD_LOST
                raise _AttemptError(TransferFailed(reason=lost, message="the upload is gone", is_final=True))
            yield from self._open(None)
            sent = store.parts[self.upload_id or ""]
            if size is None:
                return ClientAwaited(stored_bytes=0)
            if sent < (needed := self._world.clients.needed_parts(size)):
                return ClientAwaited(stored_bytes=sent * PART_BYTES, missing=f"{needed - sent} parts are missing")
            yield self._world.latency_s()
            self._check_stop()
            thing = store.complete(self.upload_id or "", uid=self._owner, artifact=self.artifact, size=size)
            self._world.just_stored(self.uid)
        stored = self._proved(thing)
        yield self._world.latency_s()
        if self._world.clients.is_wrong(self.uid, self.artifact):
            store.reject(thing)
            raise _AttemptError(Reason.UNEXPECTED_CONTENT)
        store.abort(self._at)
        return stored

    def _copy(self, copy: CopyOrder) -> Steps:
        """Copy an object of the Recording to another location."""
        world = self._world
        yield world.latency_s()
        self._check_stop()
        if copy.location not in world.locations:
            raise _AttemptError(Reason.SOURCE_UNREACHABLE)
        there = world.store.head(self._at)
        source = world.store.head(Address(bucket_of(copy.location), copy.key))
        is_found = source is not None and (source.uid, source.version_id) == (self._owner, copy.version_id)
        if there is not None and (source is None or not is_found or source.content == there.content):
            return self._proved(there)
        if there is not None:
            raise _AttemptError(Reason.STORE_KEY_CONFLICT)
        if source is None or not is_found:
            raise _AttemptError(Reason.OBJECT_NOT_FOUND)
        fate = world.fate_of_copy(self._owner, self.artifact, parts=source.size // PART_BYTES)
        return (yield from self._upload(fate, source.size, content=source.content))

    def _upload(self, fate: Fate, size: int, content: str | None = None) -> Steps:
        world = self._world
        failure = fate.failure(world.rng)
        fails_at = fate.fails_at
        if failure is not None and fails_at is None:
            fails_at = world.rng.randrange(-1, fate.parts + 1)
        if failure is not None and (fails_at == -1 or not fate.parts):
            raise _AttemptError(failure, fate.retry_after_s)
        if not fate.parts:
            yield fate.part_s
            thing = world.store.put(self._at, uid=self._owner, artifact=self.artifact, size=size, content=content)
            world.just_stored(self.uid)
            stored = self._proved(thing)
            world.store.abort(self._at)  # an upload of earlier content
            return stored
        for part_number in range(fate.parts):
            yield from self._part(part_number, fate, size)
            if failure is not None and part_number >= (fails_at or 0):
                raise _AttemptError(failure, fate.retry_after_s)
        yield world.latency_s()
        assert self.upload_id is not None
        thing = world.store.complete(
            self.upload_id, uid=self._owner, artifact=self.artifact, size=size, content=content
        )
        world.just_stored(self.uid)
        stored = self._proved(thing)
        yield world.latency_s()  # here the object exists, and only the store knows it
        world.store.abort(self._at)
        return stored

    def _confirmed_manifest(self, former: FormerRecording) -> Manifest:
        """The manifest that confirms the identity of a rebuilt Recording. Raises TransferError."""
        return confirm(cast("LocationStore", StoreClient(self._world, former.location)), former)

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

    def _open(self, size: int | None, *, anew: bool = False) -> Generator[float | None, None, None]:
        """Take up the upload that the status names, or make one and have the status name it."""
        named = self._order.resume.upload_id if self._order.resume else None
        if named is not None and named in self._world.store.uploads and not anew:
            self.upload_id = named
            return
        yield self._world.latency_s()
        made = self._world.store.create_upload(at=self._at, uid=self._owner, now_s=self._world.schedule.elapsed_s)
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

    def _url(self, source: SourceOrder | None) -> str:
        assert source is not None
        resolved = self._resolve(source)
        assert isinstance(resolved, ResolvedSource)
        return resolved.source.url

    def _resolve(self, source: SourceOrder) -> ResolvedSource | ResolvedContent:
        try:
            resolved = self._operator.resolver.resolve(source)
        except ResolveError as error:
            raise _AttemptError(error.failure) from None
        self._report(SourceResolved(uid=self.uid, artifact=self.artifact, revision=resolved.revision))
        return resolved

    def _content(self, secret: SecretKey) -> bytes:
        try:
            return self._operator.resolver.content(secret, namespace=self._order.namespace)
        except ResolveError as error:
            raise _AttemptError(error.failure) from None

    def _proved(self, thing: StoredThing) -> TransferSucceeded:
        if thing.uid != self._owner or thing.artifact != self.artifact:
            raise _AttemptError(Reason.STORE_KEY_CONFLICT)
        return TransferSucceeded(
            size_bytes=thing.size,
            etag="etag",
            version_id=thing.version_id,
            checksum="crc64nvme:0000000000000000",
            content_type="video/mp4",
            uri=f"s3://{thing.at.bucket}/{thing.at.key}",
            integrity=Reason.FULL_OBJECT_CRC64NVME,
        )

    def _check_stop(self) -> None:
        if self._stop:
            raise _StoppedError
