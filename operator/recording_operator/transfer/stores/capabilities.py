"""What a store was seen to do, and what follows from it for the way in which objects are stored and proved."""

from dataclasses import dataclass
from typing import Final

from recording_operator.api.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the probe found.

    `found_out` is False where nobody has looked: then AWS S3 is assumed, and a key is looked at before it is written.
    `request_checksums`: Put, Create and Complete take CRC64NVME. `checksum_trailers`: a part may carry its CRC64NVME
    behind its bytes, and a wrong one is refused. `part_checksums`: UploadPart and ListParts show the CRC64NVME that the
    store computed. `full_object_checksums`: HEAD shows that of the whole object. `refuses_wrong_checksums`: no object
    comes to be under a sum that is not its own. `md5_etags`: the ETag of a part is its MD5 and that of a joined object
    is the MD5 of its parts' MD5s.
    """

    conditional_writes: bool = True
    request_checksums: bool = True
    checksum_trailers: bool = True
    part_checksums: bool = True
    full_object_checksums: bool = True
    refuses_wrong_checksums: bool = True
    md5_etags: bool = True
    versioning: bool = True
    found_out: bool = True

    @property
    def proof(self) -> Reason:
        """What a stored object is proved by: the strongest that the store supports."""
        if self.full_object_checksums:
            return Reason.FULL_OBJECT_CRC64NVME
        return Reason.ETAG_MD5 if self.md5_etags else Reason.READ_BACK

    @property
    def listing_proves_parts(self) -> bool:
        """Whether a listed part arrived as it was sent. Otherwise it may be one that was cut, and is compared again."""
        return self.checksum_trailers and self.part_checksums

    @property
    def existence_proves_object(self) -> bool:
        """Whether an object of ours can only have come to be with the bytes that were read from the source."""
        return self.full_object_checksums and self.refuses_wrong_checksums

    @property
    def may_write_unseen(self) -> bool:
        """Whether a write finds out by itself that somebody else's object is at the key."""
        return self.found_out and self.conditional_writes

    def as_status(self) -> dict[str, bool]:
        """As `status.capabilities` writes it."""
        return {
            "conditionalWrites": self.conditional_writes,
            "fullObjectChecksums": self.full_object_checksums,
            "partChecksums": self.part_checksums,
            "checksumTrailers": self.checksum_trailers,
            "md5ETags": self.md5_etags,
            "versioning": self.versioning,
        }


UNKNOWN: Final = Capabilities(md5_etags=False, found_out=False)
"""Of a store that was not probed: where it shows no checksum, objects are read back."""
