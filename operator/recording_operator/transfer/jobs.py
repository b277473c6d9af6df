"""The kinds of transfer jobs: one class each, with a common `run`.

A job is created for one artifact and run once. It holds what only its kind needs; the TransferContext holds the rest.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from recording_operator import checksums
from recording_operator.api.reasons import Reason
from recording_operator.egress.dialer import Dialer
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.content.allowed_types import check_allowed_text
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.fetch import Fetch
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.client import SourceClient
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.source.stored import StoredSource, missing, source_failure
from recording_operator.transfer.upload.in_store import InStoreSource
from recording_operator.transfer.verification.accept import StoredByAnotherProcess, accept_body
from recording_operator.transfer.verification.compare import needs_its_source
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import find, key_conflict
from recording_operator.transfer.verification.known import KnownObject, verify_known
from recording_operator.transfer.verification.places import is_same_place

_INLINE_TYPE: Final = "text/plain; charset=utf-8"


class ArtifactJob(Protocol):
    """Stores one artifact."""

    def run(self, context: TransferContext) -> StoredObject:
        """Block until the object is in the store and verified, and return it.

        Raises TransferError if this attempt failed, and Stopped. In both cases an open upload is kept, and is later
        resumed or aborted by `abort_uploads`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchJob:
    """Downloads a URL into the store. `resume` is the last UploadState passed to `observer.upload_created`, if any."""

    source: SourceSpec
    dialer: Dialer = field(repr=False)
    resume: UploadState | None = None

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob."""
        return Fetch(
            lambda stop, on_read: SourceClient(self.source, dialer=self.dialer, stop=stop, on_read=on_read),
            context,
            expected=Expectations.of(self.source),
            resume=self.resume,
            published_at=self.source.published_at,
            limit_bytes=self.dialer.policy.limits.artifact_bytes,
        ).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyJob:
    """Copies an object of a store; inside the store if that can be.

    `place` names the store in messages. `owner_uid`: the object must belong to this Recording; None means that it is
    not checked. Size and checksum are the expected ones, if they are known; `limit_bytes` is the largest allowed size.
    `resume` is as in FetchJob.
    """

    source: Store
    place: str
    key: str
    version_id: str | None = None
    owner_uid: str | None = None
    expected_size_bytes: int | None = None
    expected_checksum: str | None = None
    limit_bytes: int | None = None
    resume: UploadState | None = None

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob."""
        expected = Expectations.parse(size_bytes=self.expected_size_bytes, checksum=self.expected_checksum)
        try:
            stored = self._found(context)
        except TransferError as error:
            copied = find(context, expected)  # by an earlier attempt; the object may have been deleted since
            if copied is None:
                raise
            if copied.verified_by is None or (expected.checksum is None and context.store.copies_from(self.source)):
                raise needs_its_source(error) from None  # the store may have made the copy itself
            return copied
        self._check_place(context)
        return Fetch(
            lambda stop, on_read: StoredSource(self.source, stored, place=self.place, stop=stop, on_read=on_read),
            context,
            expected=expected,
            resume=self.resume,
            limit_bytes=self.limit_bytes,
            in_store=self._in_store(stored, expected, context),
        ).run()

    def _found(self, context: TransferContext) -> StoredObject:
        try:
            head = context.budget().retry(lambda: self.source.head(self.key, version_id=self.version_id))
        except TransferError as error:
            raise source_failure(error, self.place) from None
        if head is None or self.owner_uid not in (None, head.recording_uid):
            raise missing(self.place)
        return head.stored

    def _check_place(self, context: TransferContext) -> None:
        """An object must not be taken for its own copy, because the old one is deleted later."""
        if self.key != context.obj.key:
            return
        there = context.budget().retry(lambda: context.store.head(self.key))
        if there is not None and is_same_place(context.store, self.source, context.obj):
            raise TransferError(
                Reason.STORE_KEY_CONFLICT,
                f"{self.place} and the new location are the same place in one store, so there is nothing to copy.",
            )

    def _in_store(self, stored: StoredObject, expected: Expectations, context: TransferContext) -> InStoreSource | None:
        """None if the bytes have to be read: for another checksum of the spec, or to verify the copy."""
        crc = checksums.from_text(stored.checksum if expected.checksum is None else expected.checksum.text)
        if crc is None and expected.checksum is not None:
            return None
        return InStoreSource.of(self.source, stored, crc64nvme=crc, context=context)


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineJob:
    """Stores an inline text of the spec."""

    body: bytes = field(repr=False)

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob."""
        obj = replace(context.obj, content_type=context.obj.content_type or _INLINE_TYPE)
        check_allowed_text(self.body, obj)
        try:
            accepted = accept_body(self.body, replace(context, obj=obj))
        except StoredByAnotherProcess:
            raise key_conflict("The object at the key does not have the artifact's text") from None
        if accepted.written:
            context.observer.bytes_moved(read_bytes=0, stored_bytes=len(self.body))
        return accepted.stored


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentJob:
    """Stores content that is in memory and not in the spec: from a Secret or a provider.

    Size and checksum are those of the spec; None if not set.
    """

    body: bytes = field(repr=False)
    expected_size_bytes: int | None = None
    expected_checksum: str | None = None

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob."""
        limit_bytes = context.obj.max_size_bytes
        if limit_bytes is not None and len(self.body) > limit_bytes:
            message = f"The content has {len(self.body)} bytes, allowed are {limit_bytes}."
            raise TransferError(Reason.SOURCE_TOO_LARGE, message)
        expected = Expectations.parse(size_bytes=self.expected_size_bytes, checksum=self.expected_checksum)
        digest = expected.digest()
        if digest is not None:
            digest.feed(0, self.body)
        expected.check_read(size_bytes=len(self.body), crc64nvme=checksums.crc64nvme(self.body), digest=digest)
        context.admit(len(self.body))
        return expected.mark(InlineJob(body=self.body).run(context))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """Transfers nothing: verifies an object that is stored already, as its manifest describes it."""

    known: KnownObject

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob."""
        return verify_known(self.known, context)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindJob:
    """Transfers nothing: only finds an object that an earlier process has stored.

    The size and checksum are those of the spec. Nothing is read from a source, so an object that only its source could
    verify counts as absent.
    """

    expected_size_bytes: int | None = None
    expected_checksum: str | None = None

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob. Raises Stopped if there is no such object."""
        expected = Expectations.parse(size_bytes=self.expected_size_bytes, checksum=self.expected_checksum)
        found = find(context, expected)
        if found is None or found.verified_by is None:
            raise Stopped
        return found
