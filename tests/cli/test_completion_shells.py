"""Completion in real shells, through a real kubectl, and what `completion install` writes."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from localcluster import ControlPlane
from tests.cli.conftest import PROGRAM, People, Person
from tests.support.waiting import eventually

_BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
_PROGRAMS = PROGRAM.parent
needs_bash = pytest.mark.skipif(
    not (shutil.which("bash") and _BASH_COMPLETION.exists()), reason="needs bash and the package bash-completion"
)
needs_zsh = pytest.mark.skipif(not (shutil.which("zsh") and shutil.which("tmux")), reason="needs zsh and tmux")
needs_fish = pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")

_IN_BASH = """
source {completion}
{load}
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMP_LINE={line} COMP_POINT=${{#COMP_LINE}} COMP_TYPE=9 COMP_KEY=9
complete_with=$(complete -p {program} | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
$complete_with {program} "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}" 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def environment(person: Person | None, home: Path, cluster: ControlPlane | None = None) -> dict[str, str]:
    """A new home, and a PATH with the program and kubectl."""
    kubectl = [str(cluster.kubectl.program.parent)] if cluster else []
    path = os.pathsep.join([str(_PROGRAMS), *kubectl, "/usr/bin", "/bin"])
    return {**(person.environment if person else os.environ), "PATH": path, "HOME": str(home), "TERM": "xterm"}


def in_bash(line: str, *, load: str, env: Mapping[str, str]) -> list[str]:
    """What bash would offer after a TAB at the end of the line."""
    words = [*line.split(), *([""] if line.endswith(" ") else [])]
    text = _IN_BASH.format(
        completion=_BASH_COMPLETION,
        load=load,
        words=shlex.join(words),
        line=shlex.quote(line),
        program=words[0],
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", text], env=env, capture_output=True, text=True, check=True, timeout=120
    )
    return [candidate.split("  ")[0].strip() for candidate in done.stdout.splitlines() if candidate]


@needs_bash
@pytest.mark.cluster
def test_bash_completes_through_kubectl(people: People, cluster: ControlPlane, namespace: str, tmp_path: Path) -> None:
    env = environment(people.tenant, tmp_path, cluster)
    load = "source <(kubectl recordings completion bash)"
    assert in_bash("kubectl recordings lis", load=load, env=env) == ["list"]
    assert in_bash("kubectl recordings list --phase F", load=load, env=env) == ["Failed"]
    assert in_bash("kubectl recordings list -n ", load=load, env=env) == [namespace]
    assert set(in_bash("kubectl recordings completion ", load=load, env=env)) == {"bash", "fish", "install", "zsh"}


@needs_bash
def test_bash_completes_the_operators_program(tmp_path: Path) -> None:
    load = "source <(recording-operator completion bash)"
    env = environment(None, tmp_path)
    assert in_bash("recording-operator receiv", load=load, env=env) == ["receiver"]
    assert in_bash("recording-operator list --sort s", load=load, env=env) == ["size"]


@needs_fish
@pytest.mark.cluster
def test_fish_completes_through_kubectl(people: People, cluster: ControlPlane, namespace: str, tmp_path: Path) -> None:
    env = environment(people.tenant, tmp_path, cluster)
    text = "kubectl recordings completion fish | source; complete -C 'kubectl recordings list -n '"
    done = subprocess.run(["fish", "-c", text], env=env, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines() == [namespace]


@needs_fish
def test_fish_completes_the_operators_program(tmp_path: Path) -> None:
    text = "recording-operator completion fish | source; complete -C 'recording-operator receiv'"
    done = subprocess.run(
        ["fish", "-c", text], env=environment(None, tmp_path), capture_output=True, text=True, check=True, timeout=120
    )
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == ["receiver"]


@needs_zsh
@pytest.mark.cluster
def test_zsh_completes_through_kubectl(people: People, cluster: ControlPlane, namespace: str, tmp_path: Path) -> None:
    env = {**environment(people.tenant, tmp_path, cluster), "SHELL": "/bin/zsh"}
    run(["kubectl-recordings", "completion", "install"], env)
    files = tmp_path / ".local" / "share" / "zsh" / "site-functions"
    (tmp_path / ".zshrc").write_text(f"fpath=({files} $fpath)\nautoload -Uz compinit && compinit -u\nPS1='ready> '\n")
    tmux = ["tmux", "-L", f"zsh-{namespace}", "-f", "/dev/null"]
    run([*tmux, "new-session", "-d", "-x", "200", "-y", "50", "zsh", "-i"], env)

    def screen() -> str:
        return run([*tmux, "capture-pane", "-p"], env)

    try:
        eventually(lambda: "ready>" in screen())
        run([*tmux, "send-keys", "kubectl recordings list -n ", "Tab"], env)
        eventually(lambda: f"list -n {namespace}" in screen(), within_s=60)
    finally:
        run([*tmux, "kill-server"], env)


def run(command: list[str], env: Mapping[str, str]) -> str:
    """What a program prints."""
    path = shutil.which(command[0], path=env["PATH"])
    assert path
    return subprocess.run([path, *command[1:]], env=env, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", ".local/share/bash-completion/completions/recording-operator"),
        ("zsh", ".local/share/zsh/site-functions/_recording-operator"),
        ("fish", ".config/fish/completions/recording-operator.fish"),
    ],
)
def test_install_writes_the_file_of_the_shell_and_says_so(shell: str, file: str, tmp_path: Path) -> None:
    env = {**environment(None, tmp_path), "SHELL": f"/bin/{shell}"}
    env = {name: value for name, value in env.items() if not name.startswith("XDG_")}
    install = ["recording-operator", "completion", "install"]
    assert f"{tmp_path / file} would be written.\n" in run([*install, "--dry-run"], env)
    assert list(tmp_path.iterdir()) == []
    assert f"{tmp_path / file} was written.\n" in run(install, env)
    assert "_RECORDING_OPERATOR_COMPLETE" in (tmp_path / file).read_text()
    assert f"{tmp_path / file} is up to date.\n" in run(install, env)
    (tmp_path / file).write_text("mine\n")
    assert "It is left as it is." in run(install, env)
    assert (tmp_path / file).read_text() == "mine\n"


def test_install_brings_the_program_that_krew_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / PROGRAM.name).symlink_to(PROGRAM)
    env = {**environment(None, tmp_path), "SHELL": "/bin/bash", "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    written = tmp_path / "bin" / "kubectl_complete-recordings"
    assert f"{written} was written.\n" in run(["kubectl-recordings", "completion", "install"], env)
    assert run([str(written), "list", "--no-h"], env) == "--no-headers\tLeave out the names of the columns.\n:4\n"
    assert f"{written} is already on the PATH.\n" in run(["kubectl-recordings", "completion", "install"], env)


def test_install_needs_a_known_shell(tmp_path: Path) -> None:
    env = {**environment(None, tmp_path), "SHELL": "/bin/tcsh"}
    done = subprocess.run(
        [PROGRAM.with_name("recording-operator"), "completion", "install"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("recording-operator: SHELL is tcsh. Expected bash, zsh, fish. Choose one with --shell.\n")
