"""Transfer the content of a source into the store, exactly once, even after a crash or a lost status.

The object at the key decides, not the status: if it has the Recording's uid and the artifact's name in its metadata and
is verified, the transfer is done.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.probe import SourceProbe
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.content_source import ContentSource
from recording_operator.transfer.upload.artifact_upload import ArtifactUpload, is_small
from recording_operator.transfer.upload.in_store import InStoreSource
from recording_operator.transfer.upload.part_plan import largest_object_bytes
from recording_operator.transfer.verification.accept import StoredByAnotherProcess
from recording_operator.transfer.verification.compare import needs_its_source, verify_by_source
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import find

OpenSource = Callable[[StopSignal, Callable[[int], None]], ContentSource]
"""Opens the content of an artifact, with the signal that ends reading, and what is called with the bytes read."""


class Fetch:
    """One attempt to transfer content to a key. `resume` is the upload that an earlier attempt left open.

    `limit_bytes` is the largest allowed size, beside that of the object. `in_store`: the store of the destination may
    copy the content itself.
    """

    def __init__(
        self,
        open_source: OpenSource,
        context: TransferContext,
        *,
        expected: Expectations,
        resume: UploadState | None,
        published_at: datetime | None = None,
        limit_bytes: int | None = None,
        in_store: InStoreSource | None = None,
    ) -> None:
        self._expected = expected
        self._resume = resume
        self._published_at = published_at
        self._in_store = in_store
        self._coordinator = TransferCoordinator(context, resumes=resume is not None)
        self._context: Final = self._coordinator.context
        largest = largest_object_bytes()
        self._limit_bytes = min(limit_bytes or largest, context.obj.max_size_bytes or largest)
        self._client = open_source(self._context.stop, self._coordinator.progress.read)

    def run(self) -> StoredObject:
        """Block until the object is stored and verified. Raises the same errors as `ArtifactJob.run`."""
        try:
            return self._run()
        finally:
            self._coordinator.progress.flush()

    def _run(self) -> StoredObject:
        # An earlier upload may have completed: then the source is not needed.
        found = self._find() if self._resume is not None else None
        if found is not None and found.verified_by is not None:
            return self._coordinator.finish(found)
        probe = SourceProbe(
            self._client,
            context=self._context,
            expected=self._expected,
            limit_bytes=self._limit_bytes,
            published_at=self._published_at,
        )
        try:
            facts = probe.first()
        except TransferError as error:
            found = found or self._find()
            if found is None:
                raise
            if found.verified_by is None:
                raise needs_its_source(error) from None
            return found
        # A conditional write detects an existing object, but only after many parts were sent, and not every store has
        # conditional copies. Check the key first.
        if found is None and (self._in_store is not None or not is_small(facts, self._context.options)):
            found = self._find(facts)
        if found is not None:
            return self._compare(found, facts)
        try:
            self._admit(facts)
        except TransferError:
            # A small object that an earlier process stored was not searched for yet.
            found = self._find(facts)
            if found is None:
                raise
            return self._compare(found, facts)
        return self._coordinator.finish(self._upload(facts, probe))

    def _admit(self, facts: ContentFacts) -> None:
        """Ask for room for the content. Raises TransferError if there is none."""
        self._context.admit(facts.size_bytes if facts.size_bytes is not None else self._expected.size_bytes)

    def _upload(self, facts: ContentFacts, probe: SourceProbe) -> StoredObject:
        """Upload, and restart as often as the coordinator allows."""
        resume = self._resume
        while True:
            try:
                return self._upload_once(facts, resume)
            except TransferError as error:
                if not self._coordinator.may_restart(error):
                    raise
                failure = error
            found = self._find()
            if found is not None and isinstance(failure, StoredByAnotherProcess):
                # Another process stored it meanwhile: compare it with the source, even if the store has verified it.
                found = replace(found, verified_by=None)
            if found is not None and found.verified_by is not None:
                return found
            before = facts
            facts = probe.after_change() if failure.reason is Reason.SOURCE_CHANGED else probe.first()
            if facts.contradicts(before):
                raise _one_etag_of_two_contents(facts.host)
            if found is not None:
                return self._compare(found, facts)
            self._admit(facts)
            resume = None
            self._coordinator.abandon_upload()

    def _upload_once(self, facts: ContentFacts, resume: UploadState | None) -> StoredObject:
        upload = ArtifactUpload(
            self._client,
            facts,
            coordinator=self._coordinator,
            expected=self._expected,
            limit_bytes=self._limit_bytes,
            in_store=self._in_store,
        )
        return upload.run(resume)

    def _find(self, facts: ContentFacts | None = None) -> StoredObject | None:
        found = find(self._context, self._expected, facts)
        if found is None or found.proved_checksum is not None or self._in_store is None:
            return found
        # The store may have made the object itself, so its existence verifies nothing.
        return self._in_store.verified(found, self._context)

    def _compare(self, found: StoredObject, facts: ContentFacts) -> StoredObject:
        return verify_by_source(found, self._client, facts, context=self._context, expected=self._expected)


def _one_etag_of_two_contents(host: str) -> TransferError:
    """Final, because a later attempt would see only one of the two contents and could accept the wrong one."""
    return TransferError(
        Reason.SOURCE_CHANGED,
        f"{host} sent the same ETag with different Content-Encodings, expected a different ETag for each. Ask the "
        "provider, because a proxy may compress some responses. Then change spec.retryToken.",
    )
