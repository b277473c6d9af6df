"""The programs of the local cluster, built once per machine and kept outside the clone.

`$KUBERNETES`, where set, chooses one of the pinned versions of Kubernetes. Otherwise `$KUBEBUILDER_ASSETS`, where set,
is taken before anything is built. Everything else is built from the pinned modules of `tools/` into
`$RECORDING_OPERATOR_CACHE` (default: `recording-operator` in `$XDG_CACHE_HOME` or `~/.cache`), under a key of version,
go.mod, go.sum and Go version. Errors: ToolchainError.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from localcluster.process import bound_to_parent
from localcluster.progress import Progress, say
from localcluster.toolchain import (
    KUBERNETES_PROGRAMS,
    Family,
    Go,
    ToolchainError,
    find_go,
    wanted_families,
    wanted_kubernetes,
)

_MANIFEST: Final = "manifest.json"
_PACKAGE_LINE: Final = re.compile(r"^[\w.\-/]+$", re.MULTILINE)
_ERROR_TAIL_CHARS: Final = 3000
_POLL_S: Final = 0.5


def cache_folder() -> Path:
    """Return the cache folder, which is outside the clone."""
    if own := os.environ.get("RECORDING_OPERATOR_CACHE"):
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "recording-operator"


def ensure_tools(families: Sequence[Family] | None = None) -> Mapping[str, Path]:
    """Return the path of every program of the families (default: `wanted_families`), building what is missing.

    The programs: etcd, versitygw, kube-apiserver, kube-controller-manager, kubectl. Of several processes that need the
    same one, one builds and the others wait. Raises ToolchainError.
    """
    families = wanted_families() if families is None else families
    found = dict(_provided())
    go: Go | None = None
    for family in families:
        wanted = [program for program in family.packages if program not in found]
        if not wanted:
            continue
        go = go or find_go(cache_folder() / "toolchain", families)
        folder = cache_folder() / "tools" / family.cache_key(go.version)
        if missing := _missing(folder, wanted):
            with locked(folder.with_name(f"{folder.name}.lock"), waiting_for=family.name):
                if missing := _missing(folder, wanted):
                    _build(family, go=go, programs=missing, folder=folder)
        found |= {program: folder / program for program in wanted}
    return found


def _provided() -> Iterator[tuple[str, Path]]:
    """Yield the programs of `$KUBEBUILDER_ASSETS`."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        return
    for program in ("etcd", *(() if wanted_kubernetes() else KUBERNETES_PROGRAMS)):
        path = Path(assets).absolute() / program
        if os.access(path, os.X_OK):
            yield program, path


def _missing(folder: Path, programs: Sequence[str]) -> list[str]:
    """Return which programs are missing or differ from what was built. Cheap: hashes only files that have changed."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text())
    except (OSError, ValueError):
        return list(programs)
    return [program for program in programs if not _is_whole(folder / program, manifest.get(program, {}))]


def _is_whole(path: Path, recorded: Mapping[str, object]) -> bool:
    try:
        if _identity(path) == recorded.get("identity"):
            return True
        return recorded.get("sha256") == _sha256(path)
    except OSError:
        return False


def _identity(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, *, waiting_for: str) -> Iterator[None]:
    """Hold the lock file. The kernel releases it when the process ends, for any reason."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is building {waiting_for}: waiting for it")
            with Progress(f"waiting for {waiting_for}"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(family: Family, *, go: Go, programs: Sequence[str], folder: Path) -> None:
    """Build into a temporary folder, then move each program to its place atomically."""
    go.install()
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    folder.mkdir(exist_ok=True)
    step = f"building {', '.join(programs)} {family.version} (once, about {family.cold_build} on two cores)"
    say(step)
    for targets, output in _compile_steps(family, programs=programs, partial=partial):
        _compile(family, go=go, packages=targets, output=output, log=partial / "build.log")
    manifest = {}
    if (folder / _MANIFEST).exists():
        manifest = json.loads((folder / _MANIFEST).read_text())
    for program in programs:
        (partial / program).replace(folder / program)
        manifest[program] = {"sha256": _sha256(folder / program), "identity": _identity(folder / program)}
    (partial / _MANIFEST).write_text(json.dumps(manifest, indent=2))
    (partial / _MANIFEST).replace(folder / _MANIFEST)
    shutil.rmtree(partial)


def _compile_steps(family: Family, *, programs: Sequence[str], partial: Path) -> list[tuple[list[str], str]]:
    """Return packages and output of each call of the compiler.

    Several programs go into a folder in one call (shared packages compile once), a single one gets its name (etcd's
    package is called `server`).
    """
    packages = [family.packages[program] for program in programs]
    if len(programs) == 1:
        return [(packages, str(partial / programs[0]))]
    return [(packages, f"{partial}/")]


def _compile(family: Family, *, go: Go, packages: Sequence[str], output: str, log: Path) -> None:
    """Run `go build`; its own cache keeps what an interrupted build had compiled. Raises ToolchainError."""
    command = [
        str(go.program),
        "build",
        "-v",
        "-trimpath",
        "-buildvcs=false",
        f"-tags={','.join(family.build_tags)}",
        "-ldflags",
        family.ldflags,
        "-o",
        output,
        *packages,
    ]
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    if go.folder is not None:
        env.pop("GOROOT", None)
    with log.open("wb") as out, Progress(f"building {family.name}") as progress:
        build = subprocess.Popen(
            bound_to_parent(command), cwd=family.folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            while (status := _wait(build)) is None:
                compiled = len(_PACKAGE_LINE.findall(log.read_text(errors="replace")))
                progress.detail(f"{compiled} packages compiled" if compiled else "fetching modules")
        finally:
            if build.poll() is None:
                build.terminate()
                build.wait()
    if status != 0:
        raise ToolchainError(
            f"{family.name} could not be built:\n{log.read_text(errors='replace')[-_ERROR_TAIL_CHARS:]}"
        )


def _wait(build: subprocess.Popen[bytes]) -> int | None:
    try:
        return build.wait(_POLL_S)
    except subprocess.TimeoutExpired:
        return None
