"""JMESPath expressions of tenants: what they yield, and that they cannot take long."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recording_operator.providers import expressions
from tests.support.deliveries import json_values

PAYLOAD = {
    "extra": {"org_id": "acme", "empty": "", "n": 7, "yes": True, "list": ["a"], "ratio": 1.5},
    "files": [{"type": "MP4", "size": 5}, {"type": "VTT", "size": 1}],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("extra.org_id", "acme"),
        ("data.extra.org_id || extra.org_id", "acme"),
        ("extra.n", "7"),
        ("join('-', [extra.org_id, 'x'])", "acme-x"),
        ("files[?type=='MP4'] | [0].type", "MP4"),
        ("files[?size > `4`].type | [0]", "MP4"),
        ("sort_by(files, &size)[0].type", "VTT"),
        ("to_string(extra.n)", "7"),
        ("contains(extra.list, 'a') && 'in' || 'out'", "in"),
        ("extra.empty", None),
        ("extra.yes", None),
        ("extra.ratio", None),
        ("extra", None),
        ("nothing.at.all", None),
        ("length(extra.n)", None),
        ("files == files", None),
    ],
)
def test_expressions(expression: str, expected: str | None) -> None:
    assert expressions.evaluate(expression, PAYLOAD) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "empty"),
        ("a.", "column 2"),
        ("a[", "Incomplete"),
        ("nothing_like_it(a)", "no function nothing_like_it"),
        ("a[?b == nothing_like_it(c)]", "no function nothing_like_it"),
        ("a" * 1025, "1024 characters"),
        ("(" * 500 + "a" + ")" * 500, "deeply"),
        ("!" * 1000 + "a", "deeply"),
    ],
)
def test_what_does_not_parse(expression: str, message: str) -> None:
    for use in (expressions.check, lambda text: expressions.search(text, {})):
        with pytest.raises(ValueError, match=message):
            use(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "[@,@][]" + "|[@,@][]" * 80,
        "[@,@]|" * 22 + "[*]" * 22,
        "{a:@,b:@}" + "|{a:@,b:@}" * 80 + "|to_string(@)",
        "[{a:@,b:@}" + "|{a:@,b:@}" * 40 + ",{a:@,b:@}" + "|{a:@,b:@}" * 40 + "]|[0]==[1]",
        "'x'" + "|join('',[@,@,@,@,@,@,@,@])" * 30,
        "[@,@,@,@,@,@,@,@,@,@][]" * 20 + "|contains(@, @)",
        "words[*].words[*].words[*].words[*]",
        "words" + "|[?contains(words[].text, 'x')]" * 10,
    ],
)
def test_expressions_that_would_take_for_ever_yield_nothing(expression: str) -> None:
    words = [{"text": "x" * 20} for _ in range(20_000)]
    begun = time.thread_time()
    expressions.evaluate(expression, {"words": words, "a": ["a"] * 100})
    assert time.thread_time() - begun < 2


TEN = "[@,@,@,@,@,@,@,@,@,@]"
OFTEN = f"text|{TEN}|{TEN}[]|{TEN}[]|{TEN}[]"


@pytest.mark.parametrize(
    "expression",
    [
        f"join('', {OFTEN})",
        f"sort({OFTEN})[0]",
        f"max({OFTEN})",
        f"sort_by({OFTEN}, &@)[0]",
    ],
)
def test_a_long_text_that_is_repeated_is_neither_copied_nor_compared(expression: str) -> None:
    tracemalloc.start()
    begun = time.thread_time()
    assert expressions.evaluate(expression, {"text": "x" * 50_000}) is None
    taken_s, (_, peak_bytes) = time.thread_time() - begun, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 10 * 2**20
    assert taken_s < 2


def test_the_expressions_of_a_delivery_share_a_budget() -> None:
    budget, words = expressions.StepBudget(), {"words": [{"text": "x"}] * 5_000}
    found = [expressions.search("words[?text=='x'] | length(@)", words, budget) for _ in range(10)]
    assert found[0] == 5_000
    assert found[-1] is None
    assert budget.is_spent


@settings(max_examples=100, deadline=None)
@given(expression=st.text(alphabet="ab.[]*?@&|!='`{}(),: 0<>", max_size=25) | st.text(max_size=20), payload=json_values)
def test_any_text_is_an_expression_or_a_value_error(expression: str, payload: object) -> None:
    try:
        expressions.evaluate(expression, payload)
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            expressions.check(expression)
