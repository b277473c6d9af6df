"""What the spec says about the bytes, proved at the earliest moment at which it can be proved."""

from dataclasses import dataclass
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.transfer.checksums import Expected, InOrderDigest
from recording_operator.transfer.commit import remove_wrong
from recording_operator.transfer.errors import Stopped, TransferError
from recording_operator.transfer.job import ObjectSpec, SourceSpec, StopSignal, StoredObject
from recording_operator.transfer.source import SourceFacts
from recording_operator.transfer.stores.store import Store

_MISMATCH: Final = "The bytes do not have the checksum in the spec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """Size and checksum of the spec; None where it says nothing."""

    size_bytes: int | None
    checksum: Expected | None

    @classmethod
    def of(cls, source: SourceSpec) -> "Expectations":
        """Raises TransferError(SourceInvalid) for a checksum that cannot be read."""
        try:
            checksum = Expected(source.expected_checksum) if source.expected_checksum else None
        except ValueError as error:
            raise TransferError(Reason.SOURCE_INVALID, f"source.checksum: {error}.") from None
        return cls(size_bytes=source.expected_size_bytes, checksum=checksum)

    @classmethod
    def none(cls) -> "Expectations":
        """Nothing is expected."""
        return cls(size_bytes=None, checksum=None)

    def digest(self) -> InOrderDigest | None:
        """A digest to be fed in order, where the checksum does not follow from the parts' sums."""
        return None if self.checksum is None or self.checksum.combines else InOrderDigest(self.checksum)

    def check_facts(self, facts: SourceFacts) -> None:
        """What is wrong before a byte moves. Raises TransferError (SizeMismatch, IntegrityUnverifiable)."""
        if facts.size_bytes is not None:
            self.check_size(facts.size_bytes)
        elif not facts.ends_visibly and self.size_bytes is None and self.checksum is None:
            raise TransferError(
                Reason.INTEGRITY_UNVERIFIABLE,
                f"{facts.host} states no length and ends by closing the connection, so a cut would not show. "
                "Give source.size or source.checksum.",
            )

    def check_size(self, size_bytes: int) -> None:
        """Raises TransferError(SizeMismatch)."""
        if self.size_bytes not in (None, size_bytes):
            raise TransferError(
                Reason.SIZE_MISMATCH, f"The source has {size_bytes} bytes, the spec says {self.size_bytes}."
            )

    def prove_read(self, *, size_bytes: int, crc64nvme: int, digest: InOrderDigest | None) -> bool:
        """Compare what was read, before the object appears; False where the stored object must be read for that.

        Raises TransferError (SizeMismatch, ChecksumMismatch).
        """
        self.check_size(size_bytes)
        if self.checksum is None:
            return True
        if self.checksum.combines:
            if not self.checksum.matches_crc64nvme(crc64nvme):
                raise TransferError(Reason.CHECKSUM_MISMATCH, f"{_MISMATCH}; nothing was stored.")
            return True
        if digest is None or not digest.complete(size_bytes):
            return False
        if not digest.matches(size_bytes):
            raise TransferError(Reason.CHECKSUM_MISMATCH, f"{_MISMATCH}; nothing was stored.")
        return True

    def prove_stored(self, stored: StoredObject, *, store: Store, obj: ObjectSpec, stop: StopSignal) -> None:
        """Compare an object of ours in the store, reading it where its checksum is of another kind.

        An object with a wrong checksum is removed, exactly this version. Raises TransferError (SizeMismatch,
        ChecksumMismatch, TargetIntegrity) and Stopped.
        """
        if not stored.checksum:
            raise TransferError(Reason.TARGET_INTEGRITY, "The store shows no checksum of the object.")
        self.check_size(stored.size_bytes)
        if self.checksum is None:
            return
        if self.checksum.combines:
            right = stored.checksum == f"crc64nvme:{self.checksum.hex}"
        else:
            right = self._read_back(stored, self.checksum, store=store, stop=stop)
        if not right:
            remove_wrong(stored, store=store, obj=obj)
            raise TransferError(Reason.CHECKSUM_MISMATCH, f"{_MISMATCH}; the object was removed.")

    @staticmethod
    def _read_back(stored: StoredObject, checksum: Expected, *, store: Store, stop: StopSignal) -> bool:
        digest, position = InOrderDigest(checksum), 0
        for data in store.read(stored):
            if stop.is_set():
                raise Stopped
            digest.feed(position, data)
            position += len(data)
        return digest.matches(stored.size_bytes)
