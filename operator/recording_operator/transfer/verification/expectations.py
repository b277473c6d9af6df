"""What the spec says about the bytes, proved at the earliest moment at which it can be proved."""

from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import Expected, InOrderDigest, to_text
from recording_operator.errors import TransferError
from recording_operator.stopping import StopSignal
from recording_operator.stores.objects import ObjectSpec, StoredObject
from recording_operator.stores.store import Store
from recording_operator.transfer.integrity import READS, read_back
from recording_operator.transfer.limits.bandwidth import Flow
from recording_operator.transfer.source.client import PROBE_BYTES
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.spec import SourceSpec
from recording_operator.transfer.upload.commit import Settled, key_conflict, remove_wrong

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

    def check_facts(self, facts: ContentFacts) -> None:
        """What is wrong before a byte moves. Raises TransferError (SizeMismatch, IntegrityUnverifiable)."""
        if facts.size_bytes is not None:
            self.check_size(facts.size_bytes)
        elif not facts.ends_visibly and self.size_bytes is None and self.checksum is None:
            raise TransferError(
                Reason.INTEGRITY_UNVERIFIABLE,
                f"{facts.host} states no length and ends by closing the connection, so a cut would not show. "
                "Give source.size or source.checksum.",
            )

    def bounded(self, facts: ContentFacts) -> ContentFacts:
        """The facts with a size, where only the connection's end ended the first response and the spec can judge it."""
        size_bytes = len(facts.head)
        ended = facts.size_bytes is None and not facts.ends_visibly and size_bytes < PROBE_BYTES
        judged = self.size_bytes == size_bytes or (self.size_bytes is None and self.checksum is not None)
        return replace(facts, size_bytes=size_bytes) if ended and judged else facts

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

    def prove_existing(self, stored: StoredObject, *, store: Store, stop: StopSignal, flow: Flow) -> StoredObject:
        """An object of ours that was there before, with what can be proved of it without the source.

        `proof` is None where that is nothing. The object is read back where only that shows whether it has the spec's
        checksum. Raises TransferError (StoreKeyConflict where it is not what the spec says; it stays) and Stopped.
        """
        if self.size_bytes not in (None, stored.size_bytes):
            raise key_conflict(f"The object at the key has {stored.size_bytes} bytes, the spec says {self.size_bytes}")
        if stored.proof is None and stored.checksum and store.capabilities.existence_proves_object:
            stored = replace(stored, proof=Reason.FULL_OBJECT_CRC64NVME)
        if self.checksum is None:
            return stored
        checked = self._checked(stored, self.checksum, store=store, stop=stop, flow=flow)
        if checked is None:
            raise key_conflict("The object at the key does not have the checksum in the spec")
        return self.noted(checked)

    def prove_stored(
        self, settled: Settled, *, store: Store, obj: ObjectSpec, stop: StopSignal, flow: Flow
    ) -> StoredObject:
        """The object that was just stored, proved to have the spec's checksum.

        One that has not is removed, exactly this version, if this attempt wrote it. Raises TransferError
        (ChecksumMismatch) and Stopped.
        """
        if self.checksum is None:
            return settled.stored
        checked = self._checked(settled.stored, self.checksum, store=store, stop=stop, flow=flow)
        if checked is not None:
            return self.noted(checked)
        if not settled.written:
            raise key_conflict(f"{_MISMATCH}, and an object with the same bytes is at the key")
        remove_wrong(settled.stored, store=store, obj=obj)
        raise TransferError(Reason.CHECKSUM_MISMATCH, f"{_MISMATCH}; the object was removed.")

    def noted(self, stored: StoredObject) -> StoredObject:
        """The object, marked as proved to have the spec's checksum."""
        return stored if self.checksum is None else replace(stored, proved_checksum=self.checksum.algorithm)

    @staticmethod
    def _checked(
        stored: StoredObject, expected: Expected, *, store: Store, stop: StopSignal, flow: Flow
    ) -> StoredObject | None:
        """The object, if it has the expected checksum; only its bytes show that it has not."""
        if expected.combines and stored.proof is not None and stored.checksum == f"crc64nvme:{expected.hex}":
            return stored
        if not store.capabilities.reads_back:
            raise TransferError(
                Reason.INTEGRITY_UNVERIFIABLE,
                "An object of this artifact is in the store already, in an archive class. Only reading it back could "
                f"compare its {expected.algorithm}. Restore the object and compare it by hand, or remove "
                "source.checksum, or give it as crc64nvme.",
            )
        for _ in range(READS):
            digest = None if expected.combines else expected.digest()
            crc, size_bytes = read_back(stored, store=store, stop=stop, flow=flow, digest=digest)
            right = expected.matches_crc64nvme(crc) if digest is None else digest.hexdigest() == expected.hex
            if right and size_bytes == stored.size_bytes:
                shown = stored.proof is not None and stored.checksum == to_text(crc)
                return stored if shown else replace(stored, checksum=to_text(crc), proof=Reason.READ_BACK)
            if stored.checksum == to_text(crc):
                break  # what was read is what the store keeps
        return None
