"""Make a release: `make release VERSION=1.2.3`.

Builds everything from a copy of what is committed, into dist/. When all of it is right, the work tree gets the new
version and changelog. Committing, tagging, signing and pushing are left to you.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from localcluster.toolchain import ToolchainError
from release import artifacts, changelog, plugin, version
from release.changelog import ChangelogError
from release.errors import ArtifactError
from release.version import VersionError

PROJECT: Final = Path(__file__).resolve().parent.parent


class TreeError(RuntimeError):
    """The work tree is not fit for a release; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Make the release; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", help="such as 1.2.3")
    parser.add_argument("--image", choices=("yes", "no"), default="yes", help="no: leave the images out")
    parser.add_argument("--plugin", choices=("yes", "no"), default="yes", help="no: leave kubectl recordings out")
    options = parser.parse_args(arguments)
    try:
        release(options.version, with_image=options.image == "yes", with_plugin=options.plugin == "yes")
    except (ArtifactError, ChangelogError, ToolchainError, TreeError, VersionError) as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    return 0


def release(wanted: str, *, with_image: bool, with_plugin: bool) -> None:
    """Check, build, and change the work tree last."""
    released = changelog.released((PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"))
    version.check_newer(wanted, current=version.current(PROJECT), released=released)
    check_clean()
    dist = PROJECT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        export(tree)
        prepare(tree, wanted)
        build(tree, wanted, dist=dist, with_image=with_image, with_plugin=with_plugin)
    prepare(PROJECT, wanted)
    say(f"The work tree has version {wanted} now. Look at `git diff`, then commit it and tag it v{wanted}.")


def prepare(tree: Path, wanted: str) -> None:
    """Write changelog, version, and what is generated with the version in it."""
    changelog.join(tree, version=wanted, day=release_day())
    version.write(wanted, tree=tree)
    artifacts.write_generated(tree)


def build(tree: Path, wanted: str, *, dist: Path, with_image: bool, with_plugin: bool) -> None:
    """Fill dist/."""
    say(f"Chart: {artifacts.build_chart(tree, version=wanted, dist=dist).name}")
    say(f"Manifests: {', '.join(file.name for file in artifacts.build_manifests(tree, dist=dist))}")
    bills = artifacts.build_bills_of_materials(tree, version=wanted, dist=dist)
    say(f"Bills of materials: {', '.join(file.name for file in bills)}")
    if with_plugin:
        say(f"kubectl recordings: {plugin.build_plugin(tree, dist=dist).archive.name}")
    else:
        say("kubectl recordings: skipped (PLUGIN=no).")
    reason = artifacts.why_no_image() if with_image else "IMAGE=no"
    if reason:
        say(f"Images: skipped ({reason}).")
    else:
        for file, digest in artifacts.build_images(tree, version=wanted, dist=dist).items():
            say(f"Image: {file} {digest}")
    say(f"Sums: {artifacts.write_sums(dist).name}")


def release_day() -> date:
    """The day of `$SOURCE_DATE_EPOCH`, or of the last commit: the same tree gives the same changelog on any day."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), tz=UTC).date()


def check_clean() -> None:
    """Raise TreeError if anything is not committed."""
    if changed := git("status", "--porcelain"):
        raise TreeError(f"The work tree has changes that are not committed. Commit or stash them:\n{changed}")


def export(tree: Path) -> None:
    """Copy what is committed."""
    tree.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "--extract", f"--directory={tree}"], input=archive, check=True)


def git(*arguments: str) -> str:
    """Return what git prints. Raises TreeError."""
    done = subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TreeError(done.stderr.strip())
    return done.stdout.strip()


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
