"""Each ignored linter rule has its reason on the same line."""

import re
import subprocess

from localcluster.install import PROJECT

_WITHOUT_REASON = re.compile(r"# noqa(: [A-Z0-9, ]+)?$", re.MULTILINE)


def python_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if (PROJECT / name).exists()]


def test_each_ignored_rule_has_its_reason() -> None:
    bare = {name for name in python_files() if _WITHOUT_REASON.search((PROJECT / name).read_text(encoding="utf-8"))}
    assert bare == set()


def test_a_line_without_a_reason_is_found() -> None:
    assert _WITHOUT_REASON.search("x = 1  # noqa: " + "E501\n")
    assert not _WITHOUT_REASON.search("x = 1  # noqa: " + "E501 - a table\n")
