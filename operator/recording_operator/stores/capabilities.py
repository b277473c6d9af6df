"""What a store supports, and how objects are therefore stored and verified."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from recording_operator.api.reasons import Reason

# Objects of these classes must be restored before they can be read (InvalidObjectState).
# Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
ARCHIVED_CLASSES: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Joins:
    """What the store supports for an object of several parts.

    `checksums`: the store computes the correct CRC64NVME of the object. `etags`: the ETag of the object is the MD5 of
    the parts' MD5s. `unequal_parts`: parts may have different sizes. `ten_thousand_parts`: an object may have 10,000
    parts, as in S3; otherwise 1,000.
    """

    checksums: bool = True
    etags: bool = True
    unequal_parts: bool = True
    ten_thousand_parts: bool = True

    @classmethod
    def of_status(cls, status: Mapping[str, bool]) -> "Joins | None":
        """Parse the result of an earlier process; None if there is none."""
        names = ("joinedChecksums", "joinedETags", "unequalParts", "tenThousandParts")
        if any(name not in status for name in names):
            return None
        checksums, etags, unequal, many = (status[name] for name in names)
        return cls(checksums=checksums, etags=etags, unequal_parts=unequal, ten_thousand_parts=many)

    @property
    def most_parts(self) -> int:
        """The maximum number of parts of an object."""
        return 10_000 if self.ten_thousand_parts else 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the probe found.

    `was_probed` is False before the first probe. Then AWS S3 is assumed, and each key is checked before it is written.

    `request_checksums`: Put, Create and Complete accept a CRC64NVME.
    `checksum_trailers`: the CRC64NVME of a part may follow its bytes, and the store rejects a wrong one.
    `part_checksums`: UploadPart and ListParts return the CRC64NVME that the store computed.
    `full_object_checksums`: HEAD returns the CRC64NVME of the whole object.
    `rejects_wrong_checksums`: the store creates no object if the checksum in the request is wrong.
    `md5_etags`: the ETag of a part is its MD5, and the ETag of a joined object is the MD5 of its parts' MD5s.
    `reads_back`: a stored object can be read immediately. Objects in archive classes cannot.
    `joins`: what the store supports for objects of several parts. Tested once for each spec, because it takes 10 MiB.
    """

    conditional_writes: bool = True
    request_checksums: bool = True
    checksum_trailers: bool = True
    part_checksums: bool = True
    full_object_checksums: bool = True
    rejects_wrong_checksums: bool = True
    md5_etags: bool = True
    versioning: bool = True
    reads_back: bool = True
    joins: Joins = Joins()
    was_probed: bool = True

    @property
    def verified_by(self) -> Reason:
        """How a stored object is verified: the strongest way that the store supports."""
        if self.full_object_checksums:
            return Reason.FULL_OBJECT_CRC64NVME
        return Reason.ETAG_MD5 if self.md5_etags else Reason.READ_BACK

    @property
    def listing_verifies_parts(self) -> bool:
        """Whether a listed part has the bytes that were sent. Otherwise it may be truncated, and is compared again."""
        return self.checksum_trailers and self.part_checksums

    @property
    def existence_verifies_object(self) -> bool:
        """Whether our objects always have the bytes that were read from the source, because others are rejected."""
        return self.full_object_checksums and self.rejects_wrong_checksums

    @property
    def protects_existing_objects(self) -> bool:
        """Whether a write fails if a foreign object is at the key."""
        return self.was_probed and self.conditional_writes

    def without_checksums(self) -> "Capabilities":
        """The same store without the use of its checksums."""
        return replace(
            self,
            request_checksums=False,
            checksum_trailers=False,
            part_checksums=False,
            full_object_checksums=False,
            rejects_wrong_checksums=False,
        )

    def limited_to(self, joins: Joins) -> "Capabilities":
        """The same store, without what `joins` excludes."""
        able = self if joins.checksums else self.without_checksums()
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


UNKNOWN: Final = Capabilities(md5_etags=False, was_probed=False)
"""For a store that was not probed. If it returns no checksum, objects are read back."""
