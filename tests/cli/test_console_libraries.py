"""`recording-operator console` where the libraries of the console are not installed, as in the operator's image."""

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import sys
sys.modules[sys.argv.pop(1)] = None  # it cannot be imported
sys.argv[0] = "recording-operator"
from recording_operator.cli import main
main()
"""


def _run(missing: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROGRAM, missing, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", ["sqlalchemy", "fastapi"])
def test_one_sentence_says_what_to_install(missing: str, tmp_path: Path) -> None:
    done = _run(missing, "console", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"recording-operator: The console needs the Python package {missing}. The console's image has it; elsewhere, "
        "install it with: pip install 'recording-operator[console]'\n"
    )


def test_the_help_needs_none_of_them(tmp_path: Path) -> None:
    done = _run("sqlalchemy", "console", "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--database-url" in done.stdout


def test_other_missing_modules_are_errors_of_the_program(tmp_path: Path) -> None:
    done = _run("recording_operator.console.serving", "console", folder=tmp_path)
    assert "Traceback" in done.stderr
