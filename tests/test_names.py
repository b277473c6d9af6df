"""One word, one thing: no two classes of the package share a name."""

import ast
from collections import defaultdict
from pathlib import Path

import recording_operator

PACKAGE = Path(recording_operator.__file__).parent


def test_no_two_classes_of_the_package_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(PACKAGE)}:{node.lineno}")

    assert len(places) > 100
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
