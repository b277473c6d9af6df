"""The command line: `recording-operator VERB`. Each verb is a module here, which is imported only when it is called.

Shell completion runs the program on every TAB, so neither it nor `--help` imports the libraries of a verb.
"""

from importlib import import_module
from typing import Final

import click
from click.shell_completion import CompletionItem

from recording_operator import __version__

VERBS: Final = {
    "copy": "Copy one file from a URL to S3, with all checks of the operator.",
    "import": "Create Recordings of files that a bucket or directory holds.",
    "presign": "Print a URL with which anyone can download a stored file.",
    "rebuild": "Create the Recordings of a lost cluster again from the manifests in a store.",
    "receiver": "Receive the webhooks of providers, and create Recordings.",
    "report": "Show costs: of a StorageReport, or of the usage samples in a bucket.",
    "run": "Run the operator.",
    "source": "Try a RecordingSource: which Recording a delivery would create.",
}
_MODULES: Final = {"import": "imports"}
"""Modules that cannot have the name of their verb."""
_EXAMPLES: Final = """\b
Examples:
  recording-operator copy 'https://example.com/a.mp4' s3://recordings/a.mp4
  recording-operator import --from old --prefix a/ --owner-from '(?P<org>\\w+)'
  recording-operator presign team-a/meeting video --expires 24h
  recording-operator rebuild --location archive --dry-run
  recording-operator receiver --settings settings.yaml
  recording-operator report acme --by month -o csv
  recording-operator run --settings settings.yaml
  recording-operator source test calls --payload event.json
"""


class _Verbs(click.Group):
    """Finds verbs by name, and lists them without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the library's signature
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The verb's function in the module of its name."""
        if cmd_name not in VERBS:
            return None
        name = _MODULES.get(cmd_name, cmd_name)
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The verbs with their full descriptions."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs that begin with the typed text, and options."""
        verbs = [CompletionItem(name, help=text) for name, text in VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]


@click.command(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXAMPLES)
@click.version_option(__version__, prog_name="recording-operator")
def main() -> None:
    """Copy recordings from expiring URLs to object storage, byte for byte."""
