"""One passage of an artifact's bytes: which way they go, and the upload that they go into."""

from dataclasses import replace
from functools import partial
from typing import Final

from recording_operator.api.reasons import Reason, Trait, reasons_with
from recording_operator.checksums import InOrderDigest, crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stopping import LinkedStopSignal, StopSignal
from recording_operator.stores.capabilities import Joins
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.content.check import check_content
from recording_operator.transfer.existing import etag_mark
from recording_operator.transfer.expectations import Expectations
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.observer import TransferObserver, UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.client import RangesLost, SourceClient, changed
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.validators import kept_pin
from recording_operator.transfer.upload.commit import commit_small, commit_upload
from recording_operator.transfer.upload.in_order import InOrderUpload
from recording_operator.transfer.upload.part_plan import MIB, PartPlan, plan_equal_parts, plan_parts
from recording_operator.transfer.upload.pipe import WINDOW_BYTES, RangeReader
from recording_operator.transfer.upload.progress import ProgressMeter
from recording_operator.transfer.upload.ranged import RangedUpload
from recording_operator.transfer.upload.session import UploadSession

# What is in the open upload can never become the object. A part that arrived wrong is listed with the sum of its wrong
# bytes, so a later resume would believe it.
_UPLOAD_IS_USELESS: Final = reasons_with(Trait.UPLOAD_USELESS)


