"""Puts files of completion where shells and kubectl find them, for the verb `completion install`."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from recording_operator.cli.completion.scripts import KUBECTL_COMPLETE, MARK, file_content
from recording_operator.cli.verb import Failure

SHELLS: Final = ("bash", "zsh", "fish")
_FOR_KUBECTL: Final = "kubectl_complete-recordings"
_PROGRAM: Final = "kubectl-recordings"
_EXECUTABLE: Final = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file to write."""

    path: Path
    content: str
    executable: bool = False


def install(*, shell: str | None, root: click.Command, program: str, dry_run: bool) -> None:
    """Write what is missing, and say so. Raises Failure."""
    chosen = shell or _own_shell()
    is_plugin = program.startswith("kubectl ")
    if is_plugin:
        _install_program(dry_run=dry_run)
    name = "kubectl" if is_plugin else program
    path = _place(chosen, name)
    _write(WantedFile(path=path, content=file_content(chosen, root=root, program=program)), dry_run=dry_run)
    click.echo(_what_next(chosen, path))


def _own_shell() -> str:
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise Failure(f"SHELL is {shell or 'not set'}. Expected {', '.join(SHELLS)}. Choose one with --shell.")
    return shell


def _install_program(*, dry_run: bool) -> None:
    """Make kubectl find `kubectl_complete-recordings`. Packages bring it; Krew does not."""
    if found := shutil.which(_FOR_KUBECTL):
        click.echo(f"{found} is already on the PATH.")
        return
    _write(WantedFile(path=_folder() / _FOR_KUBECTL, content=KUBECTL_COMPLETE, executable=True), dry_run=dry_run)


def _folder() -> Path:
    """The folder of the plugin, or the user's own, whichever is on the PATH and can be written."""
    if not (plugin := shutil.which(_PROGRAM)):
        raise Failure(f"{_PROGRAM} is not on the PATH, so kubectl cannot find it. Add its folder to PATH.")
    own = Path("~/.local/bin").expanduser()
    folders: list[Path] = [
        Path(plugin).parent,
        *([own] if str(own) in os.environ.get("PATH", "").split(os.pathsep) else ()),
    ]
    for folder in folders:
        if folder.is_dir() and os.access(folder, os.W_OK):
            return folder
    shown = " and ".join(map(str, folders))
    raise Failure(f"No file can be written to {shown}. Add a folder of your own, such as {own}, to PATH.")


def _place(shell: str, name: str) -> Path:
    """Where the shell looks for the completion of the program."""
    data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    places: dict[str, Path] = {
        "bash": data / "bash-completion" / "completions" / name,
        "zsh": data / "zsh" / "site-functions" / f"_{name}",
        "fish": config / "fish" / "completions" / f"{name}.fish",
    }
    return places[shell]


def _write(file: WantedFile, *, dry_run: bool) -> None:
    try:
        before = file.path.read_text(encoding="utf-8") if file.path.exists() else None
        if before == file.content:
            click.echo(f"{file.path} is up to date.")
        elif before is not None and MARK not in before:
            click.echo(f"{file.path} exists and was not written by this program. It is left as it is.")
        elif dry_run:
            click.echo(f"{file.path} would be written.")
        else:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            file.path.write_text(file.content, encoding="utf-8")
            if file.executable:
                file.path.chmod(_EXECUTABLE)
            click.echo(f"{file.path} was written.")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Failure(f"{file.path} cannot be written: {said}.") from None


def _what_next(shell: str, path: Path) -> str:
    if shell == "bash":
        return "Start a new shell. This needs the package bash-completion."
    if shell == "zsh":
        return f"Put this into ~/.zshrc, before compinit: fpath=({path.parent} $fpath)"
    return "Start a new shell."
