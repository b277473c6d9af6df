"""Links between the pages of the repository lead to files and headings that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from localcluster.install import PROJECT

_LINK = re.compile(r"\]\(([^)#\s]+)")
_ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def pages() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if (PROJECT / name).exists()]


@pytest.mark.parametrize("page", pages())
def test_each_link_leads_to_a_file(page: str) -> None:
    file = PROJECT / page
    targets = [target for target in _LINK.findall(file.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (file.parent / target).exists()] == []


@pytest.mark.parametrize("page", pages())
def test_each_anchor_leads_to_a_heading(page: str) -> None:
    file = PROJECT / page
    links = _ANCHOR.findall(file.read_text(encoding="utf-8"))
    targets = [(file.parent / target if target else file, name) for target, name in links if "://" not in target]
    assert [(path.name, name) for path, name in targets if path.suffix == ".md" and name not in anchors(path)] == []


def anchors(page: Path) -> set[str]:
    """Names of the headings, as GitHub makes them, and of explicit anchors."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    headings = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", one) for one in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    names = {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}
    return names | set(re.findall(r'id="([^"]+)"', text))
