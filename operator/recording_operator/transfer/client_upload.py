"""A client sends the parts itself: open the upload for it, and complete and verify it when the client has finished.

Only the client has the file. The object is therefore checked against what the store returns: the sizes of the parts,
the ETag or checksum of the whole object, and its first bytes. The bytes can be read only after the upload was
completed, so an object that is wrong is removed.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import combine_parts
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.etags import etag_of_parts
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import StoredPart
from recording_operator.transfer.content import media_types
from recording_operator.transfer.content.allowed_types import check_allowed, check_declared
from recording_operator.transfer.content.check import find_misfit
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.client import PROBE_BYTES
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.upload.open_uploads import abort_uploads
from recording_operator.transfer.upload.part_plan import MIB, PartPlan, plan_parts
from recording_operator.transfer.verification.accept import accept
from recording_operator.transfer.verification.expectations import Expectations
from recording_operator.transfer.verification.find import find, key_conflict
from recording_operator.transfer.verification.verify import SourceDigest, verify, verify_checksum

_CLIENT: Final = "the client"
_OF_UPLOAD: Final = ("source.upload.contentTypes", "Send another file, in an artifact of its own.")


class PartsMissing(Exception):  # noqa: N818 - a result, not a fault
    """The upload is open, and the client has not sent everything yet. `missing`: what, although it says so."""

    def __init__(self, *, stored_bytes: int, missing: str = "") -> None:
        super().__init__(missing)
        self.stored_bytes = stored_bytes
        self.missing = missing


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedUpload:
    """What the client says that it has sent."""

    size_bytes: int
    checksum: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientUploadJob:
    """Opens the upload, or completes it if there is a `finish`.

    `content_types` are those of the spec. `limit_bytes` is the largest size that the operator allows, `find_only` as in
    TransferOrder. `resume` is the upload that an earlier run has opened.
    """

    max_size_bytes: int
    content_types: tuple[str, ...] = ()
    finish: FinishedUpload | None = None
    limit_bytes: int | None = None
    resume: UploadState | None = None
    find_only: bool = False

    def run(self, context: TransferContext) -> StoredObject:
        """See ArtifactJob. Raises PartsMissing, too."""
        return _ClientUpload(self, context).run()


class _ClientUpload:
    """One run of the job."""

    def __init__(self, job: ClientUploadJob, context: TransferContext) -> None:
        self._job = job
        self._declared = context.obj
        self._obj = replace(context.obj, content_type=_stored_type(context.obj, job.content_types))
        self._context = replace(context, obj=self._obj)
        self._store = context.store

    def run(self) -> StoredObject:
        self._check_declared()
        found = self._found()
        if found is not None:
            return found
        if self._job.find_only:
            raise Stopped
        upload_id, plan = self._opened()
        if self._job.finish is None:
            raise PartsMissing(stored_bytes=0)
        return self._completed(self._job.finish, upload_id, plan)

    def _check_declared(self) -> None:
        """Check what is known before the client sends anything. Raises TransferError."""
        job, most_bytes = self._job, self._most_bytes
        if not self._store.capabilities.reads_back:
            message = (
                "The location stores objects in an archive storage class, where the content of an upload cannot be "
                "checked. Choose another location."
            )
            raise TransferError(Reason.INTEGRITY_UNVERIFIABLE, message)
        check_declared(self._declared)
        check_declared(replace(self._declared, allowed_types=job.content_types), listed=_OF_UPLOAD)
        if job.finish is not None and job.finish.size_bytes > most_bytes:
            message = f"The client states {job.finish.size_bytes} bytes, allowed are {most_bytes}."
            raise TransferError(Reason.SOURCE_TOO_LARGE, message)

    @property
    def _most_bytes(self) -> int:
        limits = (self._job.max_size_bytes, self._job.limit_bytes, self._declared.max_size_bytes)
        return min(limit for limit in limits if limit is not None)

    # The upload

    def _opened(self) -> tuple[str, PartPlan]:
        """The open upload and its plan; a new one if there is none, or none any more.

        Raises TransferError(StoreUploadLost) if the one that the client has filled does not exist any more.
        """
        resume = self._job.resume
        if resume is not None and self._is_open(resume):
            return resume.upload_id, self._plan_of(resume)
        if resume is not None and self._job.finish is not None:
            raise _lost()
        plan = plan_parts(
            self._most_bytes,
            workers=1,
            smallest_bytes=self._context.options.smallest_part_bytes,
            largest_bytes=self._context.options.smallest_part_bytes,
            most_parts=self._store.capabilities.joins.most_parts,
        )
        part_size_bytes = plan.part_size_bytes
        upload_id = self._context.budget().retry(
            lambda: self._store.create_upload(self._obj, part_size_bytes=part_size_bytes, by_client=True)
        )
        state = UploadState(
            upload_id=upload_id, part_size_bytes=part_size_bytes, size_bytes=None, etag=None, last_modified=None
        )
        self._context.observer.upload_created(state)
        return upload_id, self._plan_of(state)

    def _is_open(self, state: UploadState) -> bool:
        """Whether the store has the upload. What the status says of it may have been edited there."""
        smallest_bytes = min(self._context.options.smallest_part_bytes, 5 * MIB)
        if not self._plan_of(state).is_legal(smallest_bytes=smallest_bytes):
            return False
        try:
            self._list_parts(state.upload_id)
        except TransferError as error:
            if error.reason is Reason.STORE_UPLOAD_LOST:
                return False
            raise
        return True

    def _list_parts(self, upload_id: str) -> Sequence[StoredPart]:
        return self._context.budget().retry(lambda: self._store.list_parts(self._obj.key, upload_id))

    def _plan_of(self, state: UploadState) -> PartPlan:
        finish, most_parts = self._job.finish, self._store.capabilities.joins.most_parts
        size_bytes = finish.size_bytes if finish is not None else self._most_bytes
        return PartPlan(part_size_bytes=state.part_size_bytes, size_bytes=size_bytes, most_parts=most_parts)

    def _completed(self, finish: FinishedUpload, upload_id: str, plan: PartPlan) -> StoredObject:
        parts, expected, size_bytes = self._list_parts(upload_id), _expected(finish), finish.size_bytes
        _check_parts(parts, plan)
        crc = _combined(parts)
        if crc is not None and expected.checksum is not None and expected.checksum.combines:
            expected.check_read(size_bytes=size_bytes, crc64nvme=crc, digest=None)
        digest = SourceDigest(
            size_bytes=size_bytes, crc64nvme=crc, etag=lambda: etag_of_parts(list(parts)), by_client=True
        )
        complete = partial(self._store.complete, self._obj, upload_id, parts, size_bytes=size_bytes, crc64nvme=None)
        try:
            accepted = accept(complete, digest, self._context)
        except TransferError as error:
            raise _lost() if error.reason is Reason.STORE_UPLOAD_LOST else error from None
        self._context.observer.progress(sent_bytes=size_bytes, total_bytes=size_bytes)
        return self._judged(accepted.stored, expected)

    # The object

    def _found(self) -> StoredObject | None:
        """The object, if an earlier run has completed the upload and may not have judged it."""
        finish = self._job.finish
        if finish is None:
            if self._context.budget().retry(lambda: self._store.head(self._obj.key)) is not None:
                raise key_conflict("An object is at the key, although no client has finished an upload")
            return None
        found = find(self._context, Expectations(size_bytes=finish.size_bytes, checksum=None))
        if found is not None and found.verified_by is None:
            digest = SourceDigest(size_bytes=finish.size_bytes, crc64nvme=None, etag=lambda: None, by_client=True)
            verified = self._context.budget().retry(partial(verify, found, digest, self._context))
            if verified is None:
                raise key_conflict("The object at the key cannot be read as the store describes it")
            found = verified
        return None if found is None else self._judged(found, _expected(finish))

    def _judged(self, stored: StoredObject, expected: Expectations) -> StoredObject:
        """The object, if it is what the spec wants. Otherwise it is removed. Raises TransferError and Stopped."""
        try:
            self._check_content(stored)
            judged = self._with_checksum(stored, expected)
        except TransferError as error:
            if error.reason in {Reason.UNEXPECTED_CONTENT, Reason.CHECKSUM_MISMATCH}:
                raise self._removed(stored, error) from None
            raise
        with suppress(TransferError):  # the sweep aborts it otherwise
            abort_uploads(self._obj.key, store=self._store, upload_id=None)
        return judged

    def _removed(self, stored: StoredObject, error: TransferError) -> TransferError:
        """Remove exactly this version. If that fails for now, the object is judged again later."""
        try:
            self._context.budget().retry(
                lambda: self._store.delete(
                    stored.key, version_id=stored.version_id, recording_uid=self._obj.recording_uid
                )
            )
        except TransferError as kept:
            if kept.reason is not Reason.RETENTION_IN_FORCE:
                return kept
            return TransferError(error.reason, f"{error.message} It is under retention, so it stays in the store.")
        return TransferError(error.reason, f"{error.message} It was removed.")

    def _with_checksum(self, stored: StoredObject, expected: Expectations) -> StoredObject:
        if expected.checksum is None:
            return stored
        verified = self._context.budget().retry(partial(verify_checksum, stored, expected.checksum, self._context))
        if verified is None:
            raise TransferError(
                Reason.CHECKSUM_MISMATCH, "The object does not have the checksum in source.upload.finish."
            )
        if expected.checksum.combines and verified.verified_by is Reason.ETAG_MD5:
            verified = replace(verified, verified_by=Reason.FULL_OBJECT_CRC64NVME)
        return expected.mark(verified)

    def _check_content(self, stored: StoredObject) -> None:
        head = self._context.budget().retry(lambda: self._first_bytes(stored))
        facts = ContentFacts(
            host=_CLIENT,
            size_bytes=stored.size_bytes,
            etag=None,
            last_modified=None,
            ranges=False,
            ends_visibly=True,
            content_type=None,
            head=head,
        )
        misfit = find_misfit(facts, self._declared)
        if misfit is not None:
            raise TransferError(
                Reason.UNEXPECTED_CONTENT,
                f"The client has sent {misfit.seen}, expected {misfit.expected}. If that is intended, {misfit.hint}.",
            )
        check_allowed(facts, self._declared)
        check_allowed(facts, replace(self._declared, allowed_types=self._job.content_types), listed=_OF_UPLOAD)

    def _first_bytes(self, stored: StoredObject) -> bytes:
        return b"".join(self._store.read(stored, span=(0, min(PROBE_BYTES, stored.size_bytes))))


def _lost() -> TransferError:
    """The client does not send the file again by itself."""
    message = (
        "The upload that the client had filled does not exist in the store any more, and neither does its object. "
        "Change spec.retryToken to open a new upload, and send the file again."
    )
    return TransferError(Reason.STORE_UPLOAD_LOST, message, is_final=True)


def _expected(finish: FinishedUpload) -> Expectations:
    return Expectations.parse(size_bytes=finish.size_bytes, checksum=finish.checksum)


def _stored_type(obj: ObjectSpec, content_types: Sequence[str]) -> str:
    """The media type of the object, which the store wants before there is a byte."""
    only = content_types[0] if len(content_types) == 1 and not content_types[0].endswith("/*") else None
    return obj.content_type or media_types.kept_type(only)


def _check_parts(parts: Sequence[StoredPart], plan: PartPlan) -> None:
    """Raises PartsMissing if some are not there (yet), TransferError if there are bytes that do not belong there."""
    count, size_bytes = plan.count or 0, plan.size_bytes or 0
    if any(part.part_number > count or part.size_bytes > plan.length(part.part_number) for part in parts):
        total = sum(part.size_bytes for part in parts)
        raise TransferError(
            Reason.SIZE_MISMATCH,
            f"The client has sent {len(parts)} parts with {total} bytes. Expected are the {size_bytes} bytes in "
            f"source.upload.finish, in {count} parts of {plan.part_size_bytes} bytes, of which only the last is "
            "smaller.",
        )
    right = [part for part in parts if plan.fits(part.part_number, part.size_bytes)]
    if len(right) < count:
        missing = f"{count - len(right)} of {count} parts are missing or incomplete"
        raise PartsMissing(stored_bytes=sum(part.size_bytes for part in right), missing=missing)


def _combined(parts: Sequence[StoredPart]) -> int | None:
    """The checksum of the whole, if the store knows that of every part."""
    if any(part.crc64nvme is None for part in parts):
        return None
    return combine_parts((part.crc64nvme or 0, part.size_bytes) for part in parts)
