"""What a strict store leaves out of S3, or does in its own way. By default nothing: then it is AWS."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """`sums`: CRC64NVME in requests and answers. `trailers`: `aws-chunked` bodies. `conditions`: `If-None-Match`.

    `shown`: where the sums that are kept are shown. `etags`: MD5, or numbers that say nothing. `cut_parts`: a part
    whose sender went away is dropped, or kept with zeros up to its length, as a real server was seen to do.
    `completes`: whether Complete compares the sum that it is given. `joins`: what CRC64NVME is computed of parts that
    are joined. `equal_parts`: every part but the last is to be as long as the first. `sums_needed`: an object or part
    without a checksum or MD5 is refused, as in buckets with Object Lock. `most_parts`: the largest number of a part.
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
# From the strongest proof to the weakest. Names are the tests' ids.
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
