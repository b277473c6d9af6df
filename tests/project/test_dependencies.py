"""What the operator imports is declared, and every declared package is locked with its hashes."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from localcluster.install import PROJECT
from localcluster.locks import HEADER, SOURCES, write

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_PIN = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)
REQUIREMENTS = PROJECT / "requirements"
PACKAGE = "recording_operator"


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    return names(project()["dependencies"])


def extras() -> set[str]:
    """Packages that only an extra installs."""
    return names(line for lines in project()["optional-dependencies"].values() for line in lines)


def project() -> dict[str, Any]:
    return dict(tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"])


def names(lines: Iterable[str]) -> set[str]:
    return {canonical(found[0]) for line in lines if (found := _NAME.match(line))}


def imported(tree: ast.Module) -> Iterator[str]:
    """The top names of what a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def foreign_imports() -> dict[str, Path]:
    """Each imported module that is neither ours nor Python's, with a file that imports it."""
    files = (PROJECT / "operator").rglob("*.py")
    found = {name: file for file in files for name in imported(ast.parse(file.read_text()))}
    return {name: file for name, file in found.items() if name not in sys.stdlib_module_names | {PACKAGE}}


def pins(name: str) -> Mapping[str, str]:
    return dict(_PIN.findall((REQUIREMENTS / name).read_text()))


def test_every_import_is_declared() -> None:
    providers = packages_distributions()
    imports = {name: {canonical(one) for one in providers[name]} for name in foreign_imports()}
    assert {name for name, given in imports.items() if not given & (declared() | extras())} == set()


def test_everything_declared_is_imported_or_is_data_that_python_reads_itself() -> None:
    providers = packages_distributions()
    imports = {canonical(one) for name in foreign_imports() for one in providers[name]}
    # SQLAlchemy imports the driver by its name, FastAPI what reads forms.
    assert (declared() | extras()) - imports == {"tzdata", "psycopg", "python-multipart"}


def test_an_import_inside_a_function_counts() -> None:
    tree = ast.parse("def f():\n    import one.two\n    from three.four import five\nfrom . import six\n")
    assert set(imported(tree)) == {"one", "three"}


def test_every_declared_package_is_locked() -> None:
    assert declared() - set(pins("operator.txt")) == set()
    assert extras() - set(pins("dev.txt")) == set()


def test_tests_run_on_the_versions_that_the_image_gets() -> None:
    development = pins("dev.txt")
    assert {name: development[name] for name in pins("operator.txt")} == pins("operator.txt")


@pytest.mark.parametrize("name", SOURCES)
def test_each_lock_names_the_command_that_renews_it_and_no_index(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    assert text.startswith(HEADER)
    assert "://" not in text
    assert "--index" not in text
    assert all("\\" in line for line in text.splitlines() if _PIN.match(line)), "a package without hashes"


def test_no_lock_has_no_source() -> None:
    assert {path.name for path in REQUIREMENTS.glob("*.txt")} == set(SOURCES)


def test_writing_a_lock_keeps_what_still_fits(tmp_path: Path) -> None:
    folder = tmp_path / "requirements"
    folder.mkdir()
    for name in ("build.in", "build.txt"):
        (folder / name).write_text((REQUIREMENTS / name).read_text())
    write("build.txt", tree=tmp_path)
    assert (folder / "build.txt").read_text() == (REQUIREMENTS / "build.txt").read_text()
