"""The real API server accepts the examples without changes, and they work in the demo."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from localcluster import ControlPlane
from localcluster.mediaserver import DEFAULT_PORT

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(EXAMPLES.rglob("*.yaml"))
NAMES = ("aws", "filesystem", "imports", "moves", "placement", "sync-to-postgres", "webhooks")
FOLDERS = (EXAMPLES, *(EXAMPLES / name for name in NAMES))


def documents(*paths: Path) -> list[dict[str, Any]]:
    return [document for path in paths for document in yaml.safe_load_all(path.read_text())]


@pytest.mark.cluster
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_examples_are_accepted(cluster: ControlPlane, folder: Path) -> None:
    cluster.kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "meetings"}})
    said = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", str(folder))
    expected = documents(*sorted(folder.glob("*.yaml")))
    assert said.count("created (server dry run)") == len(expected) > 0


def test_the_demo_has_what_the_examples_name() -> None:
    """The location `archive`, the namespace `default`, and the sample media server at its fixed address."""
    everything = documents(*EXAMPLES.glob("*.yaml"))
    recordings = [document for document in everything if document["kind"] == "Recording"]
    assert {recording["spec"]["storageLocation"] for recording in recordings} == {"archive"}
    assert all(document["metadata"].get("namespace", "default") == "default" for document in everything)
    sources = [artifact.get("source", {}) for recording in recordings for artifact in recording["spec"]["artifacts"]]
    links = [source["url"] for source in sources if "url" in source]
    links += [document["stringData"]["url"] for document in everything if document["kind"] == "Secret"]
    assert {urlsplit(link).netloc for link in links} == {f"127.0.0.1:{DEFAULT_PORT}"}
    assert all("size=" in link for link in links)


def test_the_readme_names_every_example() -> None:
    readme = (EXAMPLES / "README.md").read_text()
    assert [path for path in FILES if f"({path.relative_to(EXAMPLES)})" not in readme] == []
