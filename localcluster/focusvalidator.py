"""focus-validator of the FinOps Foundation, in an environment of its own: it needs Python 3.12 and older libraries.

    failed = FocusValidator.installed().failed_rules(Path("costs.csv"))

The environment is made once per machine from requirements/focus.txt. Errors: ToolchainError.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcluster.builds import cache_folder, locked
from localcluster.progress import Progress, say
from localcluster.toolchain import ToolchainError

LOCK: Final = Path(__file__).resolve().parent.parent / "requirements" / "focus.txt"
_RULES: Final = "1.2.0.1"
"""The rules that the package contains, of FOCUS 1.2. Others would be downloaded."""
# What the exported charges are said to support; the rules of everything else are skipped.
SUPPORTED: Final = (
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
    "REGION_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
)
_PYTHON: Final = "3.12"
"""Its numpy has no wheels for newer ones."""
_FAILED: Final = re.compile(r"^❌ (\S+): FAIL", re.MULTILINE)
_TOTAL: Final = re.compile(r"^Total: \d+ \| Pass: (\d+)", re.MULTILINE)
_ERROR_TAIL_CHARS: Final = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusValidator:
    """The program, installed in a folder."""

    folder: Path

    @classmethod
    def installed(cls) -> "FocusValidator":
        """The program, installed if need be. Raises ToolchainError."""
        folder = cache_folder() / "tools" / f"focus-validator-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"
        if not folder.exists():
            with locked(folder.with_name(f"{folder.name}.lock"), waiting_for="focus-validator"):
                if not folder.exists():
                    _install(folder)
        return cls(folder=folder)

    @staticmethod
    def python() -> Path | None:
        """The Python that it runs on: in PATH, or installed by pyenv."""
        pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
        in_path = shutil.which(f"python{_PYTHON}")
        found = [*([Path(in_path)] if in_path else []), *sorted(pyenv.glob(f"versions/{_PYTHON}.*/bin/python3"))]
        return next((one for one in found if _runs(one)), None)

    def failed_rules(self, file: Path) -> set[str]:
        """Ids of the rules that a CSV or Parquet file breaks. Raises ToolchainError if it could not be checked."""
        program: list[str | Path] = [self.folder / "bin" / "python3", "-m", "focus_validator.main"]
        command = [*program, "--block-download", f"--validate-version={_RULES}"]
        options = [f"--data-file={file.absolute()}", f"--applicability-criteria={','.join(SUPPORTED)}"]
        # It reads its list of currencies from a path relative to the folder that it is started in.
        start = next(self.folder.glob("lib/python3*/site-packages"))
        done = subprocess.run([*command, *options], cwd=start, capture_output=True, text=True, check=False)
        passed = _TOTAL.search(done.stdout)
        if done.returncode or passed is None or not int(passed[1]):
            raise ToolchainError(f"focus-validator failed:\n{(done.stdout + done.stderr)[-_ERROR_TAIL_CHARS:]}")
        return set(_FAILED.findall(done.stdout))


def _runs(python: Path) -> bool:
    """A shim of pyenv may be in PATH without a Python behind it."""
    return subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0


def _install(folder: Path) -> None:
    """Make the environment in a folder beside, then move that to its place; nothing in it is started by its path."""
    python = FocusValidator.python()
    if python is None:
        raise ToolchainError(f"focus-validator needs Python {_PYTHON}, which is not in PATH")
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    say("installing focus-validator from the Python package index (once, about a minute)")
    with Progress("installing focus-validator"):
        _run([python, "-m", "venv", "--without-pip", partial])
        install: list[str | Path] = [
            Path(sys.executable).with_name("uv"),
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
        ]
        install.append(f"--python={partial}/bin/python3")
        _run([*install, f"--build-constraints={LOCK}", "-r", LOCK])
    partial.rename(folder)


def _run(command: list[str | Path]) -> None:
    environment = {"UV_SYSTEM_CERTS": "true", **os.environ}
    if index := os.environ.get("PIP_INDEX_URL"):
        environment.setdefault("UV_DEFAULT_INDEX", index)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise ToolchainError(f"focus-validator could not be installed:\n{done.stderr[-_ERROR_TAIL_CHARS:]}")
