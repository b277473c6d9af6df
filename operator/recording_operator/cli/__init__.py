"""The command line: `recording-operator VERB`. Each verb is a module here, imported only when it is called."""

from importlib import import_module
from typing import Final

import click

from recording_operator import __version__

VERBS: Final = ("copy", "report", "run")


class _Verbs(click.Group):
    """Finds verbs by name: a copy need not wait for the libraries of the control loop."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the library's signature
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's function in the module of its name."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="recording-operator")
def main() -> None:
    """Move recordings from expiring URLs to object storage, byte for byte."""
