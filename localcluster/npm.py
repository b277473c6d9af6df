"""Files of packages of the npm registry: those that the console ships, and those that only tests need.

`python -m localcluster.npm` writes the files of console/static/vendored again, as files.toml there names them.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from localcluster.builds import cache_folder, locked
from localcluster.progress import say
from localcluster.toolchain import ToolchainError

VENDORED: Final = (
    Path(__file__).resolve().parent.parent / "operator" / "recording_operator" / "console" / "static" / "vendored"
)
_TIMEOUT_S: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmFile:
    """A file of a released package."""

    name: str
    package: str
    version: str
    member: str
    sha256: str
    licence: str

    def cached(self) -> Path:
        """The file in the cache of this machine, fetched if need be. Raises ToolchainError."""
        path = cache_folder() / "npm" / f"{self.sha256}-{self.name}"
        if not path.exists():
            with locked(path.with_name(f"{path.name}.lock"), waiting_for=self.package):
                if not path.exists():
                    path.write_bytes(self.fetched())
        return path

    def fetched(self) -> bytes:
        """The contents, from the registry. Raises ToolchainError."""
        with tempfile.TemporaryDirectory() as folder:
            release = f"{self.package}@{self.version}"
            try:
                subprocess.run(
                    ["npm", "pack", "--silent", release],
                    cwd=folder,
                    check=True,
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise ToolchainError(
                    f"npm cannot fetch {release} ({type(error).__name__}). Install npm, or see its log."
                ) from None
            archive = next(Path(folder).glob("*.tgz"))
            with tarfile.open(archive) as opened:
                member = opened.extractfile(f"package/{self.member}")
                content = b"" if member is None else member.read()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ToolchainError(f"{self.member} of {release} is not the expected file: its SHA-256 differs.")
        return content


AXE: Final = NpmFile(
    name="axe.min.js",
    package="axe-core",
    version="4.14.1",
    member="axe.min.js",
    sha256="29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
    licence="MPL-2.0",
)
"""Checks the accessibility of pages, in tests."""


def vendored_files() -> Sequence[NpmFile]:
    """The files that the console ships."""
    table = tomllib.loads((VENDORED / "files.toml").read_text())
    return [NpmFile(**entry) for entry in table["file"]]


def main() -> int:
    """Write the files again; returns the exit status."""
    try:
        for file in vendored_files():
            (VENDORED / file.name).write_bytes(file.fetched())
            say(f"{file.package} {file.version}: {file.name}")
    except ToolchainError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
