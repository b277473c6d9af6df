"""What each capability of a store means, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityWords:
    """A capability as status.capabilities names it, for people."""

    title: str
    present: str
    absent: str


CAPABILITY_WORDS: Final[Mapping[str, CapabilityWords]] = {
    "conditionalWrites": CapabilityWords(
        title="conditional writes",
        present="an existing object is never overwritten",
        absent="each key is checked just before it is written",
    ),
    "fullObjectChecksums": CapabilityWords(
        title="checksums of objects",
        present="the store computes and returns the CRC64NVME of each object",
        absent="objects are verified by their ETag, or are read back",
    ),
    "checksumTrailers": CapabilityWords(
        title="checksums of sent parts",
        present="a part that is damaged on the way is rejected",
        absent="the ETag of each part is compared after it is sent",
    ),
    "partChecksums": CapabilityWords(
        title="checksums of stored parts",
        present="a resumed upload knows whether its stored parts are right",
        absent="a resumed upload compares stored parts with the source",
    ),
    "md5ETags": CapabilityWords(
        title="ETags that are MD5s",
        present="ETags verify parts and objects",
        absent="objects without a checksum are read back",
    ),
    "versioning": CapabilityWords(
        title="versions", present="the bucket keeps versions of objects", absent="the bucket keeps no versions"
    ),
    "readBack": CapabilityWords(
        title="reading at once",
        present="a stored object can be read immediately",
        absent="objects are in an archive class, and must be restored before they are read",
    ),
    "joinedChecksums": CapabilityWords(
        title="checksums of joined parts",
        present="the checksum of an object of several parts is right",
        absent="the store's checksums are wrong there, and are not used",
    ),
    "joinedETags": CapabilityWords(
        title="ETags of joined parts",
        present="the ETag of an object of several parts verifies it",
        absent="objects without a checksum are read back",
    ),
    "unequalParts": CapabilityWords(
        title="parts of unequal size",
        present="a source that states no length may have any size",
        absent="parts have one size, which limits a source that states no length",
    ),
    "tenThousandParts": CapabilityWords(
        title="10,000 parts",
        present="an object may have 10,000 parts, as in S3",
        absent="an object has at most 1,000 parts, which are larger",
    ),
}


def capability_lines(capabilities: Mapping[str, bool]) -> list[tuple[str, str, str]]:
    """`yes` or `no`, the capability, and what that means."""
    lines = []
    for name, present in capabilities.items():
        words = CAPABILITY_WORDS.get(name)
        if words is None:  # of a newer operator
            lines.append(("yes" if present else "no", name, ""))
        else:
            lines.append(("yes" if present else "no", words.title, words.present if present else words.absent))
    return lines
