"""The table of a kind with the columns that `kubectl get` prints."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from recording_operator.api.columns import Column
from recording_operator.cli.screen.text import table
from recording_operator.times import age

_CONDITION: Final = re.compile(r"\.(?P<list>[\w.]+)\[\?\(@\.type=='(?P<type>\w+)'\)\]\.(?P<field>\w+)")


def printed_table(
    items: Sequence[Mapping[str, Any]],
    columns: Sequence[Column],
    *,
    now: datetime,
    wide: bool = False,
    namespaces: bool = False,
    headers: bool = True,
) -> str:
    """The columns of a CRD. `namespaces`: a first column with the namespace."""
    shown = [column for column in columns if wide or not column.wide]
    names = [*(("NAMESPACE",) if namespaces else ()), "NAME", *(column.name.upper() for column in shown)]
    rows = [
        [
            *((one["metadata"]["namespace"],) if namespaces else ()),
            one["metadata"]["name"],
            *(_cell(one, column, now=now) for column in shown),
        ]
        for one in items
    ]
    return table(names if headers else (), rows)


def _cell(manifest: Mapping[str, Any], column: Column, *, now: datetime) -> str:
    value = value_at(manifest, column.path)
    if value is None:
        return ""
    if column.type == "date":
        return age(str(value), now=now)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def value_at(manifest: Mapping[str, Any], path: str) -> Any:
    """The value at a JSONPath of a printer column; None if there is none."""
    condition = _CONDITION.fullmatch(path)
    if condition is None:
        return _walk(manifest, path)
    found = _walk(manifest, f".{condition['list']}") or ()
    return next((one.get(condition["field"]) for one in found if one.get("type") == condition["type"]), None)


def _walk(value: Any, path: str) -> Any:
    for name in path.strip(".").split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
