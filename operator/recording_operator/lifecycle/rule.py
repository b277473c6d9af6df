"""One rule of a bucket's lifecycle configuration, with what the operator uses of it."""

from dataclasses import dataclass

MOST_RULES = 1000
"""The largest number of rules of a bucket, of all writers together. Source: API reference,
PutBucketLifecycleConfiguration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketRule:
    """An enabled rule for the keys that begin with `prefix`. `transitions` are pairs of days and class, by days.

    `removes_markers`: delete markers that hide no version are removed.
    """

    rule_id: str
    prefix: str
    transitions: tuple[tuple[int, str], ...] = ()
    expire_days: int | None = None
    noncurrent_days: int | None = None
    abort_days: int | None = None
    removes_markers: bool = False
