"""Programs are built once, completely or not at all, by one process at a time."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localcluster import ToolchainError
from localcluster.builds import cache_folder, ensure_tools
from localcluster.toolchain import FAMILIES, KUBERNETES, KUBERNETES_VERSIONS, Family, find_go, wanted_families

PROJECT = Path(__file__).parents[2]
DEADLINE_S = 120.0
BUILD = """
import sys
from pathlib import Path
from localcluster.toolchain import Family
from localcluster.builds import ensure_tools
folder = Path(sys.argv[1])
packages = {"hello": "example.test/hello"}
family = Family(name="greeting", folder=folder, module="example.test/hello", packages=packages, cold_build="a moment",
                version_variables=(("main.version", "{version}"),))
print(ensure_tools([family])["hello"], flush=True)
"""


@pytest.fixture
def family(tmp_path: Path) -> Family:
    """A small program with the shape of the real ones: a main package in a module that go.mod requires."""
    folder = tmp_path / "greeting"
    (folder / "hello").mkdir(parents=True)
    lines = ["module example.test/tools", "go 1.26.0", "require example.test/hello v1.2.3"]
    (folder / "go.mod").write_text("\n".join([*lines, "replace example.test/hello => ./hello", ""]))
    (folder / "go.sum").write_text("")
    (folder / "hello" / "go.mod").write_text("module example.test/hello\ngo 1.26.0\n")
    program = 'package main\nvar version = "unknown"\nfunc main() { println("hello", version) }\n'
    (folder / "hello" / "main.go").write_text(program)
    return Family(
        name="greeting",
        folder=folder,
        module="example.test/hello",
        packages={"hello": "example.test/hello"},
        version_variables=(("main.version", "{version}"),),
        cold_build="a moment",
    )


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECORDING_OPERATOR_CACHE", str(tmp_path / "cache"))
    for name in ("KUBEBUILDER_ASSETS", "KUBERNETES"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def output_of(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stderr


def start_build(family: Family) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", BUILD, str(family.folder)]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_builds_with_the_version_and_only_once(family: Family, capfd: pytest.CaptureFixture[str]) -> None:
    program = ensure_tools([family])["hello"]
    assert output_of(program) == "hello v1.2.3\n"
    assert "building hello v1.2.3" in capfd.readouterr().err
    assert ensure_tools([family])["hello"] == program
    assert capfd.readouterr().err == ""


def test_a_damaged_program_is_built_again_and_a_touched_one_is_not(family: Family) -> None:
    program = ensure_tools([family])["hello"]
    inode = program.stat().st_ino
    program.touch()
    assert ensure_tools([family])["hello"].stat().st_ino == inode
    os.truncate(program, 1000)
    assert output_of(ensure_tools([family])["hello"]) == "hello v1.2.3\n"


def test_another_pin_or_another_go_is_another_program(family: Family) -> None:
    keys = {family.cache_key("1.26.1"), family.cache_key("1.26.2")}
    (family.folder / "go.sum").write_text("example.test/other v1.0.0 h1:x\n")
    keys.add(family.cache_key("1.26.1"))
    assert len(keys) == 3


def test_a_second_process_waits_and_prints_it(family: Family, cache: Path) -> None:
    key = family.cache_key(find_go(cache_folder()).version)
    (cache / "tools").mkdir(parents=True)
    with (cache / "tools" / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = start_build(family)
        assert second.stderr is not None
        assert second.stderr.readline() == "another process is building greeting: waiting for it\n"
    out, err = second.communicate(timeout=DEADLINE_S)
    assert second.returncode == 0, err
    assert output_of(Path(out.strip())) == "hello v1.2.3\n"


def test_an_interrupted_build_leaves_no_partial_file_and_can_continue(family: Family, cache: Path) -> None:
    folder = cache / "tools" / family.cache_key(find_go(cache_folder()).version)
    log = folder.with_name(f"{folder.name}.partial") / "build.log"
    with start_build(family) as interrupted:
        wait_for(log.exists)
        interrupted.send_signal(signal.SIGKILL)
    assert not (folder / "hello").exists()
    assert output_of(ensure_tools([family])["hello"]) == "hello v1.2.3\n"
    assert not log.parent.exists()


def test_a_failed_build_reports_the_output_of_the_compiler(family: Family) -> None:
    (family.folder / "hello" / "main.go").write_text("package main\nfunc main() { nonsense }\n")
    with pytest.raises(ToolchainError, match=r"greeting could not be built:(.|\n)*undefined: nonsense"):
        ensure_tools([family])


def test_given_programs_are_taken_and_not_built(
    family: Family, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in ("etcd", "kube-apiserver", "kubectl"):
        (assets / name).write_text("#!/bin/sh\n")
        (assets / name).chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    etcd = next(family for family in FAMILIES if family.name == "etcd")
    found = ensure_tools([etcd, family])
    assert {name: path.parent for name, path in found.items() if name != "hello"} == dict.fromkeys(
        ("etcd", "kube-apiserver", "kubectl"), assets
    )
    assert [path.name for path in (cache / "tools").iterdir() if path.is_dir()] == [found["hello"].parent.name]


def test_go_in_path_is_taken_only_if_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def path_with(version: str) -> str:
        folder = tmp_path / version
        folder.mkdir()
        (folder / "go").write_text(f"#!/bin/sh\necho go version go{version} linux/amd64\n")
        (folder / "go").chmod(0o755)
        return str(folder)

    monkeypatch.setenv("PATH", path_with("1.99.1"))
    assert find_go(tmp_path).version == "1.99.1"
    monkeypatch.setenv("PATH", path_with("1.19.8"))
    go = find_go(tmp_path)
    assert (go.version, go.folder) == ("1.26.6", tmp_path / "go-1.26.6")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_go(tmp_path) == go


def test_a_version_of_kubernetes_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_families()[-1] is KUBERNETES
    for named, family in KUBERNETES_VERSIONS.items():
        monkeypatch.setenv("KUBERNETES", named)
        assert wanted_families()[-1] is family
        assert family.version.startswith(f"v{named}.")
        assert f"gitMinor={named.partition('.')[2]} " in f"{family.ldflags} "
    monkeypatch.setenv("KUBERNETES", "1.31")
    with pytest.raises(ToolchainError, match=r"KUBERNETES is '1\.31'; it can be 1\.32, 1\.36, 1\.37"):
        ensure_tools()


@pytest.mark.parametrize("named", KUBERNETES_VERSIONS)
def test_every_part_of_a_version_of_kubernetes_is_of_that_version(named: str) -> None:
    text = (KUBERNETES_VERSIONS[named].folder / "go.mod").read_text()
    replaced = re.findall(r"^\t(k8s\.io/\S+) => (\S+) v0\.(\d+)\.", text, re.MULTILINE)
    assert len(replaced) > 30
    assert {(module, f"1.{minor}") for _, module, minor in replaced} == {(module, named) for module, _, _ in replaced}


def test_given_programs_are_not_taken_for_another_version_of_kubernetes(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in ("etcd", "kube-apiserver", "kubectl"):
        (assets / name).write_text("#!/bin/sh\n")
        (assets / name).chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    monkeypatch.setenv("KUBERNETES", "1.32")
    assert set(ensure_tools([family])) == {"etcd", "hello"}


def test_the_tested_versions_begin_with_the_oldest_of_the_chart_and_are_in_its_readme() -> None:
    chart = (PROJECT / "charts" / "recording-operator" / "Chart.yaml").read_text()
    assert f'kubeVersion: ">={next(iter(KUBERNETES_VERSIONS))}.0-0"' in chart
    readme = (PROJECT / "charts" / "recording-operator" / "README.md").read_text()
    for family in KUBERNETES_VERSIONS.values():
        assert family.version.removeprefix("v") in readme


@pytest.mark.parametrize(
    "family", [*FAMILIES, *KUBERNETES_VERSIONS.values()], ids=lambda family: f"{family.name}-{family.version}"
)
def test_pins_are_readable(family: Family) -> None:
    assert family.version.startswith("v")
    assert family.go_needed >= (1, 26)
    assert "-s -w" in family.ldflags
