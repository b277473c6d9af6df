"""The tools for comparison, by version from the package registries, built or installed once per machine.

rclone and s5cmd come from the Go module proxy (`tools/`), the AWS CLI from the Python package index into a separate
environment, curl from the machine. Everything is pinned by hash and kept in the cache of localcluster.builds.
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

from localcluster.builds import cache_folder, ensure_tools
from localcluster.progress import say
from localcluster.toolchain import Family, ToolchainError

TOOLS: Final = Path(__file__).resolve().parent / "tools"
_AWSCLI_LOCK: Final = TOOLS / "awscli.txt"
RCLONE: Final = Family(
    name="rclone",
    folder=TOOLS / "rclone",
    module="github.com/rclone/rclone",
    packages={"rclone": "github.com/rclone/rclone"},
    version_variables=(("github.com/rclone/rclone/fs.Version", "{version}"),),
    cold_build="three minutes",
)
S5CMD: Final = Family(
    name="s5cmd",
    folder=TOOLS / "s5cmd",
    module="github.com/peak/s5cmd/v2",
    packages={"s5cmd": "github.com/peak/s5cmd/v2"},
    version_variables=(("github.com/peak/s5cmd/v2/version.Version", "{version}"),),
    cold_build="half a minute",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """Paths of the programs, and what each says of its version."""

    curl: Path
    aws: Path
    rclone: Path
    s5cmd: Path
    versions: tuple[str, ...]


def ensure_peers() -> Peers:
    """Build and install what is missing. Raises ToolchainError."""
    curl = shutil.which("curl")
    if curl is None:
        raise ToolchainError("curl is needed; install it from the distribution")
    built = ensure_tools((RCLONE, S5CMD))
    aws = _ensure_awscli()
    versions = (
        _first_words([curl, "--version"], 2),
        _first_words([str(aws), "--version"], 1),
        f"rclone {RCLONE.version}",
        f"s5cmd {S5CMD.version}",
    )
    return Peers(curl=Path(curl), aws=aws, rclone=built["rclone"], s5cmd=built["s5cmd"], versions=versions)


def _ensure_awscli() -> Path:
    lock = _AWSCLI_LOCK.read_bytes()
    pinned = re.search(rb"^awscli==(\S+)", lock, re.MULTILINE)
    if pinned is None:
        raise ToolchainError(f"{_AWSCLI_LOCK} does not pin awscli")
    key = hashlib.sha256(lock + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / "tools" / f"awscli-{pinned[1].decode()}-{key}"
    program = folder / "bin" / "aws"
    if not program.exists():
        say(f"installing awscli {pinned[1].decode()} (once, half a minute)")
        partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        uv = Path(sys.executable).parent / "uv"
        _run([str(uv), "venv", "--quiet", "--relocatable", "--python", sys.executable, str(partial)])
        python = str(partial / "bin" / "python")
        _run([str(uv), "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", str(_AWSCLI_LOCK)])
        try:
            partial.rename(folder)
        except OSError:  # another process was faster
            shutil.rmtree(partial)
    return program


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolchainError(f"{command[0]} failed:\n{done.stderr.strip()}")


def _first_words(command: list[str], count: int) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()[:count])


if __name__ == "__main__":
    print(*ensure_peers().versions, sep="\n")
