"""One upload of an artifact: in one request, in parallel ranges or in order, perhaps resuming an earlier upload."""

from dataclasses import replace
from functools import partial

from recording_operator.api.reasons import Reason, Trait
from recording_operator.checksums import InOrderDigest, crc64nvme
from recording_operator.errors import TransferError
from recording_operator.stores.capabilities import Joins
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.content.allowed_types import check_allowed
from recording_operator.transfer.content.check import check_content, stated_type
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.source.client import RangesLost, changed
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource
from recording_operator.transfer.source.range_reader import WINDOW_BYTES, RangeReader
from recording_operator.transfer.source.validators import kept_pin
from recording_operator.transfer.upload.in_order import InOrderUpload
from recording_operator.transfer.upload.in_store import InStoreSource
from recording_operator.transfer.upload.part_plan import MIB, PartPlan, plan_equal_parts, plan_parts
from recording_operator.transfer.upload.ranged import RangedUpload
from recording_operator.transfer.upload.session import UploadSession
from recording_operator.transfer.verification.accept import accept, accept_body, accept_checksum
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import etag_mark


class ArtifactUpload:
    """Uploads the content that a probe of the source described. `limit_bytes` is the largest allowed size."""

    def __init__(
        self,
        client: ContentSource,
        facts: ContentFacts,
        *,
        coordinator: TransferCoordinator,
        expected: Expectations,
        limit_bytes: int,
        in_store: InStoreSource | None = None,
    ) -> None:
        self._client = client
        self._facts = facts
        self._coordinator = coordinator
        self._context = _for_content(coordinator.context, facts)
        self._progress = coordinator.progress
        self._expected = expected
        self._limit_bytes = limit_bytes
        self._in_store = in_store

    def run(self, resume: UploadState | None) -> StoredObject:
        """Upload the content and return the object. Raises TransferError and Stopped."""
        facts = self._facts
        if facts.is_empty:
            return self._put(b"", digest=self._expected.digest())
        if self._in_store is not None and not facts.is_complete:
            try:
                return self._copy(self._in_store, facts, resume)
            except TransferError as error:
                if Trait.STREAMS_INSTEAD not in error.reason.traits:
                    raise
            self._in_store = resume = None
            self._coordinator.abandon_upload()
        if is_small(facts, self._context.options):
            try:
                return self._put_small(facts)
            except RangesLost:
                facts = replace(facts, ranges=False)
        session = self._opened(facts, resume)
        self._progress.restart(done=session.stored_bytes, total=facts.size_bytes)
        with self._coordinator.uploading(session):
            return self._upload(session, facts)

    def _opened(self, facts: ContentFacts, resume: UploadState | None) -> UploadSession:
        joins = self._context.store.capabilities.joins
        kept = None if resume is None else _kept_plan(resume, facts, self._context.options, joins)
        plan = kept or self._new_plan(facts, joins)
        pin = facts.pin if facts.ranges else None
        session = UploadSession(self._context, plan=plan, pin=pin, on_stored=self._progress.stored)
        if resume is not None:
            if kept is not None:
                session.resume(resume)
            else:
                session.drop(resume.upload_id)
        return session

    def _copy(self, source: InStoreSource, facts: ContentFacts, resume: UploadState | None) -> StoredObject:
        context, size_bytes, digest = self._context, source.stored.size_bytes, source.digest
        if source.is_copied_whole(most_bytes=context.options.single_copy_bytes, resumes=resume is not None):
            copy = partial(context.store.copy, context.obj, source=source.store, stored=source.stored)
            accepted = accept(copy, digest, context)
            self._progress.stored(size_bytes if accepted.written else 0)
        else:
            session = self._opened(facts, resume)
            session.trust_listed()
            self._progress.restart(done=session.stored_bytes, total=size_bytes)
            with self._coordinator.uploading(session):
                session.create()
                source.copy_parts(session, self._coordinator)
                complete = partial(session.complete, size_bytes=size_bytes, crc64nvme=source.crc64nvme_of(session))
                accepted = accept(complete, digest, context)
        self._progress.restart(done=size_bytes, total=size_bytes)
        return self._expected.mark(accepted.stored)

    def _new_plan(self, facts: ContentFacts, joins: Joins) -> PartPlan:
        options = self._context.options
        if self._in_store is not None and self._in_store.md5_part_bytes is not None:
            part_bytes = self._in_store.md5_part_bytes
            return PartPlan(part_size_bytes=part_bytes, size_bytes=facts.size_bytes, most_parts=joins.most_parts)
        if self._in_store is not None:
            return plan_parts(
                facts.size_bytes,
                workers=options.workers,
                smallest_bytes=options.single_copy_bytes,
                largest_bytes=options.largest_copied_part_bytes,
                most_parts=joins.most_parts,
            )
        if facts.size_bytes is None and not joins.unequal_parts:
            return plan_equal_parts(
                self._expected.size_bytes or self._context.obj.max_size_bytes,
                smallest_bytes=options.smallest_part_bytes,
                largest_bytes=options.largest_part_bytes,
                most_parts=joins.most_parts,
            )
        return plan_parts(
            facts.size_bytes,
            workers=options.workers,
            smallest_bytes=options.smallest_part_bytes,
            largest_bytes=options.largest_part_bytes if facts.ranges else options.smallest_part_bytes,
            most_parts=joins.most_parts,
        )

    def _upload(self, session: UploadSession, facts: ContentFacts) -> StoredObject:
        # Without a strong validator, the content may have changed since the stored parts were read.
        if not facts.ranges or (session.stored and session.pin != facts.pin):
            return self._in_order(session, facts)
        # The expected checksum needs all bytes in order. If the object cannot be read back, read the whole source
        # again.
        if session.stored and self._expected.digest() and not self._context.store.capabilities.reads_back:
            return self._in_order(session, facts)
        if session.pin != facts.pin:
            session.unpin()
        # The expected checksum needs all bytes in order. After a resume, the stored object is read back instead.
        digest = None if session.stored else self._expected.digest()
        session.create()
        try:
            RangedUpload(session, self._client, facts, coordinator=self._coordinator, digest=digest).run()
        except RangesLost:
            self._progress.restart(done=session.stored_bytes, total=facts.size_bytes)
            return self._in_order(session, facts)
        return self._complete(session, size_bytes=facts.size_bytes or 0, digest=digest)

    def _in_order(self, session: UploadSession, facts: ContentFacts) -> StoredObject:
        session.unpin()
        reading = InOrderUpload(
            session,
            self._client,
            facts,
            coordinator=self._coordinator,
            new_digest=self._expected.digest,
            check_start=partial(self._check_start, facts),
            known_size_bytes=self._known_size(facts),
            max_size_bytes=self._limit_bytes,
        )
        body = reading.run()
        if reading.size_bytes == 0:
            raise TransferError(Reason.SOURCE_EMPTY, f"{facts.host} sent no bytes for this artifact.")
        if body is None:
            return self._complete(session, size_bytes=reading.size_bytes, digest=reading.digest)
        return self._put(body, digest=reading.digest)

    def _check_start(self, facts: ContentFacts, content_type: str | None, head: bytes) -> None:
        begun = replace(facts, content_type=content_type, head=head)
        try:
            check_content(begun, self._context.obj)
            check_allowed(begun, self._coordinator.context.obj)  # its type is the declared one
        except TransferError:
            raise changed(facts.host) from None

    def _known_size(self, facts: ContentFacts) -> int | None:
        # If the body ends with the connection, only the size in the spec shows whether it is complete.
        if facts.size_bytes is not None or facts.ends_visibly:
            return facts.size_bytes
        return self._expected.size_bytes

    def _put_small(self, facts: ContentFacts) -> StoredObject:
        size_bytes = facts.size_bytes or 0
        digest = self._expected.digest()
        body = bytearray(facts.head)
        self._progress.restart(done=len(body), total=size_bytes)
        # The probe has read this content without a bandwidth limit: wait for its share now.
        self._context.flow.take_all(len(body), self._context.stop)
        breaks = self._coordinator.breaks(facts.host)
        reader = RangeReader(self._client, facts, context=self._context, breaks=breaks)
        try:
            reader.seek(len(body), end=size_bytes)
            while len(body) < size_bytes:
                body += reader.read(min(WINDOW_BYTES, size_bytes - len(body)))
        finally:
            reader.close()
        if digest is not None:
            digest.feed(0, bytes(body))
        return self._put(bytes(body), digest=digest)

    def _put(self, body: bytes, *, digest: InOrderDigest | None) -> StoredObject:
        self._expected.check_read(size_bytes=len(body), crc64nvme=crc64nvme(body), digest=digest)
        accepted = accept_body(body, self._context)
        if accepted.written:
            self._progress.stored(len(body))
        self._progress.restart(done=len(body), total=len(body))
        return self._expected.mark(accepted.stored)

    def _complete(self, session: UploadSession, *, size_bytes: int, digest: InOrderDigest | None) -> StoredObject:
        read, crc = session.digest(size_bytes=size_bytes), session.crc64nvme
        right = self._expected.check_read(size_bytes=size_bytes, crc64nvme=crc, digest=digest)
        complete = partial(session.complete, size_bytes=size_bytes, crc64nvme=crc)
        accepted = accept(complete, read, self._context)
        stored = accepted.stored if right else accept_checksum(accepted, self._expected, self._context)
        self._progress.restart(done=size_bytes, total=size_bytes)
        return self._expected.mark(stored)


def is_small(facts: ContentFacts, options: TransferOptions) -> bool:
    """Whether the object is stored with one PutObject, without a multipart upload."""
    return facts.is_empty or facts.is_complete or (facts.ranges and (facts.size_bytes or 0) <= options.single_put_bytes)


def _for_content(context: TransferContext, facts: ContentFacts) -> TransferContext:
    """The context with the source's media type and Content-Encoding, and with its ETag if the content is pinned."""
    content_type = context.obj.content_type or stated_type(facts)
    obj = replace(context.obj, content_type=content_type, content_encoding=facts.content_encoding)
    if obj.pins_content:
        obj = replace(obj, source_etag=etag_mark(facts))
    return replace(context, obj=obj)


def _kept_plan(resume: UploadState, facts: ContentFacts, options: TransferOptions, joins: Joins) -> PartPlan | None:
    """The plan of the open upload, if it is of the same content and valid for the store."""
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
