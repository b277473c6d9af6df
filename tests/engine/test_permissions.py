"""Which namespaces a location admits."""

import pytest

from recording_operator.api.storagelocation import (
    AllowedNamespaces,
    LabelSelector,
    LabelSelectorRequirement,
    SelectorOperator,
)
from recording_operator.engine.permissions import admits

ALL = {"tier": "gold", "kubernetes.io/metadata.name": "team-a"}


def allowed(*names: str, selector: LabelSelector | None = None) -> AllowedNamespaces:
    return AllowedNamespaces(names=names, selector=selector)


def requirement(key: str, operator: SelectorOperator, *values: str) -> LabelSelector:
    return LabelSelector(match_expressions=(LabelSelectorRequirement(key=key, operator=operator, values=values),))


@pytest.mark.parametrize("nobody", [None, allowed(), allowed(selector=LabelSelector()), allowed("team-b")])
def test_no_word_about_it_means_no(nobody: AllowedNamespaces | None) -> None:
    assert admits(nobody, namespace="team-a", labels=ALL) is False


def test_a_name_is_enough_and_needs_no_labels() -> None:
    gold = LabelSelector(match_labels={"tier": "gold"})

    assert admits(allowed("team-a", selector=gold), namespace="team-a", labels=None) is True
    assert admits(allowed("team-a"), namespace="team-aa", labels=ALL) is False


def test_a_selector_needs_labels() -> None:
    gold = allowed(selector=LabelSelector(match_labels={"tier": "gold"}))

    assert admits(gold, namespace="team-a", labels=None) is None
    assert admits(gold, namespace="team-a", labels=ALL) is True
    assert admits(gold, namespace="team-a", labels={}) is False


@pytest.mark.parametrize(
    ("operator", "values", "with_label", "without_label"),
    [
        (SelectorOperator.EXISTS, (), True, False),
        (SelectorOperator.DOES_NOT_EXIST, (), False, True),
        (SelectorOperator.IN, ("gold", "silver"), True, False),
        (SelectorOperator.IN, ("silver",), False, False),
        (SelectorOperator.NOT_IN, ("gold",), False, True),
        (SelectorOperator.NOT_IN, ("silver",), True, True),
    ],
)
def test_expressions_mean_what_kubernetes_means(
    operator: SelectorOperator, values: tuple[str, ...], with_label: bool, without_label: bool
) -> None:
    selector = allowed(selector=requirement("tier", operator, *values))

    assert admits(selector, namespace="team-a", labels=ALL) is with_label
    assert admits(selector, namespace="team-a", labels={}) is without_label


def test_every_part_must_hold() -> None:
    selector = LabelSelector(
        match_labels={"tier": "gold"},
        match_expressions=(LabelSelectorRequirement(key="frozen", operator=SelectorOperator.DOES_NOT_EXIST),),
    )

    assert admits(allowed(selector=selector), namespace="x", labels={"tier": "gold"}) is True
    assert admits(allowed(selector=selector), namespace="x", labels={"tier": "gold", "frozen": ""}) is False
    assert admits(allowed(selector=selector), namespace="x", labels={"tier": "lead"}) is False
