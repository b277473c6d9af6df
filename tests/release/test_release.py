"""A release of a copy of this tree, made as by `make release`, without image and plugin, which have their own tests."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from localcluster.install import PROJECT

VERSION = "7.8.9"
_COMMITTER = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_COMMITTER_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}
_DATES = {"GIT_AUTHOR_DATE": "2026-11-20T12:00:00Z", "GIT_COMMITTER_DATE": "2026-11-20T12:00:00Z"}


def git(tree: Path, *arguments: str) -> str:
    environment = {**os.environ, **_COMMITTER, **_DATES}
    return subprocess.run(
        ["git", *arguments], cwd=tree, env=environment, capture_output=True, text=True, check=True
    ).stdout


def copy_of_this_tree(tree: Path) -> None:
    listed = git(PROJECT, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    for name in filter(None, listed):
        if (PROJECT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, tree / name)
    (tree / "changes").mkdir(exist_ok=True)
    (tree / "changes" / "one-more.added.md").write_text("A change, even right after a release of this tree.\n")
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message=Everything")


def release(tree: Path, version: str = VERSION) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'operator'}{os.pathsep}{tree}"}
    command = [sys.executable, "-m", "release", version, "--image=no", "--plugin=no"]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new repository with the files of this tree."""
    folder = tmp_path_factory.mktemp("committed")
    copy_of_this_tree(folder)
    return folder


@pytest.fixture
def tree(committed: Path, tmp_path: Path) -> Path:
    """A clone for one test."""
    git(tmp_path, "clone", "--quiet", str(committed), "tree")
    return tmp_path / "tree"


@pytest.fixture(scope="module")
def released(committed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone after its release."""
    folder = tmp_path_factory.mktemp("released")
    git(folder, "clone", "--quiet", str(committed), ".")
    done = release(folder)
    assert done.returncode == 0, done.stderr
    assert "Images: skipped (IMAGE=no)." in done.stdout
    return folder


def sums(tree: Path) -> str:
    return (tree / "dist" / "SHA256SUMS").read_text()


def test_dist_contains_everything_with_correct_checksums(released: Path) -> None:
    files = {path.name for path in (released / "dist").iterdir()}
    chart = f"recording-operator-{VERSION}.tgz"
    bills = {f"recording-operator-{VERSION}.cdx.json", f"recording-operator-console-{VERSION}.cdx.json"}
    assert files == {chart, *bills, "install.yaml", "receiver.yaml", "console.yaml", "SHA256SUMS"}
    listed = {line[66:]: line[:64] for line in sums(released).splitlines()}
    assert set(listed) == files - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((released / "dist" / name).read_bytes()).hexdigest() == digest


def test_the_package_is_the_chart_of_that_version(released: Path) -> None:
    with tarfile.open(released / "dist" / f"recording-operator-{VERSION}.tgz") as package:
        names = set(package.getnames())
        file = package.extractfile("recording-operator/Chart.yaml")
        assert file is not None
        chart = yaml.safe_load(file.read())
    assert (chart["version"], chart["appVersion"]) == (VERSION, VERSION)
    assert {"recording-operator/values.schema.json", "recording-operator/templates/deployment.yaml"} <= names


def test_the_manifests_name_the_image_of_that_version(released: Path) -> None:
    images = {"console/console.yaml": "recording-operator-console"}
    for file in ("install.yaml", "receiver/receiver.yaml", "console/console.yaml"):
        text = (released / "dist" / Path(file).name).read_text()
        assert f"image: {images.get(file, 'recording-operator')}:{VERSION}\n" in text
        assert text == (released / "install" / file).read_text()


@pytest.mark.parametrize(
    ("file", "requirements"), [("recording-operator", "operator.txt"), ("recording-operator-console", "console.txt")]
)
def test_the_bill_of_materials_lists_what_is_pinned(released: Path, file: str, requirements: str) -> None:
    bill = json.loads((released / "dist" / f"{file}-{VERSION}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["version"] == VERSION
    locked = re.findall(r"^([\w.-]+)==(\S+)", (PROJECT / "requirements" / requirements).read_text(), re.MULTILINE)
    assert {(one["name"], one["version"]) for one in bill["components"]} == set(locked)
    assert all(one["hashes"] for one in bill["components"] if "hashes" in one)
    assert not {"timestamp", "serialNumber"} & {*bill, *bill["metadata"]}


def test_the_tree_has_the_version_and_the_changelog(released: Path) -> None:
    assert f"\n## [{VERSION}] - 2026-11-20\n" in (released / "CHANGELOG.md").read_text()
    assert not list((released / "changes").glob("*.md"))
    changed = {line.split()[1] for line in git(released, "status", "--porcelain").splitlines()}
    assert {name for name in changed if not name.startswith("changes/")} == {
        "CHANGELOG.md",
        "Dockerfile",
        "charts/recording-operator/Chart.yaml",
        "charts/recording-operator/README.md",
        "install/README.md",
        "install/console/console.yaml",
        "install/install.yaml",
        "install/receiver/receiver.yaml",
        "operator/recording_operator/__init__.py",
    }


def test_the_same_tree_gives_the_same_bytes(released: Path, tree: Path) -> None:
    assert release(tree).returncode == 0
    assert sums(tree) == sums(released)


def test_the_released_version_cannot_be_released_again(released: Path, tree: Path) -> None:
    shutil.copy(released / "CHANGELOG.md", tree)
    git(tree, "commit", "--quiet", "--all", "--message=Changelog")
    done = release(tree)
    assert done.returncode == 1
    assert f"{VERSION} is already released" in done.stderr


def test_a_work_tree_with_changes_is_rejected_and_left_alone(tree: Path) -> None:
    (tree / "LICENSE").write_text("Mine.\n")
    done = release(tree)
    assert done.returncode == 1
    assert "not committed" in done.stderr
    assert git(tree, "status", "--porcelain") == " M LICENSE\n"
    assert not (tree / "dist").exists()


def test_a_build_that_fails_leaves_the_tree_alone(tree: Path) -> None:
    (tree / "charts" / "recording-operator" / "templates" / "broken.yaml").write_text("{{ nonsense }}")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message=Broken")
    done = release(tree)
    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert git(tree, "status", "--porcelain") == ""
