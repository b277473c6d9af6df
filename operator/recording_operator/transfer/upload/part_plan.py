"""How an object is cut into parts. Pure.

S3's rules: part numbers 1 to 10,000; every part but the last at least 5 MiB; none above 5 GiB.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from dataclasses import dataclass
from typing import Final

MIB: Final = 2**20
MOST_PARTS: Final = 10_000
LARGEST_PART_BYTES: Final = 5 * 2**30
# Of all parts, how many are planned: room for parts that are sent again under a new plan, and for a source that grows.
_PLANNED_OF_TEN: Final = 9
# Where the end is not known, parts double in size this often.
_SIZES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """Which bytes each part number holds; `size_bytes` None where the source's length is not known.

    `grows`: parts of an unknown length double in size as there are more of them. Not every store joins unequal parts.
    `most_parts` is how many the store takes.
    """

    part_size_bytes: int
    size_bytes: int | None
    grows: bool = True
    most_parts: int = MOST_PARTS

    @property
    def count(self) -> int | None:
        """How many parts there are, if that can be known."""
        return None if self.size_bytes is None else -(-self.size_bytes // self.part_size_bytes)

    def offset(self, part_number: int) -> int:
        """Where the part begins."""
        part_index = part_number - 1
        if self.size_bytes is not None or not self.grows:
            return part_index * self.part_size_bytes
        doubling = self.most_parts // _SIZES
        steps, rest = divmod(part_index, doubling)
        return self.part_size_bytes * (doubling * ((1 << steps) - 1) + (rest << steps))

    def length(self, part_number: int) -> int:
        """How many bytes the part holds; where the length is not known, at most."""
        if self.size_bytes is not None:
            return min(self.part_size_bytes, self.size_bytes - self.offset(part_number))
        if not self.grows:
            return self.part_size_bytes
        return self.part_size_bytes << ((part_number - 1) // (self.most_parts // _SIZES))

    def is_legal(self, *, smallest_bytes: int) -> bool:
        """Whether S3 takes it; a plan that was kept outside may have been changed there."""
        within = smallest_bytes <= self.part_size_bytes <= LARGEST_PART_BYTES
        if self.size_bytes is None:
            return within and self.length(self.most_parts) <= LARGEST_PART_BYTES
        return within and -(-self.size_bytes // self.part_size_bytes) <= self.most_parts

    def fits(self, part_number: int, size_bytes: int) -> bool:
        """Whether a part of this number and size, seen in the store, is one of this plan."""
        count = self.count
        if not 1 <= part_number <= (self.most_parts if count is None else count):
            return False
        return size_bytes == self.length(part_number)


def plan_equal_parts(
    most_bytes: int | None, *, smallest_bytes: int, largest_bytes: int, most_parts: int = MOST_PARTS
) -> PartPlan:
    """A plan of equal parts for a length that is not known, `most_bytes` of it if anything is known.

    A part of such a source is held in memory, so that none is larger than `largest_bytes`: what does not fit into
    `most_parts` of those is refused.
    """
    size = max(smallest_bytes, -(-(most_bytes or 0) // most_parts))
    if size >= MIB:
        size = -(-size // MIB) * MIB
    part_size = min(size, max(smallest_bytes, largest_bytes))
    return PartPlan(part_size_bytes=part_size, size_bytes=None, grows=False, most_parts=most_parts)


def plan_parts(
    size_bytes: int | None, *, workers: int, smallest_bytes: int, largest_bytes: int, most_parts: int = MOST_PARTS
) -> PartPlan:
    """A legal plan: parts that keep every worker busy, above the bounds only where their number demands it."""
    if size_bytes is None:
        # As many parts of each of ten sizes: from 8 MiB on, S3's 10,000 parts hold 7.8 TiB and none passes 5 GiB.
        return PartPlan(part_size_bytes=min(smallest_bytes, 8 * MIB), size_bytes=None, most_parts=most_parts)
    balanced = max(smallest_bytes, min(largest_bytes, size_bytes // (4 * workers)))
    part_size = max(-(-size_bytes // (most_parts * _PLANNED_OF_TEN // 10)), balanced)
    if part_size >= MIB:
        part_size = -(-part_size // MIB) * MIB
    part_size = min(part_size, LARGEST_PART_BYTES)
    return PartPlan(part_size_bytes=part_size, size_bytes=size_bytes, most_parts=most_parts)


def largest_object_bytes(*, parts: int = MOST_PARTS) -> int:
    """What S3 can hold in one object."""
    return parts * LARGEST_PART_BYTES
