"""`create`: its command line. `recordings.creating` does the work."""

from pathlib import Path
from typing import Any, Final

import click

from recording_operator.cli.artifact_options import artifact_options, expires_option, secret_option
from recording_operator.cli.cluster_options import cluster_options, wait_options
from recording_operator.cli.names import LocationName, NewName
from recording_operator.cli.selection_options import dry_run_option
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM create --org acme --title Weekly --video @url.txt
  print-url | PROGRAM create weekly --org acme --video - --wait
  PROGRAM create --org acme --video @url.txt --summary s.txt
  PROGRAM create --org acme --audio object:archive/egress/call.ogg
  PROGRAM create --from-file recording.yaml --dry-run server
"""


class _Label(click.ParamType[tuple[str, str]]):
    """Split KEY=VALUE."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split it."""
        if isinstance(value, tuple):
            return value
        key, equals, text = str(value).partition("=")
        if not (key and equals):
            self.fail("write KEY=VALUE", param, ctx)
        return key, text


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("name", required=False, type=NewName())
@artifact_options
@click.option("--org", help="Organisation that owns the recording. Needed, unless --from-file says it.")
@click.option("--user", help="User that it belongs to.")
@click.option("--project", help="Project that it belongs to.")
@click.option("--title", help="Title for people.")
@click.option(
    "--location",
    type=LocationName(),
    metavar="LOCATION",
    help="StorageLocation to store it in. Default: the operator chooses one.",
)
@click.option("--priority", type=click.IntRange(-1000, 1000), help="Higher priorities start first. Default: 0.")
@click.option("--label", "labels", multiple=True, type=_Label(), help="Label of the Recording. Can be repeated.")
@expires_option
@click.option(
    "--from-file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Manifest of a Recording, in YAML or JSON. - is standard input. The other options override it.",
)
@secret_option
@dry_run_option
@click.option("-o", "--output", type=click.Choice(("yaml", "json", "name")), help="Print the created objects.")
@click.option("--show-secrets", is_flag=True, help="Print URLs with their signatures, and the values of Secrets.")
@wait_options(until="Wait until the Recording is Complete or Failed.")
@cluster_options()
def create(**options: Any) -> None:
    """Create a Recording: files to copy to object storage.

    Without NAME, a name is made from the title.

    \b
    A SOURCE is one of:
      https://HOST/PATH    a URL
      @FILE or -           a URL in a file, or on standard input: other users of
                           this machine can see arguments
      FILE                 a local file of at most 1 MiB
      object:LOCATION/KEY  an object that a StorageLocation holds already

    URLs go into a Secret that is deleted with the Recording. The Recording and its Secret are created together or not
    at all: after a failure, Ctrl-C or SIGTERM in between, the Recording is deleted again. The owner of the namespace
    must allow the operator to read Secrets: if not, the Recording waits, and this command says so.

    With -o, and with --dry-run, URLs are printed without their signatures.

    This needs the rights to create, get, patch and delete Recordings, and to create Secrets; with --wait, also to list
    and watch Recordings.

    \b
    Exit status:
      0    created; with --wait: Complete
      1    not created, or with --wait: Failed; one line says why
      2    the command line is invalid
      124  --timeout has passed; the Recording exists
      130  interrupted by Ctrl-C; while it waits, the Recording exists
    """
    from recording_operator.cli.recordings.creating import CreateRequest, run_create  # noqa: PLC0415 - not for --help

    run_create(CreateRequest(**options))
