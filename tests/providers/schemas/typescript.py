"""Reads the names of fields from TypeScript declarations, as the generators of SDKs write them."""

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(r"/\*.*?\*/|//[^\n]*|\"[^\"]*\"|'[^']*'|[A-Za-z_$][\w$]*|\S", re.DOTALL)
_STRING: Final = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")


def fields_of(source: str, name: str) -> list[str]:
    """The paths of all fields of a type or interface, such as `payload.object.uuid`. Raises ValueError."""
    tokens = _tokens(source)
    return sorted(set(_paths(tokens, _declaration(tokens, name))))


def _paths(tokens: list[str], start: int) -> Iterator[str]:
    """Read up to the end of the declaration. A field that is an object adds a level until its brace closes."""
    path: list[str] = []
    levels: list[int] = []
    for index in range(start, len(tokens)):
        token = tokens[index]
        if token == "{":
            levels.append(len(path))
        elif token == "}":
            del path[levels.pop() :]
            if not levels and not _continues(tokens, index):
                return
        elif token == ";" and levels:
            del path[levels[-1] :]
        elif token == ";":
            return
        elif levels and _begins_field(tokens, index):
            path.append(_STRING.sub(r"\1\2", token))
            yield ".".join(path)


def _begins_field(tokens: list[str], index: int) -> bool:
    named = _NAME.fullmatch(tokens[index]) or _STRING.fullmatch(tokens[index])
    after = tokens[index + 1 : index + 3]
    return bool(named) and tokens[index - 1] in {"{", ";", "}"} and (after[:1] == [":"] or after == ["?", ":"])


def _continues(tokens: list[str], index: int) -> bool:
    """Whether the type goes on after a brace: as an intersection, a list, or the end of a parenthesis."""
    return tokens[index + 1 : index + 2] in [["&"], [")"], ["["], ["|"]]


def texts_of(source: str, name: str, field: str) -> list[str]:
    """The texts that a field of a type may have, wherever in the type it is. Raises ValueError."""
    tokens = _tokens(source)
    start = _declaration(tokens, name)
    end = next((i for i in range(start, len(tokens)) if _is_declaration(tokens, i)), len(tokens))
    found: set[str] = set()
    for index in range(start, end):
        if tokens[index] == field and _begins_field(tokens, index):
            found.update(_texts_until_semicolon(tokens, index))
    return sorted(found)


def _texts_until_semicolon(tokens: list[str], start: int) -> Iterator[str]:
    for token in tokens[start:]:
        if token == ";":
            return
        if (text := _STRING.fullmatch(token)) is not None:
            yield text[1] or text[2]


def _tokens(source: str) -> list[str]:
    return [token for token in _TOKEN.findall(source) if not token.startswith(("/*", "//"))]


def _declaration(tokens: list[str], name: str) -> int:
    """Where the declaration of a type goes on after its name. Raises ValueError."""
    for index, token in enumerate(tokens):
        if token == name and index and _is_declaration(tokens, index - 1):
            return index + 1
    raise ValueError(f"{name} is not declared.")


def _is_declaration(tokens: list[str], index: int) -> bool:
    return tokens[index] in {"type", "interface"} and bool(_NAME.fullmatch(tokens[index + 1]))
