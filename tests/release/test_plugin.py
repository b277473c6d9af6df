"""`kubectl recordings` as one file, installed by a real Krew and called through a real kubectl."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from localcluster.builds import ensure_tools
from localcluster.extratools import KREW
from localcluster.install import PROJECT
from localcluster.toolchain import KUBERNETES
from recording_operator import __version__
from release.plugin import SERVER_ONLY, Plugin, build_plugin

in_long_runs = pytest.mark.plugin
_IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
from recording_operator import cli
for module in pkgutil.walk_packages(cli.__path__, "recording_operator.cli."):
    if not module.name.startswith("recording_operator.cli.process"):
        importlib.import_module(module.name)
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Plugin:
    return build_plugin(PROJECT, dist=tmp_path_factory.mktemp("dist"))


def run(command: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_verbs_of_the_plugin_need_no_package_that_is_left_out() -> None:
    modules = [name.replace("-", "_") for name in SERVER_ONLY]
    subprocess.run([sys.executable, "-c", _IMPORT_EVERYTHING, *modules], check=True, timeout=300)


@in_long_runs
def test_the_archive_has_the_program_and_the_licence(plugin: Plugin) -> None:
    with tarfile.open(plugin.archive) as archive:
        members = [(one.name, one.mode, one.mtime) for one in archive.getmembers()]
        file = archive.extractfile("LICENSE")
        assert file
        assert file.read() == (PROJECT / "LICENSE").read_bytes()
    assert members == [("LICENSE", 0o644, 0), ("kubectl-recordings", 0o755, 0)]
    (listed,) = yaml.safe_load(plugin.manifest.read_text())["spec"]["platforms"]
    assert listed["sha256"] == hashlib.sha256(plugin.archive.read_bytes()).hexdigest()


@in_long_runs
def test_the_same_tree_gives_the_same_file(plugin: Plugin, tmp_path: Path) -> None:
    again = build_plugin(PROJECT, dist=tmp_path)
    assert again.archive.read_bytes() == plugin.archive.read_bytes()
    assert again.manifest.read_bytes() == plugin.manifest.read_bytes()


@in_long_runs
def test_krew_installs_it_and_kubectl_calls_it(plugin: Plugin, tmp_path: Path) -> None:
    krew = str(ensure_tools((KREW,))["krew"])
    kubectl = ensure_tools((KUBERNETES,))["kubectl"]
    path = os.pathsep.join([str(tmp_path / "krew" / "bin"), str(kubectl.parent), os.environ["PATH"]])
    env = {**os.environ, "KREW_ROOT": str(tmp_path / "krew"), "PATH": path, "HOME": str(tmp_path), "SHELL": "/bin/bash"}
    run([krew, "install", f"--manifest={plugin.manifest}", f"--archive={plugin.archive}"], env)
    assert __version__ in run(["kubectl", "recordings", "--version"], env)
    installed = run(["kubectl", "recordings", "completion", "install"], env)
    assert f"{tmp_path / 'krew' / 'bin' / 'kubectl_complete-recordings'} was written.\n" in installed
    assert run(["kubectl", "__complete", "recordings", "lis"], env) == "list\tList Recordings.\n:4\n"
    config = {"apiVersion": "v1", "kind": "Config", "current-context": "none", "contexts": []}
    (tmp_path / "config").write_text(json.dumps(config))
    failed = subprocess.run(
        ["kubectl", "recordings", "list", f"--kubeconfig={tmp_path / 'config'}"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert (failed.returncode, "it has no context none" in failed.stderr) == (1, True), failed.stderr
