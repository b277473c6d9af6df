"""The ways in which an artifact comes into a store: one job for each, behind one call.

A job is made for one artifact, holds what only its kind needs, and is run once. What every kind needs is the context.
"""

from dataclasses import dataclass, field
from typing import Protocol

from recording_operator.egress.dialer import Dialer
from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.fetch import look_up, store_inline, transfer_source
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.spec import SourceSpec


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
        return transfer_source(
            self.source,
            context.obj,
            store=context.store,
            dialer=self.dialer,
            stop=context.stop,
            observer=context.observer,
            resume=self.resume,
            options=context.options,
            flow=context.flow,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineJob:
    """Store a small text of the spec."""

    body: bytes = field(repr=False)

    def run(self, context: TransferContext) -> StoredObject:
        """As ArtifactJob."""
        return store_inline(self.body, context.obj, store=context.store)


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
        found = look_up(
            context.obj,
            size_bytes=self.expected_size_bytes,
            checksum=self.expected_checksum,
            store=context.store,
            stop=context.stop,
            flow=context.flow,
        )
        if found is None:
            raise Stopped
        return found
