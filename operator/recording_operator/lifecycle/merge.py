"""Compares the rules of a bucket with the wanted ones. Rules of others are never looked at, only counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from recording_operator.lifecycle.rule import BucketRule


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRule:
    """A rule of the bucket. `read` is None if it is disabled or has something that the operator never writes."""

    rule_id: str
    read: BucketRule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the rules of one location in a bucket differ from the wanted ones: numbers of rules."""

    missing: int = 0
    changed: int = 0
    needless: int = 0
    others: int = 0
    """Rules of others. They are kept."""

    @property
    def any(self) -> bool:
        """Whether something must be written."""
        return bool(self.missing or self.changed or self.needless)

    def __str__(self) -> str:
        counts = {"missing": self.missing, "changed": self.changed, "not in the spec": self.needless}
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def difference(found: Sequence[FoundRule], wanted: Sequence[BucketRule], *, own: str) -> Difference:
    """Compare. The ids of this location's rules begin with `own`."""
    ours = [rule for rule in found if is_own(rule.rule_id, own)]
    by_id = {rule.rule_id: rule for rule in wanted}
    present = {rule.rule_id for rule in ours}
    return Difference(
        missing=sum(rule.rule_id not in present for rule in wanted),
        changed=sum(rule.rule_id in by_id and rule.read != by_id[rule.rule_id] for rule in ours),
        needless=sum(rule.rule_id not in by_id for rule in ours),
        others=len(found) - len(ours),
    )


def is_own(rule_id: str, own: str) -> bool:
    """Whether a rule of the bucket belongs to the location."""
    return rule_id.startswith(own)
