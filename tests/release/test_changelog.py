"""Sentences of changes/ become a section of CHANGELOG.md."""

from datetime import date
from pathlib import Path

import pytest

from localcluster.install import PROJECT
from release import changelog
from release.changelog import ChangelogError

DAY = date(2026, 11, 29)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "changes").mkdir()
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\nWhat users notice.\n\n")
    return tmp_path


def change(tree: Path, name: str, text: str) -> None:
    (tree / "changes" / name).write_text(text)


def test_kinds_become_headings_in_their_order_and_files_go(tree: Path) -> None:
    change(tree, "walls.security.md", "Addresses are checked.\n")
    change(tree, "b.fixed.md", "Second,\nin two lines.\n")
    change(tree, "a.fixed.md", "First.\n")
    change(tree, "new.added.md", "Something new.\n")
    changelog.join(tree, version="1.0.0", day=DAY)
    assert (tree / "CHANGELOG.md").read_text() == (
        "# Changelog\n\nWhat users notice.\n\n"
        "## [1.0.0] - 2026-11-29\n\n"
        "### Added\n\n- Something new.\n\n"
        "### Fixed\n\n- First.\n- Second, in two lines.\n\n"
        "### Security\n\n- Addresses are checked.\n\n"
    )
    assert list((tree / "changes").iterdir()) == []


def test_the_newest_version_stands_first(tree: Path) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        change(tree, "a.fixed.md", f"In {version}.")
        changelog.join(tree, version=version, day=DAY)
    assert changelog.released((tree / "CHANGELOG.md").read_text()) == ["2.0.0", "1.1.0", "1.0.0"]


@pytest.mark.parametrize("name", ["a.md", "a.improved.md", "a.b.fixed.md"])
def test_a_file_name_without_a_valid_kind_is_rejected(tree: Path, name: str) -> None:
    change(tree, name, "Something.")
    before = (tree / "CHANGELOG.md").read_text()
    with pytest.raises(ChangelogError, match="kinds are added, changed"):
        changelog.join(tree, version="1.0.0", day=DAY)
    assert (tree / "CHANGELOG.md").read_text() == before
    assert (tree / "changes" / name).exists()


def test_a_release_without_changes_is_rejected(tree: Path) -> None:
    with pytest.raises(ChangelogError, match="nothing to release"):
        changelog.join(tree, version="1.0.0", day=DAY)


def test_each_change_of_this_tree_has_a_kind_and_one_paragraph() -> None:
    changes = sorted((PROJECT / "changes").glob("*.md"))
    changelog.section(changes, version="1.0.0", day=DAY)
    assert [path.name for path in changes if "\n\n" in path.read_text().strip()] == []
