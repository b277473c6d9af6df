"""Copies inside one store: no byte passes through this process."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from recording_operator.api.reasons import Reason
from recording_operator.errors import TransferError
from recording_operator.stopping import Stopped
from recording_operator.stores.etags import etag_of_parts
from recording_operator.stores.objects import StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.context import TransferContext
from recording_operator.transfer.coordinator import TransferCoordinator
from recording_operator.transfer.upload.session import UploadSession
from recording_operator.transfer.verification.verify import SourceDigest, how_verified


@dataclass(frozen=True, slots=True, kw_only=True)
class InStoreSource:
    """An object that the destination's store may be able to copy, with what its copy is compared with.

    That is its CRC64NVME if it is known. Otherwise it is its ETag, which is made of MD5s: of parts of
    `md5_part_bytes`, so the copy has the same parts; or of the whole object, so it is copied as a whole.
    """

    store: Store
    stored: StoredObject
    crc64nvme: int | None = None
    md5_part_bytes: int | None = None

    @classmethod
    def of(
        cls, source: Store, stored: StoredObject, *, crc64nvme: int | None, context: TransferContext
    ) -> "InStoreSource | None":
        """None if the store cannot copy the object, or nothing could verify the copy."""
        able = context.store.capabilities
        if not context.store.copies_from(source):
            return None
        if crc64nvme is not None:
            return cls(store=source, stored=stored, crc64nvme=crc64nvme)
        # The copy must get a CRC64NVME from the store.
        part_bytes = None
        if able.md5_etags and able.full_object_checksums and able.part_checksums:
            with suppress(TransferError):
                part_bytes = source.md5_part_bytes(stored)
        if part_bytes is None or part_bytes > context.options.largest_copied_part_bytes:
            return None
        return cls(store=source, stored=stored, md5_part_bytes=part_bytes)

    @property
    def digest(self) -> SourceDigest:
        """What a copy of it must be."""
        etag = self.stored.etag if self.crc64nvme is None else None
        if self.store.capabilities.md5_etags and "-" not in self.stored.etag:
            etag = self.stored.etag
        return SourceDigest(size_bytes=self.stored.size_bytes, crc64nvme=self.crc64nvme, etag=lambda: etag)

    def is_copied_whole(self, *, most_bytes: int, resumes: bool) -> bool:
        """Whether one request copies it; `most_bytes` if that is to be decided by size."""
        if self.crc64nvme is None:
            return "-" not in self.stored.etag
        return self.stored.size_bytes <= most_bytes and not resumes

    def verified(self, found: StoredObject, context: TransferContext) -> StoredObject:
        """An object at the key of the copy; `verified_by` is None unless HEAD shows that it is one."""
        verified_by = how_verified(found, self.digest, supported=context.store.capabilities)
        return replace(found, verified_by=verified_by)

    def crc64nvme_of(self, session: UploadSession) -> int:
        """The checksum of the copied parts. Raises TransferError if they are not those of the object."""
        if self.crc64nvme is not None:
            return self.crc64nvme
        parts = session.parts
        if etag_of_parts(parts) != self.stored.etag or any(part.crc64nvme is None for part in parts):
            raise TransferError(Reason.STORE_INTEGRITY, "The parts that the store has copied differ from the object's.")
        return session.crc64nvme

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
