"""No binary fractions near money: no literals, no types, and no division of integers."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "operator" / "recording_operator"
FILES = sorted(
    [
        *(PACKAGE / "costs").glob("*.py"),
        *(PACKAGE / "usage").glob("*.py"),
        *(PACKAGE / "api").glob("storagereport*.py"),
        PACKAGE / "api" / "figures.py",
        *(PACKAGE / "controller" / "reports" / f"{name}.py" for name in ("refresher", "prices", "status")),
        *(PACKAGE / "cli" / "commands" / f"{name}.py" for name in ("report", "cost")),
        *(PACKAGE / "cli" / "reports").glob("*.py"),
    ]
)


def floats(source: str) -> list[str]:
    """Where a program makes or takes a binary fraction; asking whether something is one is allowed."""
    tree = ast.parse(source)
    asked = {
        id(name)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "isinstance"
        for name in ast.walk(call)
    }
    found = []
    for node in ast.walk(tree):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        named = isinstance(node, ast.Name) and node.id == "float" and id(node) not in asked
        library = isinstance(node, ast.Import | ast.ImportFrom) and any(
            name.name.split(".")[0] in {"math", "statistics", "numpy"} for name in node.names
        )
        divided = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and of_whole_numbers(node)
        if literal or named or library or divided:
            found.append(ast.unparse(node))
    return found


def of_whole_numbers(node: ast.BinOp) -> bool:
    """Whether both sides are."""
    return whole(node.left) and whole(node.right)


def whole(node: ast.expr) -> bool:
    """A whole number for certain."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"int", "len"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_binary_fraction_is_near_money(path: Path) -> None:
    assert floats(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "a = 0.1",
        "def f(a: float) -> None: ...",
        "float('1')",
        "from math import *\nimport math",
        "len([]) / 2",
        "x = 1e3",
    ],
)
def test_a_binary_fraction_is_found(source: str) -> None:
    assert floats(source)


def test_asking_is_allowed() -> None:
    assert floats("if isinstance(value, float): raise ValueError") == []
