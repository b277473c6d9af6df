"""The expected result of the probe for each dialect of the strict store."""

from dataclasses import replace

from recording_operator.stores.capabilities import Capabilities, Joins

NO_SUMS = Capabilities(
    request_checksums=False,
    checksum_trailers=False,
    part_checksums=False,
    full_object_checksums=False,
    rejects_wrong_checksums=False,
)
FOUND = {
    "aws": Capabilities(),
    "sums-of-parts-only": Capabilities(full_object_checksums=False),
    "sums-of-objects-only": Capabilities(part_checksums=False),
    "completes-unchecked": Capabilities(rejects_wrong_checksums=False),
    "no-trailers": Capabilities(checksum_trailers=False),
    "trailers-kept-as-content": Capabilities(checksum_trailers=False),
    "trailers-unchecked": Capabilities(checksum_trailers=False),
    "no-sums": NO_SUMS,
    "sums-refused": NO_SUMS,
    "sums-echoed": NO_SUMS,
    "no-conditions": Capabilities(conditional_writes=False),
    "conditions-refused": replace(NO_SUMS, conditional_writes=False),
    "nothing": replace(NO_SUMS, conditional_writes=False, md5_etags=False),
    "sums-of-joins-wrong": Capabilities().limited_to(Joins(checksums=False)),
    "sums-of-joins-wrong-and-unchecked": Capabilities().limited_to(Joins(checksums=False)),
    "thousand-parts": Capabilities(joins=Joins(ten_thousand_parts=False)),
    "equal-parts": Capabilities(joins=Joins(unequal_parts=False)),
    "opaque-etags": replace(NO_SUMS, md5_etags=False),
}
