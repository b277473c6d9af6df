"""The expected size and checksum of the spec, which are checked as early as possible."""

from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason
from recording_operator.checksums import ExpectedChecksum, InOrderDigest
from recording_operator.errors import TransferError
from recording_operator.stores.objects import StoredObject
from recording_operator.transfer.source.client import PROBE_BYTES
from recording_operator.transfer.source.content_facts import ContentFacts
from recording_operator.transfer.source.spec import SourceSpec

MISMATCH: Final = "The bytes do not have the checksum in the spec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """Size and checksum of the spec; None if not set."""

    size_bytes: int | None
    checksum: ExpectedChecksum | None

    @classmethod
    def of(cls, source: SourceSpec) -> "Expectations":
        """The expectations of a source's spec. Raises the same errors as `parse`."""
        return cls.parse(size_bytes=source.expected_size_bytes, checksum=source.expected_checksum)

    @classmethod
    def parse(cls, *, size_bytes: int | None, checksum: str | None) -> "Expectations":
        """Raises TransferError(SourceInvalid) for a checksum that cannot be read."""
        try:
            return cls(size_bytes=size_bytes, checksum=ExpectedChecksum(checksum) if checksum else None)
        except ValueError as error:
            raise TransferError(Reason.SOURCE_INVALID, f"source.checksum: {error}.") from None

    def digest(self) -> InOrderDigest | None:
        """A digest that needs the bytes in order, if the checksum cannot be combined from those of parts."""
        return None if self.checksum is None or self.checksum.combines else InOrderDigest(self.checksum)

    def check_facts(self, facts: ContentFacts) -> None:
        """Check the first response, before anything is uploaded.

        Raises TransferError (SizeMismatch, IntegrityUnverifiable).
        """
        if facts.size_bytes is not None:
            self.check_size(facts.size_bytes)
        elif not facts.ends_visibly and self.size_bytes is None and self.checksum is None:
            raise TransferError(
                Reason.INTEGRITY_UNVERIFIABLE,
                f"{facts.host} states no length and ends by closing the connection, so a truncated response "
                "would look complete. Set source.size or source.checksum.",
            )

    def bounded(self, facts: ContentFacts) -> ContentFacts:
        """The facts with a known size, if the first response ended with the connection and the spec can verify it."""
        size_bytes = len(facts.head)
        ended = facts.size_bytes is None and not facts.ends_visibly and size_bytes < PROBE_BYTES
        judged = self.size_bytes == size_bytes or (self.size_bytes is None and self.checksum is not None)
        return replace(facts, size_bytes=size_bytes) if ended and judged else facts

    def check_size(self, size_bytes: int) -> None:
        """Raises TransferError(SizeMismatch)."""
        if self.size_bytes not in (None, size_bytes):
            raise TransferError(
                Reason.SIZE_MISMATCH, f"The source has {size_bytes} bytes, the spec expects {self.size_bytes}."
            )

    def check_read(self, *, size_bytes: int, crc64nvme: int, digest: InOrderDigest | None) -> bool:
        """Compare the bytes read, before the object is created. False if the stored object must be read back for that.

        Raises TransferError (SizeMismatch, ChecksumMismatch).
        """
        self.check_size(size_bytes)
        if self.checksum is None:
            return True
        if self.checksum.combines:
            right = self.checksum.matches_crc64nvme(crc64nvme)
        elif digest is None or not digest.complete(size_bytes):
            return False
        else:
            right = digest.matches(size_bytes)
        if not right:
            raise TransferError(Reason.CHECKSUM_MISMATCH, f"{MISMATCH}; nothing was stored.")
        return True

    def mark(self, stored: StoredObject) -> StoredObject:
        """The object, marked as verified to have the spec's checksum."""
        return stored if self.checksum is None else replace(stored, proved_checksum=self.checksum.algorithm)
