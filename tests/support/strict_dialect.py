"""How a strict store differs from S3. By default it does not: then it behaves like AWS."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How the store behaves.

    `sums`: CRC64NVME in requests and responses. `shown`: which responses contain stored checksums.
    `trailers`: `aws-chunked` bodies. `conditions`: `If-None-Match`. `etags`: MD5s, or opaque numbers.
    `cut_parts`: a truncated part is dropped, or kept and padded with zeros, as one real server does.
    `completes`: whether Complete verifies the checksum in its request. `joins`: the CRC64NVME of joined parts.
    `equal_parts`: every part except the last must have the size of the first.
    `sums_needed`: an object or part without a checksum or MD5 is rejected, as in buckets with Object Lock.
    `most_parts`: the largest part number.
    """

    sums: Literal["kept", "ignored", "refused", "echoed"] = "kept"
    shown: Literal["everywhere", "parts", "objects"] = "everywhere"
    trailers: Literal["checked", "unchecked", "stored", "refused"] = "checked"
    conditions: Literal["kept", "ignored", "refused"] = "kept"
    etags: Literal["md5", "opaque"] = "md5"
    cut_parts: Literal["dropped", "padded"] = "dropped"
    completes: Literal["checked", "unchecked"] = "checked"
    joins: Literal["right", "wrong", "wrong, unchecked"] = "right"
    equal_parts: bool = False
    sums_needed: bool = False
    most_parts: int = 10_000


AWS = Dialect()
# From the strongest verification to the weakest. The names are ids of tests.
DIALECTS: dict[str, Dialect] = {
    "aws": AWS,
    "sums-of-parts-only": Dialect(shown="parts"),
    "sums-of-objects-only": Dialect(shown="objects", cut_parts="padded"),
    "completes-unchecked": Dialect(completes="unchecked"),
    "no-trailers": Dialect(trailers="refused", cut_parts="padded"),
    "trailers-kept-as-content": Dialect(trailers="stored", cut_parts="padded"),
    "trailers-unchecked": Dialect(trailers="unchecked", cut_parts="padded"),
    "no-sums": Dialect(sums="ignored", trailers="unchecked", cut_parts="padded"),
    "sums-refused": Dialect(sums="refused", trailers="refused", cut_parts="padded"),
    "sums-echoed": Dialect(sums="echoed", trailers="unchecked", cut_parts="padded"),
    "no-conditions": Dialect(conditions="ignored"),
    "conditions-refused": Dialect(conditions="refused", sums="refused", trailers="refused", cut_parts="padded"),
    "nothing": Dialect(sums="refused", trailers="refused", conditions="ignored", etags="opaque", cut_parts="padded"),
    "sums-of-joins-wrong": Dialect(joins="wrong"),
    "sums-of-joins-wrong-and-unchecked": Dialect(joins="wrong, unchecked"),
    "equal-parts": Dialect(equal_parts=True),
    "thousand-parts": Dialect(most_parts=1_000),
    "opaque-etags": Dialect(sums="ignored", trailers="refused", etags="opaque", cut_parts="padded"),
}
