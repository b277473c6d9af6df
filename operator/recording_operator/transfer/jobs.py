"""The kinds of transfer jobs: one class each, with a common `run`.

A job is created for one artifact and run once. It holds what only its kind needs; the TransferContext holds the rest.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from recording_operator.egress.dialer import Dialer
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.content.allowed_types import check_allowed_text
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.fetch import Fetch
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.verification.accept import StoredByAnotherProcess, accept_body
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import find, key_conflict

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
        return Fetch(self.source, context, dialer=self.dialer, resume=self.resume).run()


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