class ArtifactUpload:
    """Moves one artifact; `run` may be called again after it failed."""

    def __init__(
        self,
        *,
        source: SourceClient,
        obj: ObjectSpec,
        expected: Expectations,
        store: Store,
        stop: StopSignal,
        observer: TransferObserver,
        options: TransferOptions,
        limit_bytes: int,
        flow: Flow,
    ) -> None:
        self._source = source
        self._obj = obj
        self._expected = expected
        self._store = store
        self._stop = stop
        self._observer = observer
        self._options = options
        self._limit_bytes = limit_bytes
        self._flow = flow
        self._progress = ProgressMeter(observer)
        self._session: UploadSession | None = None
        self.made_uploads = False

    @property
    def state(self) -> UploadState | None:
        """The open upload, if there is one."""
        return self._session.state if self._session else None

    def abandon(self) -> None:
        """Abort the open upload."""
        if self._session is not None:
            self._session.abort()

    def run(self, facts: ContentFacts, resume: UploadState | None) -> StoredObject:
        """Move the bytes and return the object. Raises TransferError and Stopped."""
        self._obj = replace(self._obj, content_encoding=facts.content_encoding)
        if self._obj.pins_content:
            self._obj = replace(self._obj, source_etag=etag_mark(facts))
        if facts.is_empty:
            return self._put(b"", digest=self._expected.digest())
        if is_small(facts, self._options):
            try:
                return self._put_small(facts)
            except RangesLost:
                facts = replace(facts, ranges=False)
        session = self._session = self._opened(facts, resume)
        self._progress.restart(done=session.stored_bytes, total=facts.size_bytes)
        try:
            stored = self._moved(session, facts)
        except BaseException as error:
            useless = isinstance(error, TransferError) and error.reason in _UPLOAD_IS_USELESS
            if useless or session.arrived_wrong:
                session.abort()
            raise
        finally:
            self.made_uploads |= session.upload_id is not None
        return stored

    def _opened(self, facts: ContentFacts, resume: UploadState | None) -> UploadSession:
        joins = self._store.capabilities.joins
        if facts.size_bytes is None and not joins.unequal_parts:
            plan = plan_equal_parts(
                self._expected.size_bytes or self._obj.max_size_bytes,
                smallest_bytes=self._options.smallest_part_bytes,
                largest_bytes=self._options.largest_part_bytes,
                most_parts=joins.most_parts,
            )
        else:
            plan = plan_parts(
                facts.size_bytes,
                workers=self._options.workers,
                smallest_bytes=self._options.smallest_part_bytes,
                largest_bytes=self._options.largest_part_bytes if facts.ranges else self._options.smallest_part_bytes,
                most_parts=joins.most_parts,
            )
        kept = None if resume is None else _kept_plan(resume, facts, self._options, joins)
        session = UploadSession(
            store=self._store,
            obj=self._obj,
            plan=kept or plan,
            pin=facts.pin if facts.ranges else None,
            options=self._options,
            stop=self._stop,
            observer=self._observer,
        )
        if resume is not None:
            self.made_uploads = True
            if kept is not None:
                session.resume(resume)
            else:
                session.drop(resume.upload_id)
        return session

    def _moved(self, session: UploadSession, facts: ContentFacts) -> StoredObject:
        # Without a strong validator nothing shows that the content is still what the stored parts were read from.
        if not facts.ranges or (session.stored and session.pin != facts.pin):
            return self._in_order(session, facts)
        # A checksum that needs all bytes in order, of an object that could not be read back: the source is read again.
        if session.stored and self._expected.digest() and not self._store.capabilities.reads_back:
            return self._in_order(session, facts)
        if session.pin != facts.pin:
            session.unpin()
        # A digest of another kind needs the bytes in order; after a resume the stored object is read instead.
        digest = None if session.stored else self._expected.digest()
        session.create()
        halt = LinkedStopSignal(self._stop)
        try:
            RangedUpload(
                session, self._source, facts, halt=halt, progress=self._progress, digest=digest, flow=self._flow
            ).run()
        except RangesLost:
            self._progress.restart(done=session.stored_bytes, total=facts.size_bytes)
            return self._in_order(session, facts)
        return self._commit(session, size_bytes=facts.size_bytes or 0, digest=digest)

    def _in_order(self, session: UploadSession, facts: ContentFacts) -> StoredObject:
        session.unpin()
        reading = InOrderUpload(
            session,
            self._source,
            facts,
            stop=self._stop,
            progress=self._progress,
            new_digest=self._expected.digest,
            check_start=partial(self._check_start, facts),
            known_size_bytes=self._known_size(facts),
            max_size_bytes=self._limit_bytes,
            flow=self._flow,
        )
        body = reading.run()
        if reading.size_bytes == 0:
            raise TransferError(Reason.SOURCE_EMPTY, f"{facts.host} has no bytes for this artifact.")
        if body is None:
            return self._commit(session, size_bytes=reading.size_bytes, digest=reading.digest)
        return self._put(body, digest=reading.digest)

    def _check_start(self, facts: ContentFacts, content_type: str | None, head: bytes) -> None:
        try:
            check_content(replace(facts, content_type=content_type, head=head), self._obj)
        except TransferError:
            raise changed(facts.host) from None

    def _known_size(self, facts: ContentFacts) -> int | None:
        # Where only the end of the connection ends the body, the spec's size tells a cut from the end.
        if facts.size_bytes is not None or facts.ends_visibly:
            return facts.size_bytes
        return self._expected.size_bytes

    def _put_small(self, facts: ContentFacts) -> StoredObject:
        size_bytes = facts.size_bytes or 0
        digest = self._expected.digest()
        body = bytearray(facts.head)
        self._progress.restart(done=len(body), total=size_bytes)
        # Small content came with the probe: its turn is waited for afterwards.
        self._flow.take_all(len(body), self._stop)
        budget = RetryBudget(self._options, self._stop)
        stream = RangeReader(self._source, facts, budget=budget, flow=self._flow, stop=self._stop)
        try:
            stream.seek(len(body), end=size_bytes)
            while len(body) < size_bytes:
                body += stream.read(min(WINDOW_BYTES, size_bytes - len(body)))
        finally:
            stream.close()
        if digest is not None:
            digest.feed(0, bytes(body))
        return self._put(bytes(body), digest=digest)

    def _put(self, body: bytes, *, digest: InOrderDigest | None) -> StoredObject:
        self._expected.prove_read(size_bytes=len(body), crc64nvme=crc64nvme(body), digest=digest)
        settled = commit_small(
            body, self._obj, store=self._store, stop=self._stop, options=self._options, flow=self._flow
        )
        self._progress.restart(done=len(body), total=len(body))
        return self._expected.noted(settled.stored)

    def _commit(self, session: UploadSession, *, size_bytes: int, digest: InOrderDigest | None) -> StoredObject:
        crc = session.crc64nvme
        proved = self._expected.prove_read(size_bytes=size_bytes, crc64nvme=crc, digest=digest)
        settled = commit_upload(session, size_bytes=size_bytes, crc64nvme=crc, flow=self._flow)
        stored = settled.stored
        if not proved:
            stored = self._expected.prove_stored(
                settled, store=self._store, obj=self._obj, stop=self._stop, flow=self._flow
            )
        self._progress.restart(done=size_bytes, total=size_bytes)
        return self._expected.noted(stored)


def is_small(facts: ContentFacts, options: TransferOptions) -> bool:
    """Whether the object is stored in one request, without an upload."""
    return facts.is_empty or facts.came_whole or (facts.ranges and (facts.size_bytes or 0) <= options.single_put_bytes)


def _kept_plan(resume: UploadState, facts: ContentFacts, options: TransferOptions, joins: Joins) -> PartPlan | None:
    """The plan of the open upload, if it is of this content and the store takes it."""
    plan = PartPlan(
        part_size_bytes=resume.part_size_bytes,
        size_bytes=resume.size_bytes,
        grows=joins.unequal_parts,
        most_parts=joins.most_parts,
    )
    pin = kept_pin(etag=resume.etag, last_modified=resume.last_modified)
    other = pin is not None and facts.pin is not None and pin.contradicts(facts.pin)
    same = resume.size_bytes == facts.size_bytes and not other
    legal = plan.is_legal(smallest_bytes=min(options.smallest_part_bytes, 5 * MIB))
    return plan if same and legal else None
