"""Differences between the rules of a bucket and the wanted ones."""

from dataclasses import replace

import pytest

from recording_operator.lifecycle.merge import Difference, FoundRule, difference
from recording_operator.lifecycle.rule import BucketRule

OWN = "recording-operator/archive/1/"
ONE = BucketRule(rule_id=f"{OWN}one", prefix="a/", expire_days=1)
TWO = BucketRule(rule_id=f"{OWN}two", prefix="b/", expire_days=2)
FOREIGN = FoundRule(rule_id="logs", read=None)


def found(*rules: BucketRule) -> list[FoundRule]:
    return [FOREIGN, *(FoundRule(rule_id=rule.rule_id, read=rule) for rule in rules)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (found(TWO, ONE), Difference(others=1)),
        (found(ONE), Difference(missing=1, others=1)),
        (found(ONE, replace(TWO, expire_days=3)), Difference(changed=1, others=1)),
        ([*found(ONE), FoundRule(rule_id=TWO.rule_id, read=None)], Difference(changed=1, others=1)),
        (found(ONE, TWO, replace(ONE, rule_id=f"{OWN}old")), Difference(needless=1, others=1)),
        ([], Difference(missing=2)),
    ],
    ids=["equal in another order", "removed", "changed", "disabled", "one too many", "nothing"],
)
def test_difference(rules: list[FoundRule], expected: Difference) -> None:
    assert difference(rules, [ONE, TWO], own=OWN) == expected
    assert expected.any == (expected not in (Difference(), Difference(others=1)))


def test_it_is_described_by_what_is_wrong_only() -> None:
    assert str(Difference(missing=2, changed=1, others=5)) == "2 missing, 1 changed"
