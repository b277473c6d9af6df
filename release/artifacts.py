"""Build what is published from a tree. The same tree gives the same bytes, except for the archive of the image.

Errors: ArtifactError.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from localcluster.builds import ensure_tools
from localcluster.extratools import HELM4
from localcluster.image import CONSOLE, OPERATOR, ImageBuilder, ImageError, missing_here
from release.errors import ArtifactError

NAME: Final = "recording-operator"
SUMS: Final = "SHA256SUMS"
_FILES: Final = {OPERATOR: NAME, CONSOLE: f"{NAME}-{CONSOLE}"}


def write_generated(tree: Path) -> None:
    """Write the generated files that have the version: install.yaml, receiver.yaml and console.yaml."""
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'operator'}{os.pathsep}{tree}"}
    _run([sys.executable, "install/generate.py", "--write"], tree=tree, environment=environment)


def build_chart(tree: Path, *, version: str, dist: Path) -> Path:
    """Package the chart and lint the package."""
    helm = str(ensure_tools((HELM4,))["helm4"])
    _run([helm, "package", str(tree / "charts" / NAME), f"--destination={dist}"], tree=tree)
    package = dist / f"{NAME}-{version}.tgz"
    _without_times(package)
    _run([helm, "lint", "--strict", str(package)], tree=tree)
    return package


def build_manifests(tree: Path, *, dist: Path) -> list[Path]:
    """Take install.yaml, receiver.yaml and console.yaml as they are in the tree."""
    files = (Path("install.yaml"), Path("receiver", "receiver.yaml"), Path("console", "console.yaml"))
    return [Path(shutil.copyfile(tree / "install" / file, dist / file.name)) for file in files]


def build_bills_of_materials(tree: Path, *, version: str, dist: Path) -> list[Path]:
    """List the Python packages that operator and console are pinned to, as CycloneDX."""
    return [_bill(tree, name=name, version=version, dist=dist) for name in (OPERATOR, CONSOLE)]


def _bill(tree: Path, *, name: str, version: str, dist: Path) -> Path:
    file = dist / f"{_FILES[name]}-{version}.cdx.json"
    program = str(Path(sys.executable).with_name("cyclonedx-py"))
    options = ["--output-reproducible", "--output-format=JSON", "--pyproject=pyproject.toml", f"--output-file={file}"]
    _run([program, "requirements", *options, f"requirements/{name}.txt"], tree=tree)
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    document["metadata"]["component"]["version"] = version
    file.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return file


def why_no_image() -> str | None:
    """Return why no image can be built on this machine, or None."""
    return missing_here()


def build_images(tree: Path, *, version: str, dist: Path) -> dict[str, str]:
    """Build the images into OCI archives and check that each starts with the version; returns their digests."""
    try:
        builder = ImageBuilder()
        return {
            file: _build_image(builder, tree, target=target, version=version, archive=dist / file)
            for target, file in ((name, f"{_FILES[name]}-{version}.oci.tar") for name in (OPERATOR, CONSOLE))
        }
    except ImageError as error:
        raise ArtifactError(str(error)) from error


def _build_image(builder: ImageBuilder, tree: Path, *, target: str, version: str, archive: Path) -> str:
    reference = f"localhost/{_FILES[target]}:{version}"
    image = builder.build(archive=archive, reference=reference, target=target, tree=tree)
    labels = builder.inspect(reference)["OCIv1"]["config"]["Labels"]
    if (labelled := labels["org.opencontainers.image.version"]) != version:
        raise ArtifactError(f"The image of the {target} is labelled {labelled}, expected {version}.")
    root = builder.unpack(reference)
    try:
        printed = _run(["chroot", str(root), "/opt/operator/bin/recording-operator", "--version"], tree=tree)
    finally:
        builder.release()
    if version not in printed.split():
        raise ArtifactError(
            f"The program in the image of the {target} printed {printed.strip()!r} for --version, expected {version}."
        )
    return image.digest


def write_sums(dist: Path) -> Path:
    """Write the SHA-256 sums of all files, as `sha256sum --check` reads them."""
    files = sorted(path for path in dist.iterdir() if path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (dist / SUMS).write_text("".join(lines), encoding="utf-8")
    return dist / SUMS


def _without_times(package: Path) -> None:
    """Write a package again without what depends on when and where it was made."""
    with tarfile.open(package) as found:
        members = [(member, found.extractfile(member)) for member in found.getmembers()]
        contents = [(member, file.read() if file else b"") for member, file in members]
    plain = package.with_suffix(".tar")
    with tarfile.open(plain, "w", format=tarfile.USTAR_FORMAT) as written:
        for member, content in sorted(contents, key=lambda one: one[0].name):
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mode, entry.type = member.size, 0o644, member.type
            written.addfile(entry, BytesIO(content))
    with package.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
        packed.write(plain.read_bytes())
    plain.unlink()


def _run(command: list[str], *, tree: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ArtifactError(f"{Path(command[0]).name} failed:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout
