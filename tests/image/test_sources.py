"""The inputs of the image and its bill of materials, as far as they can be tested without building it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from localcluster.image import debian_sources
from localcluster.install import PROJECT

_MACHINE_READABLE = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Files: *
License: Expat

Files: debian/*
License: GPL-2+

License: GPL-2+
 This is the text.
"""
_PROSE = """License: do what you like.
On Debian systems the text is in /usr/share/common-licenses/GPL-2. See also
`/usr/share/common-licenses/Artistic'.
"""


@pytest.fixture
def sbom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of the image, which finds its documentation below `tmp_path`."""
    spec = importlib.util.spec_from_file_location("sbom", PROJECT / "image" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "DOCUMENTATION", tmp_path)
    return module


def test_sources_are_those_of_another_suite() -> None:
    here = (
        "Types: deb\nURIs: http://mirror\nSuites: bookworm bookworm-updates\n\nSuites: bookworm-security\nX: bookworm\n"
    )
    there = "Types: deb\nURIs: http://mirror\nSuites: trixie trixie-updates\n\nSuites: trixie-security\nX: bookworm\n"
    assert debian_sources(here, suite="trixie") == there
    assert debian_sources(there, suite="trixie") == there


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (_MACHINE_READABLE, ["Expat", "GPL-2+"]),
        (_PROSE, ["Artistic", "GPL-2"]),
        ("Do what you like.", ["see /usr/share/doc/sample/copyright"]),
    ],
)
def test_licences_of_a_package(sbom: ModuleType, tmp_path: Path, text: str, names: list[str]) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "copyright").write_text(text)
    found = [name.replace(str(tmp_path), "/usr/share/doc") for name in sbom.debian_licences("sample")]
    assert found == names


def test_a_package_without_a_copyright_file_has_no_licence(sbom: ModuleType) -> None:
    assert sbom.debian_licences("sample") == []
