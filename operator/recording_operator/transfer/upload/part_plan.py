"""Division of an object into parts. Pure functions.

S3's rules: part numbers 1 to 10,000; every part but the last at least 5 MiB; none above 5 GiB.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from dataclasses import dataclass
from typing import Final

MIB: Final = 2**20
MOST_PARTS: Final = 10_000
LARGEST_PART_BYTES: Final = 5 * 2**30
# Share of the allowed parts that a plan uses. The rest is a reserve for a source that grows.
_PLANNED_OF_TEN: Final = 9
# Number of part sizes if the length is not known; each is twice the previous one.
_SIZES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """The bytes of each part number. `size_bytes` is None if the length of the source is not known.

    `grows`: for an unknown length, later parts are larger. Not every store supports parts of unequal size.
    `most_parts` is the largest number of parts that the store accepts.
    """

    part_size_bytes: int
    size_bytes: int | None
    grows: bool = True
    most_parts: int = MOST_PARTS

    @property
    def count(self) -> int | None:
        """Number of parts; None if the length is not known."""
        return None if self.size_bytes is None else -(-self.size_bytes // self.part_size_bytes)

    def offset(self, part_number: int) -> int:
        """Offset of the part's first byte."""
        part_index = part_number - 1
        if self.size_bytes is not None or not self.grows:
            return part_index * self.part_size_bytes
        doubling = self.most_parts // _SIZES
        steps, rest = divmod(part_index, doubling)
        return self.part_size_bytes * (doubling * ((1 << steps) - 1) + (rest << steps))

    def length(self, part_number: int) -> int:
        """Size of the part in bytes. If the length is not known, the last part may be smaller."""
        if self.size_bytes is not None:
            return min(self.part_size_bytes, self.size_bytes - self.offset(part_number))
        if not self.grows:
            return self.part_size_bytes
        return self.part_size_bytes << ((part_number - 1) // (self.most_parts // _SIZES))

    def is_legal(self, *, smallest_bytes: int) -> bool:
        """Whether the plan keeps S3's limits. A plan that was loaded from a status may have been edited there."""
        within = smallest_bytes <= self.part_size_bytes <= LARGEST_PART_BYTES
        if self.size_bytes is None:
            return within and self.length(self.most_parts) <= LARGEST_PART_BYTES
        return within and -(-self.size_bytes // self.part_size_bytes) <= self.most_parts

    def fits(self, part_number: int, size_bytes: int) -> bool:
        """Whether a part in the store with this number and size belongs to this plan."""
        count = self.count
        if not 1 <= part_number <= (self.most_parts if count is None else count):
            return False
        return size_bytes == self.length(part_number)


def plan_equal_parts(
    most_bytes: int | None, *, smallest_bytes: int, largest_bytes: int, most_parts: int = MOST_PARTS
) -> PartPlan:
    """A plan of equal parts for an unknown length of at most `most_bytes` (None: no bound is known).

    Parts of such a source are held in memory, so none is larger than `largest_bytes`. Content that does not fit into
    `most_parts` parts is rejected.
    """
    size = max(smallest_bytes, -(-(most_bytes or 0) // most_parts))
    if size >= MIB:
        size = -(-size // MIB) * MIB
    part_size = min(size, max(smallest_bytes, largest_bytes))
    return PartPlan(part_size_bytes=part_size, size_bytes=None, grows=False, most_parts=most_parts)


def plan_parts(
    size_bytes: int | None, *, workers: int, smallest_bytes: int, largest_bytes: int, most_parts: int = MOST_PARTS
) -> PartPlan:
    """A valid plan with enough parts for all workers. Parts exceed `largest_bytes` only to limit their number."""
    if size_bytes is None:
        # The same number of parts of each of ten sizes: from 8 MiB on, 10,000 parts hold 7.8 TiB and none exceeds 5
        # GiB.
        return PartPlan(part_size_bytes=min(smallest_bytes, 8 * MIB), size_bytes=None, most_parts=most_parts)
    balanced = max(smallest_bytes, min(largest_bytes, size_bytes // (4 * workers)))
    part_size = max(-(-size_bytes // (most_parts * _PLANNED_OF_TEN // 10)), balanced)
    if part_size >= MIB:
        part_size = -(-part_size // MIB) * MIB
    part_size = min(part_size, LARGEST_PART_BYTES)
    return PartPlan(part_size_bytes=part_size, size_bytes=size_bytes, most_parts=most_parts)


def largest_object_bytes(*, parts: int = MOST_PARTS) -> int:
    """The largest object that S3 accepts."""
    return parts * LARGEST_PART_BYTES
