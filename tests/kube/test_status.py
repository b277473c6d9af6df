"""Merge patches between statuses."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recording_operator.kube.status import merge_patch_between, without_nulls

_names = st.sampled_from(["phase", "reason", "claim", "artifacts", "holder"])
_leaves = st.one_of(st.integers(0, 3), st.booleans(), st.sampled_from(["", "Pending", "Complete"]))
_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=12,
)
_statuses = st.dictionaries(_names, _values, max_size=4)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, word by word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(stored=_statuses, wanted=_statuses)
def test_the_patch_leads_from_the_stored_to_the_wanted(stored: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert merged(stored, merge_patch_between(stored, wanted)) == wanted


@given(status=_statuses)
def test_nothing_to_change_is_an_empty_patch(status: dict[str, Any]) -> None:
    assert merge_patch_between(status, status) == {}


def test_none_means_absent_at_any_depth() -> None:
    stored = {"phase": "Uploading", "claim": {"holder": "a", "transitions": 1}, "message": "m"}
    wanted = {"phase": "Pending", "claim": {"holder": None, "transitions": 1}, "message": None, "reason": None}
    assert merge_patch_between(stored, wanted) == {"phase": "Pending", "claim": {"holder": None}, "message": None}
    assert without_nulls({"artifacts": [{"name": "v", "etag": None}]}) == {"artifacts": [{"name": "v"}]}
