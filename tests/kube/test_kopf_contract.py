"""The version of kopf that these tests ran with, and what `kube.watch` relies on beyond its documentation.

Not documented: kopf reads a WATCH with `response.content.iter_chunked` and a LIST with `response.json`, forgets an
object after an event of type DELETED, and keeps unknown keys of an event. `test_watcher.py` tests each with a real API
server.
"""

import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTED = "1.45"


def test_kopf_is_of_the_minor_version_that_was_tested() -> None:
    assert version("kopf").rpartition(".")[0] == TESTED, "run tests/kube/test_watcher.py with it, then change TESTED"


def test_no_other_minor_version_of_kopf_can_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "kopf>=1.45.2,<1.46" in project["dependencies"]


def test_only_the_public_api_of_kopf_is_used() -> None:
    private = [
        str(file.relative_to(ROOT))
        for file in (ROOT / "operator").rglob("*.py")
        if "kopf._" in (text := file.read_text()) or "_command=" in text
    ]
    assert private == []
