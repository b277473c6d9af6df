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

PLUGIN: Final = "kubectl recordings"
VERBS: Final = {
    "add-artifact": "Add files to a Recording.",
    "bug-report": "Write a zip file for a bug report, without secrets.",
    "cancel": "Abort the upload of Recordings.",
    "cat": "Write an artifact to standard output.",
    "check": "Check whether everything is well: CRDs, operator, locations, Recordings.",
    "completion": "Complete the command line in bash, zsh and fish.",
    "copy": "Copy one file from a URL to S3, with all checks of the operator.",
    "cost": "Show what an organisation costs in a period.",
    "create": "Create a Recording: files to copy to object storage.",
    "delete": "Delete Recordings, with or without their stored objects.",
    "download": "Download artifacts, in parallel, resumable and verified.",
    "import": "Create Recordings of files that a bucket or directory holds.",
    "list": "List Recordings.",
    "location": "List StorageLocations, show one, or check its store now.",
    "move": "Move stored Recordings to another StorageLocation.",
    "presign": "Print a URL with which anyone can download a stored file.",
    "rebuild": "Create the Recordings of a lost cluster again from the manifests in a store.",
    "receiver": "Receive the webhooks of providers, and create Recordings.",
    "refresh-url": "Set a fresh URL for a file whose URL has expired.",
    "report": "Show what is stored and what it costs, from a StorageReport or a bucket.",
    "restore": "Restore artifacts from an archive storage class.",
    "resume": "Let suspended Recordings go on.",
    "retry": "Try failed Recordings again.",
    "run": "Run the operator.",
    "sink": "List EventSinks, or send a test event to one.",
    "source": "List RecordingSources, or try one: which Recording a delivery would create.",
    "status": "Show one Recording: its state and why, what to do, artifacts, Events.",
    "suspend": "Pause the upload of Recordings.",
    "version": "Show the versions of this program, the CRDs, the operator and the API server.",
    "wait": "Wait until Recordings are complete, stored, failed or deleted.",
    "watch": "Show Recordings while they change: a live table, with the speed of uploads.",
}
PROCESSES: Final = ("copy", "receiver", "run")
"""Verbs for pods and scripts, which `kubectl recordings` does not have."""
_MODULES: Final = {"bug-report": "bugreport", "import": "imports", "list": "listing"}
"""Modules that cannot have the name of their verb."""
_FUNCTIONS: Final = {"bug-report": "bug_report", "import": "imports", "list": "list_recordings"}
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
        """The verbs with their full descriptions."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, VERBS[name]) for name in self.verbs])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs that begin with the typed text, and options."""
        verbs = [CompletionItem(name, help=VERBS[name]) for name in self.verbs if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]


class _PluginVerbs(_Verbs):
    """The verbs of `kubectl recordings`."""

    verbs = tuple(name for name in VERBS if name not in PROCESSES)


def _program(name: str, verbs: type[_Verbs]) -> Any:
    @click.command(name, cls=verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXAMPLES)
    @click.version_option(__version__, prog_name=name)
    def program() -> None:
        """Copy recordings from expiring URLs to object storage, byte for byte."""

    return program


main: Final[click.Group] = _program("recording-operator", _Verbs)
plugin_command: Final[click.Group] = _program(PLUGIN, _PluginVerbs)


def plugin() -> None:
    """Entry point of the program `kubectl-recordings`, which kubectl calls."""
    plugin_command.main(prog_name=PLUGIN)


def complete_plugin() -> None:
    """Entry point of the program `kubectl_complete-recordings`, which kubectl calls to complete its command line."""
    plugin_command.main([_COMPLETE, *sys.argv[1:]], prog_name=PLUGIN)
