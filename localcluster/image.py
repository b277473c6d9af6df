"""The images of operator and console, built without Docker and an image registry: `python -m localcluster.image`.

mmdebstrap makes the two base images from the machine's own Debian mirror, buildah builds the Dockerfile on them.
Needs root, buildah and mmdebstrap. Errors: ImageError.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from localcluster.builds import cache_folder
from localcluster.install import PROJECT

REFERENCE: Final = "localhost/recording-operator:dev"
OPERATOR: Final = "operator"
CONSOLE: Final = "console"
"""Targets of the Dockerfile."""
_SUITE: Final = "trixie"
_SOURCES: Final = Path("/etc/apt/sources.list.d/debian.sources")
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_RUNTIME: Final = (
    "base-files", "base-passwd", "dash", "coreutils", "libc-bin", "sed", "grep", "findutils",
    "ca-certificates", "python3",
)  # fmt: skip
_BUILD: Final = (*_RUNTIME, "gzip", "python3-venv", "python3-pip")
# The Dockerfile keeps the licences of /usr/share/doc.
_OPTIONS: Final = (
    "--variant=extract",
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "locale", "info")),
    '--aptopt=APT::Install-Recommends "false"',
)
# No maintainer script is run, so this makes what they would, and dpkg's list of what is there.
_HOOK: Final = """
cp "$1/usr/share/base-passwd/passwd.master" "$1/etc/passwd"
cp "$1/usr/share/base-passwd/group.master" "$1/etc/group"
chroot "$1" /sbin/ldconfig
ln -sf dash "$1/bin/sh"
ln -sf /usr/bin/python3 "$1/usr/local/bin/python"
cat "$1"/usr/share/ca-certificates/mozilla/*.crt > "$1/etc/ssl/certs/ca-certificates.crt"
chmod 1777 "$1/tmp"
for deb in "$1"/var/cache/apt/archives/*.deb; do
  dpkg-deb --field "$deb" Package Version Architecture Depends; echo "Status: install ok installed"; echo
done > "$1/var/lib/dpkg/status"
"""


class ImageError(RuntimeError):
    """The image cannot be built here. The message says what is missing or what failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image: an archive that container runtimes import under `reference`."""

    archive: Path
    reference: str
    digest: str


def missing_here() -> str | None:
    """Return why no image can be built on this machine, or None."""
    if os.geteuid() != 0:
        return "building an image needs root"
    for program in ("buildah", "mmdebstrap"):
        if shutil.which(program) is None:
            return f"{program} is not here: apt-get install buildah mmdebstrap"
    return None if _SOURCES.exists() else f"{_SOURCES} is not here: the base image is made from a Debian mirror"


class ImageBuilder:
    """Builds in one folder, which keeps the base images."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` defaults to one in the cache. Raises ImageError if no image can be built here."""
        if reason := missing_here():
            raise ImageError(reason)
        self.folder = (folder or cache_folder() / "image").absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._unpacked: list[str] = []

    def build(
        self,
        *,
        archive: Path,
        reference: str = REFERENCE,
        target: str = OPERATOR,
        cached: bool = True,
        tree: Path = PROJECT,
    ) -> Image:
        """Build the Dockerfile into an OCI archive. The same tree and bases give the same digest. Raises ImageError."""
        runtime = self._base("runtime", _RUNTIME)
        build_arguments = {
            "PYTHON_IMAGE": self._base("build", _BUILD),
            "RUNTIME_IMAGE": runtime,
            "BASE_NAME": runtime,
            "BASE_DIGEST": self.inspect(runtime)["FromImageDigest"],
        }
        arguments = [f"--build-arg={name}={value}" for name, value in build_arguments.items()]
        self._buildah(
            "build", "--isolation=chroot", "--pull-never", f"--layers={str(cached).lower()}", "--timestamp=0",
            # History and annotation would name other images of this machine that have the same content.
            "--format=oci", "--omit-history", f"--annotation=org.opencontainers.image.base.name={runtime}",
            f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro", *arguments,
            f"--target={target}", f"--tag={reference}", str(tree),
        )  # fmt: skip
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.unlink(missing_ok=True)
        self._buildah("push", "--quiet", reference, f"oci-archive:{archive}:{reference}")
        return Image(archive=archive, reference=reference, digest=self.inspect(reference)["FromImageDigest"])

    def inspect(self, reference: str = REFERENCE) -> dict[str, Any]:
        """Return buildah's description of an image. Raises ImageError."""
        described: dict[str, Any] = json.loads(self._buildah("inspect", "--type=image", reference))
        return described

    def unpack(self, reference: str = REFERENCE) -> Path:
        """Return a folder with the image's files. Do not write to it. `release` removes it. Raises ImageError."""
        container = self._buildah("from", "--pull-never", reference).strip()
        self._unpacked.append(container)
        return Path(self._buildah("mount", container).strip())

    def release(self) -> None:
        """Remove the unpacked files."""
        while self._unpacked:
            self._buildah("rm", self._unpacked.pop())

    def prune(self) -> None:
        """Remove the layers of earlier builds that no named image needs and no process uses."""
        self._run(["buildah", *self._storage(), "rmi", "--prune"])

    def _base(self, name: str, packages: Sequence[str]) -> str:
        """Return the reference of a base image, made once for each list of packages."""
        key = hashlib.sha256("\n".join((_SUITE, _HOOK, *_OPTIONS, *packages)).encode()).hexdigest()[:12]
        reference = f"localhost/recording-operator-{name}:{key}"
        if self._run(["buildah", *self._storage(), "inspect", "--type=image", reference]).returncode == 0:
            return reference
        root = self.folder / f"{name}.tar"
        options = [*_OPTIONS, f"--include={','.join(packages)}", f"--extract-hook={_HOOK}"]
        sources = self.folder / "debian.sources"
        sources.write_text(debian_sources(_SOURCES.read_text(encoding="utf-8"), suite=_SUITE), encoding="utf-8")
        self._checked(["mmdebstrap", "--quiet", *options, _SUITE, str(root), str(sources)])
        container = self._buildah("from", "scratch").strip()
        self._buildah("add", "--quiet", container, str(root), "/")
        self._buildah("config", "--env=PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", container)
        self._buildah("commit", "--quiet", "--rm", "--timestamp=0", container, reference)
        root.unlink()
        return reference

    def _storage(self) -> list[str]:
        return [f"--root={self.folder / 'storage'}", f"--runroot={self.folder / 'run'}", "--storage-driver=overlay"]

    def _buildah(self, *arguments: str) -> str:
        return self._checked(["buildah", *self._storage(), *arguments])

    def _checked(self, command: list[str]) -> str:
        done = self._run(command)
        if done.returncode != 0:
            raise ImageError(f"{command[0]} failed:\n{(done.stderr or done.stdout)[-3000:]}")
        return done.stdout

    @staticmethod
    def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def debian_sources(sources: str, *, suite: str) -> str:
    """Return the machine's own package sources (deb822) for another suite: its updates and security fixes too."""

    def renamed(field: re.Match[str]) -> str:
        suites = (word.partition("-") for word in field[2].split())
        return field[1] + " ".join(f"{suite}{dash}{rest}" for _, dash, rest in suites)

    return re.sub(r"(?m)^(Suites:\s*)(.+)$", renamed, sources)


def console_reference(reference: str) -> str:
    """Return the reference of the console's image that belongs to an image of the operator, as in the chart."""
    return f"{reference}-{CONSOLE}"


def main(arguments: Sequence[str]) -> int:
    """Build both images and print the results; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m localcluster.image", description=__doc__)
    parser.add_argument(
        "--archive",
        type=Path,
        default=PROJECT / ".local" / "image.tar",
        help="default: %(default)s; the console's is beside it",
    )
    parser.add_argument("--reference", default=REFERENCE, help="default: %(default)s; the console's ends with -console")
    options = parser.parse_args(arguments)
    archive: Path = options.archive
    wanted = {
        OPERATOR: (options.reference, archive),
        CONSOLE: (console_reference(options.reference), archive.with_stem(f"{archive.stem}-{CONSOLE}")),
    }
    try:
        builder = ImageBuilder()
        for target, (reference, file) in wanted.items():
            image = builder.build(archive=file, reference=reference, target=target)
            size_mb = image.archive.stat().st_size / 1e6
            print(f"{image.reference} {image.digest} in {image.archive}, {size_mb:.0f} MB", flush=True)
    except ImageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
