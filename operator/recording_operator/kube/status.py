"""The difference between two statuses as a JSON merge patch (RFC 7386)."""

from collections.abc import Mapping
from typing import Any


def merge_patch_between(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that turns `stored` into `wanted`; empty if they are equal.

    A merge patch keeps the keys that it does not contain, removes those that are null, and replaces lists: if one
    artifact has changed, the whole list is sent. None in `wanted` means "absent".
    """
    return _between(stored, without_nulls(wanted))


def without_nulls(value: Any) -> Any:
    """A copy without None values. A merge patch would remove their keys, or store them inside a list."""
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in value]
    return value


def _between(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    patch: dict[str, Any] = {key: None for key in stored if key not in wanted}
    for key, value in wanted.items():
        before = stored.get(key)
        if key in stored and value == before:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[key] = _between(before, value)
        else:
            patch[key] = value
    return patch
