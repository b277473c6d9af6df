"""`kubectl recordings` as one file, for people with Python but without Python packages, and its archive for Krew.

The file is a PEX: it unpacks itself once into a cache of the user, and starts from there as quickly as an installed
package. Libraries in it are compiled, so it is for one operating system, processor and version of Python: those of
the machine that builds it. Run: `make plugin`. Errors: ArtifactError.
"""

import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import yaml

from localcluster.builds import cache_folder
from release import version
from release.errors import ArtifactError

PROJECT: Final = Path(__file__).resolve().parent.parent
PROGRAM: Final = "kubectl-recordings"
SERVER_ONLY: Final = (
    "aiohttp", "anyio", "h11", "kopf", "prometheus-client", "starlette", "uvicorn",
)  # fmt: skip
"""Packages that only the operator and the receiver need, which are no verbs of `kubectl recordings`."""
_DOWNLOADS: Final = "https://recordings.dev/releases"
_MACHINES: Final[Mapping[str, str]] = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_EXECUTABLE: Final = 0o755
_READABLE: Final = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """The archive with the file, and the manifest with which Krew installs it."""

    archive: Path
    manifest: Path


def machine() -> str:
    """Operating system and processor, as Krew calls them: `linux-amd64`."""
    return f"{sys.platform}-{_MACHINES.get(platform.machine(), platform.machine())}"


def build_plugin(tree: Path, *, dist: Path) -> Plugin:
    """Write archive and manifest."""
    number = version.current(tree)
    with tempfile.TemporaryDirectory() as folder:
        program = build_program(tree, Path(folder) / PROGRAM)
        archive = dist / f"{PROGRAM}-{number}-{machine()}.tar.gz"
        _pack(archive, {PROGRAM: (program.read_bytes(), _EXECUTABLE), "LICENSE": _license(tree)})
    manifest = dist / "recordings.yaml"
    manifest.write_text(yaml.safe_dump(krew_manifest(archive, number=number), sort_keys=False, width=120), "utf-8")
    return Plugin(archive=archive, manifest=manifest)


def build_program(tree: Path, target: Path) -> Path:
    """Write the file, from the locked versions of all packages."""
    pex = Path(sys.executable).with_name("pex")
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder) / "sources"
        shutil.copytree(tree / "operator", sources, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        command = [
            str(pex),
            "--use-pip-config",
            "--no-build",
            f"--requirement={tree / 'requirements' / 'plugin.txt'}",
            *(f"--exclude={name}" for name in SERVER_ONLY),
            f"--sources-directory={sources}",
            "--entry-point=recording_operator.cli:plugin",
            "--venv",
            "--sh-boot",
            "--no-compile",
            f"--output-file={target}",
        ]
        environment = {**os.environ, "PEX_ROOT": str(cache_folder() / "pex")}
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArtifactError(f"pex failed:\n{(done.stderr or done.stdout).strip()}")
    return target


def krew_manifest(archive: Path, *, number: str) -> dict[str, Any]:
    """The manifest of the plugin `recordings`.

    Source: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/
    """
    system, processor = machine().split("-")
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "recordings"},
        "spec": {
            "version": f"v{number}",
            "homepage": "https://recordings.dev",
            "shortDescription": "Store, watch and fetch recordings",
            "description": (
                "Works with the Recordings of recording-operator, which copies recordings from URLs that\n"
                "expire to object storage. Lists, follows, checks and downloads them, and shows costs.\n"
            ),
            "caveats": (
                f"This needs Python {sys.version_info[0]}.{sys.version_info[1]} on the PATH.\n"
                "For completion, run: kubectl recordings completion install\n"
            ),
            "platforms": [
                {
                    "selector": {"matchLabels": {"os": system, "arch": processor}},
                    "uri": f"{_DOWNLOADS}/v{number}/{archive.name}",
                    "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
                    "files": [{"from": PROGRAM, "to": "."}, {"from": "LICENSE", "to": "."}],
                    "bin": PROGRAM,
                }
            ],
        },
    }


def _license(tree: Path) -> tuple[bytes, int]:
    return (tree / "LICENSE").read_bytes(), _READABLE


def _pack(archive: Path, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Write a .tar.gz that depends on nothing but the files."""
    plain = BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as written:
        for name, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            written.addfile(entry, BytesIO(content))
    with archive.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
        packed.write(plain.getvalue())


def main() -> int:
    """Build them from the tree into dist/; returns the exit status."""
    dist = PROJECT / "dist"
    dist.mkdir(exist_ok=True)
    try:
        built = build_plugin(PROJECT, dist=dist)
    except (ArtifactError, version.VersionError) as error:
        sys.stderr.write(f"plugin: {error}\n")
        return 1
    print(f"{built.archive}\n{built.manifest}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
