"""The byte code of the image: the same program without docstrings."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from localcluster.install import PROJECT

_SCRIPT = PROJECT / "image" / "bytecode.py"
_MODULE = '''"""A module."""
from __future__ import annotations


class Kept:
    """A class."""

    text: str = "not a docstring"


async def later() -> None:
    """Only a docstring."""


def checked(value: int) -> int:
    """A function."""
    assert value > 0, "asserted"
    return value
'''


def _compile(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(_SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _said(folder: Path, program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _package(folder: Path, name: str) -> Path:
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(_MODULE)
    return package


def test_docstrings_are_empty_and_assertions_hold(tmp_path: Path) -> None:
    package = _package(tmp_path, "sample")
    assert _compile(str(tmp_path)).returncode == 0
    # What runs is the byte code: its source may change and is not looked at.
    (package / "__init__.py").write_text("raise SystemExit('compiled anew')")
    docs = "sample.__doc__, sample.Kept.__doc__, sample.later.__doc__, sample.checked.__doc__"
    assert _said(tmp_path, f"import sample; print([{docs}], sample.Kept.text)") == "['', '', '', ''] not a docstring"
    refused = "import sample\ntry: sample.checked(0)\nexcept AssertionError as error: print(error)"
    assert _said(tmp_path, refused) == "asserted"
    assert _said(tmp_path, "import sample; print(sample.Kept.__annotations__)") == "{'text': 'str'}"


def test_named_packages_keep_their_docstrings(tmp_path: Path) -> None:
    package = _package(tmp_path, "sample")
    assert _compile(str(tmp_path), "--documented", str(package)).returncode == 0
    said = _said(tmp_path, "import sample; print(sample.__doc__, sample.checked.__doc__)")
    assert said == "A module. A function."


def test_same_files_same_bytes(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        folder = tmp_path / "tree"
        folder.mkdir(exist_ok=True)
        path = folder / "module.py"
        path.write_text(_MODULE)
        assert _compile(str(folder)).returncode == 0
        compiled = Path(importlib.util.cache_from_source(path))
        found.append(compiled.read_bytes())
        compiled.unlink()
    assert found[0] == found[1]


@pytest.mark.parametrize("content", [b"def broken(:\n", b"a = '\xff'\n", b"a = 1\0"])
def test_a_file_that_cannot_be_compiled_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.py").write_bytes(content)
    _package(tmp_path, "sound")
    done = _compile(str(tmp_path))
    assert done.returncode == 1
    assert "broken.py" in done.stderr
    assert (tmp_path / "sound" / "__pycache__").is_dir()


def test_skipped_folders_stay_as_they_are(tmp_path: Path) -> None:
    package = _package(tmp_path, "tests")
    assert _compile(str(tmp_path), "--skip", "test,tests").returncode == 0
    assert not (package / "__pycache__").exists()
