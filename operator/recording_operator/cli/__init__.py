"""The command line: `recording-operator VERB`, and `kubectl recordings VERB` with the verbs for people.

Shell completion runs the program on every TAB, so neither it nor `--help` imports the libraries of a verb.
"""

import sys
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from recording_operator import __version__
from recording_operator.cli.verb import VerbGroup
from recording_operator.cli.verbs import PROCESSES, SUBJECTS, VERBS

PLUGIN: Final = "kubectl recordings"
_MODULES: Final = {"bug-report": "bugreport", "import": "imports", "list": "listing"}
"""Modules that cannot have the name of their verb."""
_FUNCTIONS: Final = {"bug-report": "bug_report", "import": "imports", "list": "list_recordings"}
_HELP: Final = {"help_option_names": ["-h", "--help"]}
_COMPLETE: Final = "__complete"
"""What shells call."""
_EXAMPLES: Final = """\b
Examples:
  PROGRAM list --phase Failed -A
  PROGRAM watch --phase uploading
  PROGRAM presign meeting video --expires 24h
  PROGRAM download meeting -o ~/Videos
  PROGRAM report acme --by month -o csv
  PROGRAM cost --org acme --from 2026-10-01 --to 2026-10-31
  PROGRAM import --from old --prefix a/ --owner-from '(?P<org>\\w+)'
  PROGRAM rebuild --location archive --dry-run
  PROGRAM source test calls --payload event.json
"""


class _Verbs(VerbGroup):
    """Finds verbs by name, and lists them without importing them."""

    verbs: tuple[str, ...] = tuple(VERBS)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the library's signature
        """Names of all verbs."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The verb's function in the module of its name."""
        if cmd_name == _COMPLETE:
            from recording_operator.cli.completion.protocol import CompleteVerb  # noqa: PLC0415 - only for shells

            return CompleteVerb()
        if cmd_name not in self.verbs:
            return None
        own = cmd_name.replace("-", "_")
        module = import_module(f"{__name__}.commands.{_MODULES.get(cmd_name, own)}")
        command: click.Command = getattr(module, _FUNCTIONS.get(cmd_name, own))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The verbs by subject, with their full descriptions."""
        for subject, verbs in SUBJECTS.items():
            if lines := [(name, sentence) for name, sentence in verbs.items() if name in self.verbs]:
                with formatter.section(subject):
                    formatter.write_dl(lines)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs that begin with the typed text, and options."""
        verbs = [CompletionItem(name, help=VERBS[name]) for name in self.verbs if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]


class _PluginVerbs(_Verbs):
    """The verbs of `kubectl recordings`."""

    verbs = tuple(name for name in VERBS if name not in PROCESSES)


def _program(name: str, verbs: type[_Verbs], *, purpose: str) -> Any:
    @click.command(name, cls=verbs, context_settings=_HELP, epilog=_EXAMPLES, help=purpose)
    @click.version_option(__version__, prog_name=name)
    def program() -> None:
        pass

    return program


main: Final[click.Group] = _program(
    "recording-operator", _Verbs, purpose="Copy recordings from expiring URLs to object storage, byte for byte."
)
plugin_command: Final[click.Group] = _program(
    PLUGIN, _PluginVerbs, purpose="Create, watch and download Recordings, and see what their storage costs."
)


def plugin() -> None:
    """Entry point of the program `kubectl-recordings`, which kubectl calls."""
    plugin_command.main(prog_name=PLUGIN)


def complete_plugin() -> None:
    """Entry point of the program `kubectl_complete-recordings`, which kubectl calls to complete its command line."""
    plugin_command.main([_COMPLETE, *sys.argv[1:]], prog_name=PLUGIN)
