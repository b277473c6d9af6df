"""Files for contributors: issue forms, hooks and update rules refer to things that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster.install import PROJECT

FORMS = PROJECT / ".github" / "ISSUE_TEMPLATE"
HOOKS = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())
_BAD = {
    "ruff": ("bad.py", "import os\n"),
    "ruff-format": ("bad.py", "x  =  1\n"),
    "codespell": ("bad.md", "This is teh word.\n"),  # codespell:ignore
    "secrets": ("bad.txt", "-----BEGIN PRIVATE KEY-----\n"),  # pragma: allowlist secret
}
_GOOD = {"good.py": '"""A module."""\n', "good.md": "This is the word.\n"}


def hooks() -> dict[str, Any]:
    return {hook["id"]: hook for repo in HOOKS["repos"] for hook in repo["hooks"]}


def test_no_hook_has_its_own_version() -> None:
    assert {repo["repo"] for repo in HOOKS["repos"]} == {"local"}
    assert {hook["language"] for hook in hooks().values()} == {"system"}


def test_each_hook_calls_a_tool_of_the_environment_or_a_target_of_the_makefile() -> None:
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    for hook in hooks().values():
        program, argument = hook["entry"].split()[0], hook["entry"].split()[-1]
        assert argument in targets if program == "make" else (PROJECT / program).exists(), hook["id"]


@pytest.mark.parametrize("hook", _BAD)
def test_a_hook_fails_for_a_bad_file_and_passes_for_good_ones(hook: str, tmp_path: Path) -> None:
    for name in (".pre-commit-config.yaml", ".secrets.baseline", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    (tmp_path / ".venv").symlink_to(PROJECT / ".venv")
    for name, text in _GOOD.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert _run(hook, tmp_path, *_GOOD) == 0
    name, text = _BAD[hook]
    (tmp_path / name).write_text(text)
    assert _run(hook, tmp_path, name) == 1


def _run(hook: str, tree: Path, *names: str) -> int:
    subprocess.run(["git", "add", *names, ".pre-commit-config.yaml", ".secrets.baseline"], cwd=tree, check=True)
    command = [str(PROJECT / ".venv" / "bin" / "pre-commit"), "run", hook, "--files", *names]
    return subprocess.run(command, cwd=tree, check=False, capture_output=True).returncode


def test_the_bug_form_requires_reason_description_and_version() -> None:
    form = yaml.safe_load((FORMS / "bug.yml").read_text())
    required = {field.get("id") for field in form["body"] if field.get("validations", {}).get("required")}
    assert {"reason", "describe", "version"} <= required


@pytest.mark.parametrize("file", sorted(FORMS.glob("[!c]*.yml")), ids=lambda path: path.stem)
def test_each_form_has_what_a_form_needs(file: Path) -> None:
    form = yaml.safe_load(file.read_text())
    assert form["name"]
    assert form["description"]
    for field in form["body"]:
        assert field["type"] in {"markdown", "textarea", "input"}
        assert field["attributes"].get("label") or field["attributes"].get("value")
    ids = [field["id"] for field in form["body"] if "id" in field]
    assert len(ids) == len(set(ids))


def test_links_of_the_forms_lead_to_files() -> None:
    for file in FORMS.glob("*.yml"):
        for target in re.findall(r"\.\./blob/main/([\w./-]+)", file.read_text()):
            assert (PROJECT / target).exists(), target


def test_update_rules_cover_every_lock() -> None:
    rules = json.loads((PROJECT / "renovate.json").read_text())
    patterns = [
        pattern.strip("/")
        for manager in ("pip-compile", "pip_requirements")
        for pattern in rules[manager]["managerFilePatterns"]
    ]
    locks = [*(PROJECT / "requirements").glob("*.txt"), *(PROJECT / "benchmarks" / "tools").glob("*.txt")]
    names = [str(lock.relative_to(PROJECT)) for lock in locks]
    assert [name for name in names if not any(re.search(pattern, name) for pattern in patterns)] == []


def test_update_rules_find_the_base_of_the_image() -> None:
    manager = json.loads((PROJECT / "renovate.json").read_text())["customManagers"][0]
    found = re.search(manager["matchStrings"][0].replace("(?<", "(?P<"), (PROJECT / "Dockerfile").read_text())
    assert found is not None
    assert found["depName"] == "docker.io/library/python"
