"""The state of one multipart upload: which parts are stored, and how a part is sent."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import combine_parts
from recording_operator.errors import TransferError
from recording_operator.stores.etags import etag_of_parts
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import BodyAborted, PartBody, Store, StoredPart, WriteReceipt
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.validators import Pin, kept_pin
from recording_operator.transfer.upload.part_plan import PartPlan
from recording_operator.transfer.verification.verify import SourceDigest

# Attempts for a part whose checksum is wrong in the store (fault T8).
_SENDS_PER_PART: Final = 3


class UploadSession:
    """The open upload of one object under one plan.

    `stored` maps part numbers to verified parts. `listed` contains parts that are in the store but not verified,
    because they may have been truncated when an earlier process ended: each is compared with the bytes of the source
    and sent again if it differs. `pin` is the strong validator of the content from which all parts were read, if there
    is one. `on_stored` is called with the size of each part that was sent and confirmed.
    """

    def __init__(
        self, context: TransferContext, *, plan: PartPlan, pin: Pin | None, on_stored: Callable[[int], None]
    ) -> None:
        self._context = context
        self._store = context.store
        self._on_stored = on_stored
        self.plan = plan
        self.pin = pin
        self.upload_id: str | None = None
        self.stored: dict[int, StoredPart] = {}
        self.listed: dict[int, StoredPart] = {}
        # Parts that are in the store with a wrong checksum.
        self.arrived_wrong: set[int] = set()

    def create(self) -> str:
        """Create the upload if there is none, wait until its state is persisted, and return its id."""
        if self.upload_id is None:
            obj, part_size = self._context.obj, self.plan.part_size_bytes
            self.upload_id = self._context.budget().retry(
                lambda: self._store.create_upload(obj, part_size_bytes=part_size)
            )
            self._report()
        return self.upload_id

    def unpin(self) -> None:
        """Persist that the parts have no common validator, before parts without it are added."""
        if self.pin is not None:
            self.pin = None
            self._report()

    def resume(self, kept: UploadState) -> None:
        """Continue an open upload. A listed part is used if it fits the plan and can be verified.

        Raises TransferError(StoreUploadLost) if the upload does not exist in the store.
        """
        upload_id = kept.upload_id
        parts = self._context.budget().retry(lambda: self._store.list_parts(self._context.obj.key, upload_id))
        self.upload_id = upload_id
        self.pin = kept_pin(etag=kept.etag, last_modified=kept.last_modified)
        able = self._store.capabilities
        known = {
            part.part_number: part
            for part in parts
            if self.plan.fits(part.part_number, part.size_bytes) and (part.crc64nvme is not None or able.md5_etags)
        }
        if able.listing_verifies_parts:
            self.stored = {number: part for number, part in known.items() if part.crc64nvme is not None}
        else:
            self.listed = known

    @property
    def stored_bytes(self) -> int:
        """Bytes in verified parts."""
        return sum(part.size_bytes for part in self.stored.values())

    @property
    def parts(self) -> list[StoredPart]:
        """The stored parts in order."""
        return [part for _, part in sorted(self.stored.items())]

    @property
    def crc64nvme(self) -> int:
        """The checksum of the joined parts. Call it when every part is stored."""
        return combine_parts((part.crc64nvme or 0, part.size_bytes) for part in self.parts)

    def digest(self, *, size_bytes: int) -> SourceDigest:
        """Size and checksums of the source's bytes. Call it when every part is stored."""
        parts = self.parts
        return SourceDigest(size_bytes=size_bytes, crc64nvme=self.crc64nvme, etag=lambda: etag_of_parts(parts))

    def complete(self, *, size_bytes: int, crc64nvme: int) -> WriteReceipt:
        """Complete the upload. Do not rely on the response alone: see `verification.accept`."""
        return self._store.complete(
            self._context.obj,
            self.create(),
            self.parts,
            size_bytes=size_bytes,
            crc64nvme=crc64nvme,
        )

    def send(self, part_number: int, new_body: Callable[[], PartBody]) -> None:
        """Upload one part, with retries. `new_body` is called for each attempt. Raises what reading the body raises."""
        upload_id = self.create()
        budget = self._context.budget()
        mismatches = 0
        while part_number not in self.stored:
            try:
                self.stored[part_number] = self._send_once(upload_id, part_number, new_body())
            except TransferError as error:
                if error.reason is Reason.STORE_INTEGRITY:
                    self.arrived_wrong.add(part_number)
                    mismatches += 1
                    if mismatches == _SENDS_PER_PART:
                        raise
                elif error.reason is Reason.STORE_UNAVAILABLE:
                    budget.spend(error)
                else:
                    raise
        self.arrived_wrong.discard(part_number)

    def copy(self, part_number: int, *, source: Store, stored: StoredObject) -> None:
        """Let the store copy one part from an object, with retries. Raises TransferError and Stopped."""
        upload_id, start = self.create(), self.plan.offset(part_number)
        span = (start, start + self.plan.length(part_number))
        part = self._context.budget().retry(
            lambda: self._store.copy_part(
                self._context.obj.key, upload_id, part_number=part_number, source=source, stored=stored, span=span
            )
        )
        self.stored[part_number] = part
        self._on_stored(part.size_bytes)

    def trust_listed(self) -> None:
        """Use the listed parts as they are: only the store has copied them, and the whole object is verified."""
        self.stored, self.listed = {**self.listed, **self.stored}, {}

    def abort(self) -> None:
        """Abort the open upload. If that fails, the next sweep aborts it."""
        if self.upload_id is not None:
            self.drop(self.upload_id)
            self.upload_id, self.stored, self.listed = None, {}, {}

    def drop(self, upload_id: str) -> None:
        """Abort an upload that cannot be used. If that fails, the next sweep aborts it."""
        with suppress(TransferError):
            self._store.abort(self._context.obj.key, upload_id)

    def _report(self) -> None:
        if self.upload_id is not None:
            self._context.observer.upload_created(
                UploadState(
                    upload_id=self.upload_id,
                    part_size_bytes=self.plan.part_size_bytes,
                    size_bytes=self.plan.size_bytes,
                    etag=self.pin.etag if self.pin else None,
                    last_modified=self.pin.last_modified if self.pin else None,
                )
            )

    def _send_once(self, upload_id: str, part_number: int, body: PartBody) -> StoredPart:
        try:
            if (same := self._same_as_listed(part_number, body)) is not None:
                return same
            if body.tell():
                body.seek(0)
            part = self._store.upload_part(self._context.obj.key, upload_id, part_number=part_number, body=body)
            part = _checked(part, body)
        except BodyAborted as aborted:
            body.seek(0)  # subtract the progress of bytes that did not arrive
            raise aborted.error from None
        except TransferError:
            body.seek(0)
            raise
        self._on_stored(len(body))
        return part

    def _same_as_listed(self, part_number: int, body: PartBody) -> StoredPart | None:
        """The listed part if it equals `body`, which is read to the end. Each listed part is compared once."""
        part = self.listed.pop(part_number, None)
        if part is None:
            return None
        by_md5 = self._store.capabilities.md5_etags
        md5 = hashlib.md5(usedforsecurity=False)
        while window := body.read():
            if by_md5:
                md5.update(window)
        same = part.crc64nvme in (None, body.crc64nvme) and (not by_md5 or part.etag == md5.hexdigest())
        return replace(part, crc64nvme=body.crc64nvme) if same else None


def _checked(part: StoredPart, body: PartBody) -> StoredPart:
    """Verify a part that was sent. Raises TransferError if the store read only some of it, or its checksum differs."""
    if body.tell() != len(body):
        raise TransferError(Reason.STORE_UNAVAILABLE, "The store responded before it had received the whole part.")
    if part.crc64nvme not in (None, body.crc64nvme):
        raise TransferError(Reason.STORE_INTEGRITY, "The bytes in the store differ from those sent.")
    return replace(part, size_bytes=len(body), crc64nvme=body.crc64nvme)
