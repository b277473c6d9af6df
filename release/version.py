"""The version. Its one place is `recording_operator.__version__`; the files that cannot read it there are written here.

Errors: VersionError.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_SOURCE: Final = Path("operator/recording_operator/__init__.py")
_IN_SOURCE: Final = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)
_NUMBERS: Final = r"(\d+\.\d+\.\d+)"
_IMAGE: Final = re.compile(f"recording-operator(?:-console)?:{_NUMBERS}")
# Helm reads the first file and Docker the second; people copy commands out of the others.
_COPIES: Final[Mapping[Path, Sequence[re.Pattern[str]]]] = {
    Path("charts/recording-operator/Chart.yaml"): (
        re.compile(r"^version: (.*)$", re.MULTILINE),
        re.compile(r'^appVersion: "(.*)"$', re.MULTILINE),
    ),
    Path("Dockerfile"): (re.compile(r"^ARG VERSION=(.*)$", re.MULTILINE),),
    Path("charts/recording-operator/README.md"): (_IMAGE,),
    Path("install/README.md"): (_IMAGE, re.compile(f'newTag: "{_NUMBERS}"')),
}
_VERSION: Final = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class VersionError(RuntimeError):
    """The version cannot be released; the message says why."""


def parse(version: str) -> tuple[int, ...]:
    """Turn `1.2.3` into something that compares. Raises VersionError."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise VersionError(f"{version!r} is not a version. Expected three numbers, such as 1.2.3.")
    return tuple(int(number) for number in found.groups())


def current(tree: Path) -> str:
    """Return the version of a tree."""
    return _found(_IN_SOURCE, tree / _SOURCE)[0]


def check_newer(version: str, *, current: str, released: Sequence[str]) -> None:
    """Raise VersionError unless the version may follow: it was not released, and nothing newer was."""
    wanted = parse(version)
    for other in released:
        if wanted <= parse(other):
            raise VersionError(f"{other} is already released. Choose a version after it, not {version}.")
    if wanted < parse(current):
        raise VersionError(f"The tree has version {current}. Choose that version or a newer one, not {version}.")


def copies(tree: Path) -> set[str]:
    """Return the versions in the copies. There is one, unless a copy was edited."""
    places = [(tree / path, pattern) for path, patterns in _COPIES.items() for pattern in patterns]
    return {version for path, pattern in places for version in _found(pattern, path)}


def write(version: str, *, tree: Path) -> None:
    """Set the version of a tree, in its source and in all copies. Raises VersionError where a place is gone."""
    for path, patterns in {_SOURCE: (_IN_SOURCE,), **_COPIES}.items():
        for pattern in patterns:
            _found(pattern, tree / path)
            text = (tree / path).read_text(encoding="utf-8")
            changed = pattern.sub(lambda match: match[0].replace(match[1], version), text)
            (tree / path).write_text(changed, encoding="utf-8")


def _found(pattern: re.Pattern[str], path: Path) -> list[str]:
    found: list[str] = pattern.findall(path.read_text(encoding="utf-8"))
    if not found:
        raise VersionError(f"{path} has no line that matches {pattern.pattern}")
    return found
