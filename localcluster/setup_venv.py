"""Make `.venv` from the hash-pinned requirements; does nothing when nothing changed. Run: python3 -I setup_venv.py

Needs only Python >= 3.11. An older `python3` can read this file too (3.7 syntax): it hands over to a newer Python
beside it, or says what is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
STAMP = VENV / ".recording-operator-setup"
REQUIREMENTS = ("bootstrap.txt", "dev.txt")
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


class SetupError(Exception):
    """The machine lacks something. The message says what to do."""


def main() -> int:
    """Set up and return the exit status."""
    try:
        if sys.version_info[:2] < OLDEST:
            return hand_over()
        with locked(PROJECT / ".local" / "setup.lock"):
            if stamp_is_current():
                return 0
            set_up()
    except SetupError as error:
        say(str(error))
        return 1
    return 0


def hand_over() -> int:
    """Run this file with a newer Python, if there is one."""
    for name in NEWER:
        found = shutil.which(name)
        if found:
            return subprocess.call([found, "-I", __file__])
    raise SetupError("Python 3.11 or newer is needed; install it, or run: make PYTHON=/path/to/python3")


def set_up() -> None:
    """Create the environment, and install the requirements and the project."""
    started = time.monotonic()
    say("setting up .venv (once; a minute or two with an empty cache)")
    if not (VENV / "bin" / "python").exists() or not works([str(VENV / "bin" / "python"), "-c", "import pip"]):
        create_venv()
    STAMP.unlink(missing_ok=True)
    requirements = [PROJECT / "requirements" / name for name in REQUIREMENTS]
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    run([*pip, "-r", str(requirements[0])], step="installing uv")
    uv = [str(VENV / "bin" / "uv"), "pip"]
    files = [word for path in requirements for word in ("-r", str(path))]
    run([*uv, "install", "--require-hashes", *files], step="installing the requirements")
    project = [*uv, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(PROJECT)]
    run(project, step="installing recording-operator itself")
    STAMP.write_text(fingerprint())
    say(f"done after {time.monotonic() - started:.0f} s")


def create_venv() -> None:
    """Make an empty environment; on Debian as root, bring the package that it needs."""
    if not works([sys.executable, "-c", "import ensurepip, venv"]):
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        apt = shutil.which("apt-get")
        if not apt or os.geteuid() != 0:
            raise SetupError(f"this Python cannot make virtual environments; run: sudo apt-get install {package}")
        say(f"installing {package}, which this Python lacks")
        run([apt, "-qq", "update"], step="apt-get update")
        run([apt, "-qq", "install", "--yes", "--no-install-recommends", package], step=f"apt-get install {package}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], step="creating .venv")


def run(command: list[str], step: str) -> None:
    """Run a command whose output is shown; a failure is a SetupError."""
    say(step)
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment.setdefault("DEBIAN_FRONTEND", "noninteractive")
    # uv does not read pip's settings, so pass it the package index of pip.
    if "PIP_INDEX_URL" in environment:
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    # Machines behind a company's proxy trust its certificate authority in the system's store alone.
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    process = subprocess.Popen(command, env=environment, cwd=str(PROJECT), stderr=subprocess.PIPE, text=True)
    for line in process.stderr or ():
        if not line.startswith((" + ", " - ")):  # uv lists a hundred packages
            sys.stderr.write(line)
            sys.stderr.flush()
    status = process.wait()
    if status != 0:
        raise SetupError(f"{step} failed with status {status} (see above)")


def works(command: list[str]) -> bool:
    """Whether a command succeeds. Its output is not shown."""
    return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def stamp_is_current() -> bool:
    """Whether the environment was made from the current tree, for this folder and this Python."""
    return STAMP.exists() and STAMP.read_text() == fingerprint() and (VENV / "bin" / "python").exists()


def fingerprint() -> str:
    """Return a text that changes whenever the environment has to be made again."""
    digest = hashlib.sha256(str(VENV).encode())
    inputs = [PROJECT / "requirements" / name for name in REQUIREMENTS]
    for path in [*inputs, Path(__file__)]:
        digest.update(path.read_bytes())
    import tomllib  # noqa: PLC0415 - an older Python has to get as far as its error message

    with (PROJECT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    digest.update(json.dumps([project["project"], project["build-system"]], sort_keys=True).encode())
    return digest.hexdigest()


class locked:  # noqa: N801 - used like a function
    """Holds a lock file. Prints a line if it has to wait for another process."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.file = path.open("w")

    def __enter__(self) -> None:
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is setting up .venv: waiting for it")
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def say(text: str) -> None:
    """Print one line at once."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
