"""One multipart upload while a process works on it: what is in the store, and how a part gets there."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import combine_parts
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.stores.objects import ObjectSpec
from recording_operator.stores.store import PartBody, Store, StoredPart
from recording_operator.transfer.observer import TransferObserver, UploadState
from recording_operator.transfer.options import TransferOptions
from recording_operator.transfer.retry_budget import RetryBudget
from recording_operator.transfer.source.validators import Pin, kept_pin
from recording_operator.transfer.upload.part_plan import PartPlan

# A part that arrives wrong is read and sent again this often in all (fault T8).
_SENDS_PER_PART: Final = 3


class UploadSession:
    """The open upload of one object under one plan.

    `stored` maps part numbers to what the store holds and was proved; `listed` to what it holds and may have been cut
    when an earlier process ended: that is compared with the source's bytes and sent again where it differs. `pin` is
    the strong validator of the content that all of its parts were read from, if there is one.
    """

    def __init__(
        self,
        *,
        store: Store,
        obj: ObjectSpec,
        plan: PartPlan,
        pin: Pin | None,
        options: TransferOptions,
        stop: StopSignal,
        observer: TransferObserver,
    ) -> None:
        self.store = store
        self.obj = obj
        self.plan = plan
        self.options = options
        self.stop = stop
        self.upload_id: str | None = None
        self.stored: dict[int, StoredPart] = {}
        self.listed: dict[int, StoredPart] = {}
        # Parts that the store is known to hold with other bytes than it was sent.
        self.arrived_wrong: set[int] = set()
        self.pin = pin
        self._observer = observer

    @property
    def state(self) -> UploadState | None:
        """What a later process needs to go on, if the upload is open."""
        if self.upload_id is None:
            return None
        return UploadState(
            upload_id=self.upload_id,
            part_size_bytes=self.plan.part_size_bytes,
            size_bytes=self.plan.size_bytes,
            etag=self.pin.etag if self.pin else None,
            last_modified=self.pin.last_modified if self.pin else None,
        )

    def create(self) -> str:
        """Open the upload if there is none, have its state persisted, and return its id."""
        if self.upload_id is None:
            self.upload_id = self._budget().retry(lambda: self.store.create_upload(self.obj))
            self._report()
        return self.upload_id

    def unpin(self) -> None:
        """Have it persisted that no validator vouches for the parts any more, before others are added."""
        if self.pin is not None:
            self.pin = None
            self._report()

    def _report(self) -> None:
        if (state := self.state) is not None:
            self._observer.upload_created(state)

    def resume(self, kept: UploadState) -> None:
        """Go on with an open upload: a listed part counts if it fits the plan and shows something to know it by.

        Raises TransferError(StoreUploadLost) where the store does not know it.
        """
        upload_id = kept.upload_id
        parts = self._budget().retry(lambda: self.store.list_parts(self.obj.key, upload_id))
        self.upload_id = upload_id
        self.pin = kept_pin(etag=kept.etag, last_modified=kept.last_modified)
        able = self.store.capabilities
        known = {
            part.part_number: part
            for part in parts
            if self.plan.fits(part.part_number, part.size_bytes) and (part.crc64nvme is not None or able.md5_etags)
        }
        if able.listing_proves_parts:
            self.stored = {number: part for number, part in known.items() if part.crc64nvme is not None}
        else:
            self.listed = known

    @property
    def stored_bytes(self) -> int:
        """Bytes in parts that count."""
        return sum(part.size_bytes for part in self.stored.values())

    @property
    def crc64nvme(self) -> int:
        """The sum of all parts in order."""
        return combine_parts((part.crc64nvme or 0, part.size_bytes) for _, part in sorted(self.stored.items()))

    def send(self, part_number: int, send_once: Callable[[str], StoredPart]) -> None:
        """Bring one part into the store by `send_once`, which takes the upload's id and may be called again."""
        upload_id = self.create()
        budget = self._budget()
        wrong = 0
        while part_number not in self.stored:
            try:
                self.stored[part_number] = send_once(upload_id)
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

    def _budget(self) -> RetryBudget:
        return RetryBudget(self.options, self.stop)

    def abort(self) -> None:
        """Drop the open upload and its parts; whoever sweeps later finds it if that fails."""
        if self.upload_id is not None:
            self.drop(self.upload_id)
            self.upload_id, self.stored, self.listed = None, {}, {}

    def drop(self, upload_id: str) -> None:
        """Abort an upload that is of no use any more; whoever sweeps later finds it if that fails."""
        with suppress(TransferError):
            self.store.abort(self.obj.key, upload_id)

    def same_as_listed(self, part_number: int, body: PartBody) -> StoredPart | None:
        """The listed part if it has the bytes of `body`, which is read to its end; each is compared once.

        A `BodyAborted` that `body.read` raises comes out unchanged.
        """
        part = self.listed.pop(part_number, None)
        if part is None:
            return None
        by_md5 = self.store.capabilities.md5_etags
        md5 = hashlib.md5(usedforsecurity=False)
        while window := body.read():
            if by_md5:
                md5.update(window)
        same = part.crc64nvme in (None, body.crc64nvme) and (not by_md5 or part.etag == md5.hexdigest())
        return replace(part, crc64nvme=body.crc64nvme) if same else None


def checked(part: StoredPart, *, size_bytes: int, crc64nvme: int) -> StoredPart:
    """The part as we sent it. Raises TransferError(StoreIntegrity) where the store says that it holds other bytes."""
    if part.crc64nvme not in (None, crc64nvme):
        raise TransferError(Reason.STORE_INTEGRITY, "The store holds other bytes than it was sent.")
    return replace(part, size_bytes=size_bytes, crc64nvme=crc64nvme)
