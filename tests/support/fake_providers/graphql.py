"""Validation of a GraphQL query against a small schema: fields, selections where a type has fields, variables."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
"""Names of fields; the value is the schema of the field's type, or None for a scalar."""

_TOKEN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[{}()!:$,\[\]=]")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class QueryError(Exception):
    """The query is not valid. The message is GraphQL's."""


def validate(query: str, variables: Mapping[str, Any], *, field: str, schema: Schema) -> str:
    """Check a query of `field` with one argument, `id`, and return the id. Raises QueryError."""
    left = re.sub(_TOKEN, "", query)
    if left.strip():
        raise QueryError(f"Syntax Error: Unexpected character {left.strip()[0]!r}.")
    tokens = iter(_TOKEN.findall(query))
    declared = _operation(tokens)
    _expect(tokens, field)
    for expected in ("(", "id", ":", "$"):
        _expect(tokens, expected)
    variable = next(tokens, "")
    _expect(tokens, ")")
    if declared != {variable}:
        raise QueryError(f'Variable "${variable}" is not defined, or another one is never used.')
    _expect(tokens, "{")
    _selection(tokens, schema, of="Transcript")
    _expect(tokens, "}")
    value = variables.get(variable)
    if not isinstance(value, str):
        raise QueryError(f'Variable "${variable}" of required type "String!" was not provided.')
    return value


def _operation(tokens: Iterator[str]) -> set[str]:
    """Read `query Name($id: String!) {` and return the variables."""
    _expect(tokens, "query")
    token = next(tokens, "")
    if _NAME.fullmatch(token):
        token = next(tokens, "")
    declared: set[str] = set()
    if token == "(":
        for expected in ("$", None, ":", "String", "!", ")"):
            name = _expect(tokens, expected)
            if expected is None:
                declared.add(name)
        token = next(tokens, "")
    if token != "{":
        raise QueryError(f'Syntax Error: Expected "{{", found "{token}".')
    return declared


def _selection(tokens: Iterator[str], schema: Schema, *, of: str) -> None:
    """Read the fields after `{` up to its `}`."""
    asked: str | None = None
    count = 0
    for token in tokens:
        if token == "{":
            if asked is None or schema[asked] is None:
                raise QueryError(f'Field "{asked}" must not have a selection since its type has no subfields.')
            _selection(tokens, schema[asked], of=asked)
            asked = None
            continue
        if asked is not None and schema[asked] is not None:
            raise QueryError(f'Field "{asked}" must have a selection of subfields.')
        if token == "}":
            if not count:
                raise QueryError("Syntax Error: Expected Name, found }.")
            return
        if token not in schema:
            raise QueryError(f'Cannot query field "{token}" on type "{of}".')
        asked = token
        count += 1
    raise QueryError("Syntax Error: Expected Name, found <EOF>.")


def _expect(tokens: Iterator[str], expected: str | None) -> str:
    token = next(tokens, "<EOF>")
    if token != expected and (expected is not None or not _NAME.fullmatch(token)):
        raise QueryError(f'Syntax Error: Expected "{expected}", found "{token}".')
    return token
