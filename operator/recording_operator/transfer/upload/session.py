"""One multipart upload while a process works on it: what is in the store, and how a part gets there."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import combine_parts
from recording_operator.errors import TransferError
from recording_operator.stores.etags import etag_of_parts
from recording_operator.stores.store import BodyAborted, PartBody, StoredPart, WriteReceipt
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.observer import UploadState
from recording_operator.transfer.source.validators import Pin, kept_pin
from recording_operator.transfer.upload.part_plan import PartPlan
from recording_operator.transfer.verification.verify import SourceDigest

# A part that arrives wrong is read and sent again this often in all (fault T8).
_SENDS_PER_PART: Final = 3


class UploadSession:
    """The open upload of one object under one plan.

    `stored` maps part numbers to what the store holds and was verified; `listed` to what it holds and may have been cut
    when an earlier process ended: that is compared with the source's bytes and sent again where it differs. `pin` is
    the strong validator of the content that all of its parts were read from, if there is one. `on_stored` hears of the
    bytes of each part that was sent and confirmed.
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
        # Parts that the store is known to hold with other bytes than it was sent.
        self.arrived_wrong: set[int] = set()

    def create(self) -> str:
        """Open the upload if there is none, have its state persisted, and return its id."""
        if self.upload_id is None:
            self.upload_id = self._context.budget().retry(lambda: self._store.create_upload(self._context.obj))
            self._report()
        return self.upload_id

    def unpin(self) -> None:
        """Have it persisted that no validator vouches for the parts any more, before others are added."""
        if self.pin is not None:
            self.pin = None
            self._report()

    def resume(self, kept: UploadState) -> None:
        """Go on with an open upload: a listed part counts if it fits the plan and shows something to know it by.

        Raises TransferError(StoreUploadLost) where the store does not know it.
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
        """Bytes in parts that count."""
        return sum(part.size_bytes for part in self.stored.values())

    @property
    def parts(self) -> list[StoredPart]:
        """The stored parts in order."""
        return [part for _, part in sorted(self.stored.items())]

    def digest(self, *, size_bytes: int) -> SourceDigest:
        """What is known of the source's bytes, once every part is stored."""
        parts = self.parts
        crc = combine_parts((part.crc64nvme or 0, part.size_bytes) for part in parts)
        return SourceDigest(size_bytes=size_bytes, crc64nvme=crc, etag=lambda: etag_of_parts(parts))

    def complete(self, digest: SourceDigest) -> WriteReceipt:
        """Join the parts. The response is not enough: see `verification.accept`."""
        return self._store.complete(
            self._context.obj,
            self.create(),
            self.parts,
            size_bytes=digest.size_bytes,
            crc64nvme=digest.crc64nvme,
        )

    def send(self, part_number: int, new_body: Callable[[], PartBody]) -> None:
        """Bring one part into the store. `new_body` is called for each try. Raises what reading the body raises."""
        upload_id = self.create()
        budget = self._context.budget()
        wrong = 0
        while part_number not in self.stored:
            try:
                self.stored[part_number] = self._send_once(upload_id, part_number, new_body())
            except TransferError as error:
                if error.reason is Reason.STORE_INTEGRITY:
                    self.arrived_wrong.add(part_number)
                    wrong += 1
                    if wrong == _SENDS_PER_PART:
                        raise
                elif error.reason is Reason.STORE_UNAVAILABLE:
                    budget.spend(error)
                else:
                    raise
        self.arrived_wrong.discard(part_number)

    def abort(self) -> None:
        """Drop the open upload and its parts; if that fails, the next sweep finds it."""
        if self.upload_id is not None:
            self.drop(self.upload_id)
            self.upload_id, self.stored, self.listed = None, {}, {}

    def drop(self, upload_id: str) -> None:
        """Abort an upload that is of no use any more; if that fails, the next sweep finds it."""
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
            body.seek(0)  # what was handed out did not arrive
            raise aborted.error from None
        except TransferError:
            body.seek(0)
            raise
        self._on_stored(len(body))
        return part

    def _same_as_listed(self, part_number: int, body: PartBody) -> StoredPart | None:
        """The listed part if it has the bytes of `body`, which is read to its end; each is compared once."""
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
    """The part as it was sent. Raises TransferError where the store took less of it, or says that it holds others."""
    if body.tell() != len(body):
        raise TransferError(Reason.STORE_UNAVAILABLE, "The store responded before it had the whole part.")
    if part.crc64nvme not in (None, body.crc64nvme):
        raise TransferError(Reason.STORE_INTEGRITY, "The store has other bytes than were sent.")
    return replace(part, size_bytes=len(body), crc64nvme=body.crc64nvme)
