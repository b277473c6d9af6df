"""The ways in which an artifact comes into a store: one job for each, behind one call.

A job is made for one artifact, holds what only its kind needs, and is run once. What every kind needs is the context.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from recording_operator.egress.dialer import Dialer
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.fetch import Fetch
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.verification.accept import StoredMeanwhile, accept_body
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import find, key_conflict

_INLINE_TYPE: Final = "text/plain; charset=utf-8"


class ArtifactJob(Protocol):
    """One way in which an artifact's object comes to be."""

    def run(self, context: TransferContext) -> StoredObject:
        """Block until the object is in the store and verified, and return it.

        Raises TransferError where this attempt failed, and Stopped. Both leave an open upload as it is: it is resumed
        later, or aborted by `abort_uploads`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchJob:
    """Bring the bytes of a URL. `resume` is what `observer.upload_created` was given last, if there was an upload."""

    source: SourceSpec
    dialer: Dialer = field(repr=False)
    resume: UploadState | None = None

    def run(self, context: TransferContext) -> StoredObject:
        """As ArtifactJob."""
        return Fetch(self.source, context, dialer=self.dialer, resume=self.resume).run()


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineJob:
    """Store a small text of the spec."""

    body: bytes = field(repr=False)

    def run(self, context: TransferContext) -> StoredObject:
        """As ArtifactJob."""
        obj = replace(context.obj, content_type=context.obj.content_type or _INLINE_TYPE)
        try:
            accepted = accept_body(self.body, replace(context, obj=obj))
        except StoredMeanwhile:
            raise key_conflict("The object at the key does not have the artifact's text") from None
        if accepted.written:
            context.observer.bytes_moved(read_bytes=0, stored_bytes=len(self.body))
        return accepted.stored


@dataclass(frozen=True, slots=True, kw_only=True)
class FindJob:
    """Move nothing: only find what an earlier process has stored.

    The size and checksum are those of the spec. Nothing is read from a source, so an object that only its source could
    verify counts as absent.
    """

    expected_size_bytes: int | None = None
    expected_checksum: str | None = None

    def run(self, context: TransferContext) -> StoredObject:
        """As ArtifactJob; raises Stopped where there is no such object."""
        expected = Expectations.parse(size_bytes=self.expected_size_bytes, checksum=self.expected_checksum)
        found = find(context, expected)
        if found is None or found.verified_by is None:
            raise Stopped
        return found
