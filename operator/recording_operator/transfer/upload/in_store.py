"""Copies inside one store: no byte passes through this process."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from recording_operator.stopping import Stopped
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.upload.session import UploadSession
from recording_operator.transfer.verification.verify import SourceDigest


@dataclass(frozen=True, slots=True, kw_only=True)
class InStoreSource:
    """An object that the destination's store may be able to copy, with the checksum of its bytes."""

    store: Store
    stored: StoredObject
    crc64nvme: int

    @property
    def digest(self) -> SourceDigest:
        """What a copy of it must be."""
        etag = self.stored.etag if self.store.capabilities.md5_etags and "-" not in self.stored.etag else None
        return SourceDigest(size_bytes=self.stored.size_bytes, crc64nvme=self.crc64nvme, etag=lambda: etag)

    def copy_parts(self, session: UploadSession, coordinator: TransferCoordinator) -> None:
        """Copy the missing parts of the session. Raises TransferError and Stopped."""
        context = coordinator.context
        missing = [number for number in range(1, (session.plan.count or 0) + 1) if number not in session.stored]

        def copy(part_number: int) -> None:
            try:
                if context.stop.is_set():
                    raise Stopped
                session.copy(part_number, source=self.store, stored=self.stored)
                coordinator.progress.moved(session.plan.length(part_number))
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                coordinator.failed(error)

        with ThreadPoolExecutor(max_workers=context.options.workers, thread_name_prefix="copy") as pool:
            for _ in pool.map(copy, missing):
                pass
        coordinator.raise_failure()
