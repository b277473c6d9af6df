"""Links between the pages of the repository lead to files that exist."""

import re
import subprocess

import pytest

from localcluster.install import PROJECT

_LINK = re.compile(r"\]\(([^)#\s]+)")


def pages() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if (PROJECT / name).exists()]


@pytest.mark.parametrize("page", pages())
def test_each_link_leads_to_a_file(page: str) -> None:
    file = PROJECT / page
    targets = [target for target in _LINK.findall(file.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (file.parent / target).exists()] == []
