"""Write requirements/*.txt: every package with its version and hashes. Run: `make locks`.

A pin that still fits stays. `UPGRADE=1` takes the newest versions, `UPGRADE=botocore` the newest of one package.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
# Each file with what it is made from. All of dev.txt agrees with operator.txt.
SOURCES: Final[Mapping[str, Sequence[str]]] = {
    "bootstrap.txt": ("requirements/bootstrap.in",),
    "build.txt": ("requirements/build.in",),
    "focus.txt": ("requirements/focus.in",),
    "go.txt": ("requirements/go.in",),
    "operator.txt": ("pyproject.toml",),
    "plugin.txt": ("pyproject.toml", "--extra=cli", "--constraint=requirements/operator.txt"),
    "console.txt": ("pyproject.toml", "--extra=console", "--constraint=requirements/operator.txt"),
    "dev.txt": ("pyproject.toml", "--extra=console", "requirements/dev.in", "--constraint=requirements/operator.txt"),
}
HEADER: Final = (
    "# Do not edit. `make locks` renews this file; UPGRADE=1 takes the newest versions, UPGRADE=NAME one of them.\n"
)
# The oldest Python that each file is for; it holds for every newer one, and for every platform.
_OLDEST_PYTHON: Final = "3.11"
_OLDEST_PYTHON_OF: Final[Mapping[str, str]] = {"focus.txt": "3.12"}


def main(arguments: Sequence[str]) -> int:
    """Write all files; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m localcluster.locks", description=__doc__)
    parser.add_argument("--upgrade", default="", metavar="NAME", help="1: all packages; a name: that package")
    upgrade = parser.parse_args(arguments).upgrade
    for name in SOURCES:
        write(name, tree=PROJECT, upgrade=upgrade)
    return 0


def write(name: str, *, tree: Path, upgrade: str = "") -> None:
    """Write one file of `tree`. Raises CalledProcessError."""
    file = tree / "requirements" / name
    uv = Path(sys.executable).with_name("uv")
    # The command stands in the file, where tools that renew dependencies read it.
    python = f"--python-version={_OLDEST_PYTHON_OF.get(name, _OLDEST_PYTHON)}"
    options = ("--universal", python, "--generate-hashes", "--no-annotate")
    command = ["pip", "compile", *options, f"--output-file=requirements/{name}", *SOURCES[name]]
    subprocess.run([uv, *command, "--quiet", *_upgrade_options(upgrade)], cwd=tree, env=_environment(), check=True)
    file.write_text(HEADER + file.read_text(encoding="utf-8"), encoding="utf-8")


def _upgrade_options(upgrade: str) -> list[str]:
    if not upgrade:
        return []
    return ["--upgrade"] if upgrade == "1" else [f"--upgrade-package={upgrade}"]


def _environment() -> dict[str, str]:
    """uv does not read pip's settings, so pass it the package index of pip."""
    index = os.environ.get("PIP_INDEX_URL")
    return {"UV_SYSTEM_CERTS": "true", **os.environ, **({"UV_DEFAULT_INDEX": index} if index else {})}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
