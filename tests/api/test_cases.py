"""The comparison of messages accepts two formats, and nothing else."""

import pytest

from tests.api.cases import blocked, is_message, missing, out_of_bounds, rejected, several, wrong_type

NEW = rejected("spec.retry.delays[0]", "must be at least 1s", value="0s")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (NEW, NEW),
        ('spec.retry.delays[0]: Invalid value: "string": must be at least 1s', NEW),
        ('spec.artifacts: Invalid value: "array": too much', rejected("spec.artifacts", "too much")),
        (several(missing("a"), missing("b")), several(missing("b"), missing("a"))),
        (blocked(missing("spec")).replace("null", '"null"'), blocked(missing("spec"))),
    ],
)
def test_both_wordings_are_taken(message: str, expected: str) -> None:
    assert is_message(message, expected)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('spec.retry.delays[0]: Invalid value: "1s": must be at least 1s', NEW),
        ('spec.retry.delays[0]: Invalid value: "string": must be at least 2s', NEW),
        ('spec.retry.delays[1]: Invalid value: "string": must be at least 1s', NEW),
        (several(NEW, missing("a")), NEW),
        (NEW, several(NEW, missing("a"))),
        ("accepted", NEW),
        (out_of_bounds("a", 3, "be less than or equal to 2"), out_of_bounds("a", 4, "be less than or equal to 2")),
        (wrong_type("a", "string", got="integer"), wrong_type("a", "string", got="boolean")),
    ],
)
def test_other_words_are_not(message: str, expected: str) -> None:
    assert not is_message(message, expected)
