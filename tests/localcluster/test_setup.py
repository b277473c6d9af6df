"""The messages of the setup if the machine lacks something."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcluster import setup_venv
from localcluster.install import PROJECT


def test_an_old_python_finds_a_newer_one_or_prints_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup_venv.SetupError, match=r"Python 3\.11 or newer is needed"):
        setup_venv.hand_over()
    newer = tmp_path / "python3.12"
    newer.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n')
    newer.chmod(0o755)
    assert setup_venv.hand_over() == 0
    assert (tmp_path / "called").read_text() == f"-I {setup_venv.__file__}\n"


def test_with_a_python_without_venv_the_message_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks_ensurepip(command: list[str]) -> bool:
        return "import ensurepip, venv" not in command

    monkeypatch.setattr(setup_venv, "works", lacks_ensurepip)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    package = f"python3.{sys.version_info[1]}-venv"
    with pytest.raises(setup_venv.SetupError, match=f"run: sudo apt-get install {package}"):
        setup_venv.create_venv()


def test_a_failed_step_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    script = "import sys; sys.stderr.write(' + package==1\\nno space left\\n'); sys.exit(3)"
    with pytest.raises(setup_venv.SetupError, match="installing failed with status 3"):
        setup_venv.run([sys.executable, "-c", script], step="installing")
    assert capfd.readouterr().err == "setup: installing\nno space left\n"


def test_make_help_lists_every_target() -> None:
    listed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    targets = "setup demo test e2e lint fmt crds cluster cluster-down run docs"
    assert {f"make {target}" for target in targets.split()} <= {line[2:21].strip() for line in listed.splitlines()}
