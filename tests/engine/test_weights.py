"""Weighted rendezvous hashing: shares, and what a change of a weight moves."""

import math
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recording_operator.engine.weights import heaviest

NAMESPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
MANY = 10_000
NAMES = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
WEIGHTS = st.dictionaries(NAMES, st.integers(min_value=0, max_value=1000), max_size=6)
UIDS = st.uuids().map(str)


def uids(count: int = MANY) -> list[str]:
    return [str(uuid5(NAMESPACE, str(number))) for number in range(count)]


def placed(weights: dict[str, int]) -> dict[str, str | None]:
    return {uid: heaviest(uid, weights) for uid in uids()}


@pytest.mark.parametrize(
    "weights",
    [
        {"ebs": 90, "s3": 10},
        {"ebs": 75, "s3": 25},
        {"ebs": 50, "s3": 50},
        {"ebs": 25, "s3": 75},
        {"a": 1, "b": 1, "c": 1},
        {"a": 1, "b": 1000},
        {"a": 7, "b": 11, "c": 13, "d": 17, "closed": 0},
    ],
    ids=str,
)
def test_the_shares_are_the_weights_within_three_standard_deviations(weights: dict[str, int]) -> None:
    chosen = list(placed(weights).values())

    for name, weight in weights.items():
        share = weight / sum(weights.values())
        deviation = math.sqrt(MANY * share * (1 - share))
        assert abs(chosen.count(name) - MANY * share) <= 3 * deviation, name


def test_a_migration_from_10_to_100_percent_only_moves_towards_the_new_location() -> None:
    before = placed({"ebs": 90, "s3": 10})
    for ebs, s3 in ((75, 25), (50, 50), (25, 75), (0, 100)):
        after = placed({"ebs": ebs, "s3": s3})
        assert {(before[uid], after[uid]) for uid in after if before[uid] != after[uid]} == {("ebs", "s3")}
        before = after
    assert set(before.values()) == {"s3"}


@given(uid=UIDS, weights=WEIGHTS, name=NAMES, weight=st.integers(min_value=1, max_value=1000))
def test_a_larger_weight_or_a_new_location_takes_from_others_and_moves_nothing_between_them(
    uid: str, weights: dict[str, int], name: str, weight: int
) -> None:
    raised = weights | {name: max(weight, weights.get(name, 0))}

    assert heaviest(uid, raised) in (heaviest(uid, weights), name)


@given(uid=UIDS, weights=WEIGHTS)
def test_a_location_that_is_removed_gives_away_only_its_own(uid: str, weights: dict[str, int]) -> None:
    winner = heaviest(uid, weights)

    for name in weights:
        rest = {other: weight for other, weight in weights.items() if other != name}
        assert winner == name or heaviest(uid, rest) == winner


@given(uid=UIDS, weights=WEIGHTS)
def test_the_winner_has_a_weight_and_the_order_does_not_matter(uid: str, weights: dict[str, int]) -> None:
    winner = heaviest(uid, weights)

    assert winner == heaviest(uid, dict(reversed(weights.items())))
    assert (winner is None) == (not any(weights.values()))
    assert winner is None or weights[winner] > 0


def test_all_processes_choose_the_same() -> None:
    weights = {"a": 50, "archive": 50, "vault": 50}

    assert [heaviest(uid, weights) for uid in uids(8)] == [
        "a", "archive", "archive", "archive", "a", "archive", "vault", "vault",
    ]  # fmt: skip
