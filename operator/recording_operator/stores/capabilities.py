"""What a store was seen to do, and what follows from it for the way in which objects are stored and verified."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason

# Objects of these classes must be restored before they can be read (InvalidObjectState).
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
ARCHIVED_CLASSES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """What the store was seen to do with an object that it joined of several parts.

    `checksums`: it computes the right CRC64NVME of it. `etags`: its ETag is the MD5 of the parts' MD5s.
    `unequal_parts`: parts may differ in size. `ten_thousand_parts`: as many as in S3; else it is a thousand.
    """

    checksums: bool = True
    etags: bool = True
    unequal_parts: bool = True
    ten_thousand_parts: bool = True

    @classmethod
    def of_status(cls, status: Mapping[str, bool]) -> "Joins | None":
        """Parse the value that an earlier process wrote; None without one."""
        names = ("joinedChecksums", "joinedETags", "unequalParts", "tenThousandParts")
        if any(name not in status for name in names):
            return None
        checksums, etags, unequal, many = (status[name] for name in names)
        return cls(checksums=checksums, etags=etags, unequal_parts=unequal, ten_thousand_parts=many)

    @property
    def most_parts(self) -> int:
        """How many parts an object may have."""
        return 10_000 if self.ten_thousand_parts else 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the probe found.

    `found_out` is False before the first probe: then AWS S3 is assumed, and a key is checked before it is written.
    `request_checksums`: Put, Create and Complete take CRC64NVME. `checksum_trailers`: a part may carry its CRC64NVME
    behind its bytes, and a wrong one is refused. `part_checksums`: UploadPart and ListParts show the CRC64NVME that the
    store computed. `full_object_checksums`: HEAD shows that of the whole object. `refuses_wrong_checksums`: no object
    comes to be under a sum that is not its own. `md5_etags`: the ETag of a part is its MD5 and that of a joined object
    is the MD5 of its parts' MD5s. `reads_back`: a stored object can be read at once, which is not so in the archive
    classes. `joins`: what becomes of several parts; it is tried once for each spec, for it needs 10 MiB.
    """

    conditional_writes: bool = True
    request_checksums: bool = True
    checksum_trailers: bool = True
    part_checksums: bool = True
    full_object_checksums: bool = True
    refuses_wrong_checksums: bool = True
    md5_etags: bool = True
    versioning: bool = True
    reads_back: bool = True
    joins: Joins = Joins()
    found_out: bool = True

    @property
    def verified_by(self) -> Reason:
        """How a stored object is verified: the strongest way that the store supports."""
        if self.full_object_checksums:
            return Reason.FULL_OBJECT_CRC64NVME
        return Reason.ETAG_MD5 if self.md5_etags else Reason.READ_BACK

    @property
    def listing_verifies_parts(self) -> bool:
        """Whether a listed part arrived as it was sent. Otherwise it may be one that was cut, and is compared again."""
        return self.checksum_trailers and self.part_checksums

    @property
    def existence_verifies_object(self) -> bool:
        """Whether an object of ours can only have come to be with the bytes that were read from the source."""
        return self.full_object_checksums and self.refuses_wrong_checksums

    @property
    def may_write_unseen(self) -> bool:
        """Whether a write fails if a foreign object is at the key."""
        return self.found_out and self.conditional_writes

    def without_sums(self) -> "Capabilities":
        """The same store without the use of its checksums."""
        return replace(
            self,
            request_checksums=False,
            checksum_trailers=False,
            part_checksums=False,
            full_object_checksums=False,
            refuses_wrong_checksums=False,
        )

    def limited_to(self, joins: Joins) -> "Capabilities":
        """The same store, with what is known of its joins."""
        able = self if joins.checksums else self.without_sums()
        return replace(able, joins=joins, md5_etags=able.md5_etags and joins.etags)

    def as_status(self) -> dict[str, bool]:
        """As `status.capabilities` writes it."""
        return {
            "conditionalWrites": self.conditional_writes,
            "fullObjectChecksums": self.full_object_checksums,
            "partChecksums": self.part_checksums,
            "checksumTrailers": self.checksum_trailers,
            "md5ETags": self.md5_etags,
            "versioning": self.versioning,
            "readBack": self.reads_back,
            "joinedChecksums": self.joins.checksums,
            "joinedETags": self.joins.etags,
            "unequalParts": self.joins.unequal_parts,
            "tenThousandParts": self.joins.ten_thousand_parts,
        }


UNKNOWN: Final = Capabilities(md5_etags=False, found_out=False)
"""For a store that was not probed. If it returns no checksum, objects are read back."""
