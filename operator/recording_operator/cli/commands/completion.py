"""`completion`: its command lines. The package `completion` does the work."""

from typing import Final

import click

from recording_operator.cli.verb import VerbGroup

SHELLS: Final = ("bash", "zsh", "fish")
_EXAMPLES: Final = """\b
Examples:
  source <(PROGRAM completion bash)
  PROGRAM completion install
  PROGRAM completion install --shell zsh --dry-run
"""


@click.group(cls=VerbGroup, epilog=_EXAMPLES)
def completion() -> None:
    """Complete the command line in bash, zsh and fish.

    Verbs, options, namespaces, contexts and the names of objects are completed. Names are read from the cluster with
    your rights, for at most a second.

    kubectl completes its plugins if its own completion is loaded and the program kubectl_complete-recordings is on the
    PATH. Packages bring that program. If you installed the plugin with Krew, or as a single file, `completion install`
    writes it.

    \b
    Exit status:
      0  done
      1  a file cannot be written; one line says why
      2  the command line is invalid
    """


@completion.command("bash", epilog="\b\nExamples:\n  source <(PROGRAM completion bash)")
def print_bash() -> None:
    """Print what bash reads.

    \b
    Exit status:
      0  it was printed
      2  the command line is invalid
    """
    _print("bash")


@completion.command("zsh", epilog="\b\nExamples:\n  source <(PROGRAM completion zsh)")
def print_zsh() -> None:
    """Print what zsh reads, after compinit.

    \b
    Exit status:
      0  it was printed
      2  the command line is invalid
    """
    _print("zsh")


@completion.command("fish", epilog="\b\nExamples:\n  PROGRAM completion fish | source")
def print_fish() -> None:
    """Print what fish reads.

    \b
    Exit status:
      0  it was printed
      2  the command line is invalid
    """
    _print("fish")


@completion.command("install", epilog=_EXAMPLES)
@click.option("--shell", type=click.Choice(SHELLS), help="Shell. Default: that of the variable SHELL.")
@click.option("--dry-run", is_flag=True, help="Print which files would be written, and write nothing.")
def install_completion(shell: str | None, dry_run: bool) -> None:
    """Write the files that your shell and kubectl read, and say which.

    Files that were not written by this program are left as they are.

    \b
    Exit status:
      0  they were written, or are there
      1  a file cannot be written; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.completion.installing import install  # noqa: PLC0415 - not for --help

    root = click.get_current_context().find_root()
    install(shell=shell, root=root.command, program=str(root.info_name), dry_run=dry_run)


def _print(shell: str) -> None:
    from recording_operator.cli.completion.scripts import script  # noqa: PLC0415 - not for --help

    root = click.get_current_context().find_root()
    click.echo(script(shell, root=root.command, program=str(root.info_name)), nl=False)
