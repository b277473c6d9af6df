"""A real one-node cluster with pods, without Docker: `python -m localcluster.podcluster [--image TAR] -- COMMAND…`.

Everything runs in separate namespaces, and the machine's network is not affected. The command runs inside, with a
KUBECONFIG; when it ends, or this program does, everything ends. Needs root, containerd, runc, nftables, CNI plugins.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from localcluster import image
from localcluster.builds import ensure_tools
from localcluster.extratools import COREDNS, NODE
from localcluster.podnode import first_process, run_inside, system_programs
from localcluster.process import bound_to_parent

_PACKAGES: Final = "containerd runc containernetworking-plugins nftables iproute2 util-linux"
_PREFIX: Final = "localcluster-"
_CLEAN_S: Final = 15.0
SKIPPED: Final = 77  # the exit status of a test that could not run


def missing_here() -> str | None:
    """Return why no pods can run on this machine, or None."""
    if os.geteuid() != 0:
        return "real pods need root"
    if not _cgroup_mounts():
        return "no control groups are mounted"
    if not all(os.access(mount, os.W_OK) for mount in _cgroup_mounts()):
        return "the control groups cannot be written"
    try:
        system_programs()
    except LookupError as error:
        return f"{error} not here: apt-get install {_PACKAGES}"
    made = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, check=False)
    return None if made.returncode == 0 else "namespaces cannot be made here"


def outside(folder: Path, arguments: Sequence[str]) -> int:
    """Make control groups and namespaces, run the inner part in them, and clean up."""
    for left in {path.name for mount in _cgroup_mounts() for path in mount.glob(f"{_PREFIX}*")}:
        if not Path("/proc", left.removeprefix(_PREFIX)).exists():
            _remove_cgroup(left, within_s=0)
    cgroup = f"{_PREFIX}{os.getpid()}"
    for mount in _cgroup_mounts():
        (mount / cgroup).mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # empty in a new one of version 1: nothing could join
            if (mount / cgroup / file).exists():
                (mount / cgroup / file).write_text((mount / file).read_text())
    inner = [sys.executable, "-m", "localcluster.podcluster", "--inside", cgroup, "--folder", str(folder), *arguments]
    namespaces = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"]
    unshare = [str(shutil.which("unshare")), *namespaces, "--propagation=private", *inner]
    running = subprocess.Popen(bound_to_parent(unshare), cwd=Path(__file__).parent.parent)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: running.kill())  # process 1 ends with it, and all with that
    try:
        status = running.wait()
        return status if status >= 0 else 128 - status
    finally:
        if left_over := _remove_cgroup(cgroup, within_s=_CLEAN_S):
            print(f"podcluster: control groups left: {left_over}", file=sys.stderr)


def _cgroup_mounts() -> list[Path]:
    lines = Path("/proc/mounts").read_text().splitlines()
    return [Path(line.split()[1]) for line in lines if line.split()[2] in ("cgroup", "cgroup2")]


def _remove_cgroup(name: str, *, within_s: float) -> list[str]:
    """Remove a control group and those below; return what could not be removed."""
    deadline_s = time.monotonic() + within_s
    while True:
        left = [folder for mount in _cgroup_mounts() for folder, _, _ in os.walk(mount / name, topdown=False)]
        for folder in left:
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        left = [folder for folder in left if Path(folder).is_dir()]
        if not left or time.monotonic() > deadline_s:
            return left
        time.sleep(0.05)


def main(arguments: Sequence[str]) -> int:
    """Run the command in a cluster. Returns its exit status, or SKIPPED if the cluster cannot run here."""
    parser = argparse.ArgumentParser(prog="python -m localcluster.podcluster", description=__doc__)
    parser.add_argument("--image", action="append", default=[], type=Path, help="image archive to load into the node")
    parser.add_argument("--operator", action="store_true", help="build the operator's image for the node first")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    if options.inside:
        tools = {**ensure_tools(), **ensure_tools((NODE, COREDNS)), **system_programs()}
        images = [archive.absolute() for archive in options.image]
        first_process(
            lambda: run_inside(options.folder, tools=tools, cgroup=options.inside, images=images, argv=options.command)
        )
    if reason := missing_here() or (image.missing_here() if options.operator else None):
        print(f"podcluster: skipped: {reason}", file=sys.stderr)
        return SKIPPED
    ensure_tools()
    ensure_tools((NODE, COREDNS))
    with tempfile.TemporaryDirectory(prefix="podcluster-", ignore_cleanup_errors=True) as folder:
        images = list(options.image)
        if options.operator:
            images.append(image.ImageBuilder().build(archive=Path(folder) / "operator.tar").archive)
        given = [f"--image={archive.absolute()}" for archive in images]
        return outside(Path(folder), [*given, "--", *options.command])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
