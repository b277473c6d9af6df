"""How an object is cut into parts. Pure.

S3's rules: part numbers 1 to 10,000; every part but the last at least 5 MiB; none above 5 GiB.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from dataclasses import dataclass
from typing import Final

MIB: Final = 2**20
MOST_PARTS: Final = 10_000
LARGEST_PART_BYTES: Final = 5 * 2**30
# Room for parts that are sent again under a new plan, and for a source that grows.
_PLANNED_PARTS: Final = 9_000
# Where the end is not known, parts double in size every so many parts.
_DOUBLING: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """Which bytes each part number holds; `size_bytes` None where the source's length is not known."""

    part_size_bytes: int
    size_bytes: int | None

    @property
    def count(self) -> int | None:
        """How many parts there are, if that can be known."""
        return None if self.size_bytes is None else -(-self.size_bytes // self.part_size_bytes)

    def offset(self, part_number: int) -> int:
        """Where the part begins."""
        part_index = part_number - 1
        if self.size_bytes is not None:
            return part_index * self.part_size_bytes
        steps, rest = divmod(part_index, _DOUBLING)
        return self.part_size_bytes * (_DOUBLING * ((1 << steps) - 1) + (rest << steps))

    def length(self, part_number: int) -> int:
        """How many bytes the part holds; where the length is not known, at most."""
        if self.size_bytes is not None:
            return min(self.part_size_bytes, self.size_bytes - self.offset(part_number))
        return self.part_size_bytes << ((part_number - 1) // _DOUBLING)

    def is_legal(self, *, smallest_bytes: int) -> bool:
        """Whether S3 takes it; a plan that was kept outside may have been changed there."""
        within = smallest_bytes <= self.part_size_bytes <= LARGEST_PART_BYTES
        if self.size_bytes is None:
            return within and self.length(MOST_PARTS) <= LARGEST_PART_BYTES
        return within and -(-self.size_bytes // self.part_size_bytes) <= MOST_PARTS

    def fits(self, part_number: int, size_bytes: int) -> bool:
        """Whether a part of this number and size, seen in the store, is one of this plan."""
        count = self.count
        if not 1 <= part_number <= (MOST_PARTS if count is None else count):
            return False
        return size_bytes == self.length(part_number)


def plan_parts(size_bytes: int | None, *, workers: int, smallest_bytes: int, largest_bytes: int) -> PartPlan:
    """A legal plan: parts that give every worker something to do, larger than the bounds only where 10,000 must do."""
    if size_bytes is None:
        # 1,000 parts of each of ten sizes: from 8 MiB on, all of S3's 10,000 parts hold 7.8 TiB and none passes 5 GiB.
        return PartPlan(part_size_bytes=min(smallest_bytes, 8 * MIB), size_bytes=None)
    balanced = max(smallest_bytes, min(largest_bytes, size_bytes // (4 * workers)))
    part_size = max(-(-size_bytes // _PLANNED_PARTS), balanced)
    if part_size >= MIB:
        part_size = -(-part_size // MIB) * MIB
    return PartPlan(part_size_bytes=min(part_size, LARGEST_PART_BYTES), size_bytes=size_bytes)


def largest_object_bytes(*, parts: int = MOST_PARTS) -> int:
    """What S3 can hold in one object."""
    return parts * LARGEST_PART_BYTES
