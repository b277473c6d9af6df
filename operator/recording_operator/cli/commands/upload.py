"""`upload`: its command line. `uploading` does the work and is imported only when it is called."""

from pathlib import Path
from typing import Any, Final

import click

from recording_operator.cli.artifact_options import KINDS
from recording_operator.cli.cluster_options import cluster_options, wait_options
from recording_operator.cli.durations import Duration
from recording_operator.cli.names import LocationName, RecordingName
from recording_operator.cli.verb import Verb

_MOST_PARALLEL: Final = 16
_EXAMPLES: Final = """\b
Examples:
  export RECORDINGS_CONSOLE_URL=https://recordings.example.com
  PROGRAM upload meeting.mp4 --org acme --wait
  PROGRAM upload talk.mov talk --org acme --location archive
  PROGRAM upload notes.txt team-a/talk --artifact transcript
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("name", metavar="[NAME]", required=False, type=RecordingName(phases=("Pending",)))
@click.option(
    "--console",
    envvar="RECORDINGS_CONSOLE_URL",
    metavar="URL",
    help="Address of the console. Default: the variable RECORDINGS_CONSOLE_URL.",
)
@click.option("--artifact", metavar="ARTIFACT", help="Name of the artifact. Default: its kind, in lower case.")
@click.option("--kind", type=click.Choice(KINDS, case_sensitive=False), help="Default: by the name of the file.")
@click.option("--content-type", metavar="TYPE", help="Media type. Default: by the name of the file.")
@click.option("--org", help="Organisation that owns the recording. Needed for a new one.")
@click.option("--user", help="User that it belongs to.")
@click.option("--project", help="Project that it belongs to.")
@click.option("--title", help="Title for people. Default: the name of the file.")
@click.option(
    "--location",
    type=LocationName(),
    metavar="LOCATION",
    help="StorageLocation to store it in. Default: the operator chooses one.",
)
@click.option("--expires-after", type=Duration(), help="How long the file may take. Default: 24h.")
@click.option(
    "--parallel",
    default=4,
    show_default=True,
    type=click.IntRange(1, _MOST_PARALLEL),
    help="How many parts are sent at the same time.",
)
@wait_options(
    until="Wait until the file is checked and stored, or has failed.",
    limit="Longest time to wait. Default: 10m until the operator accepts the file, then no limit.",
)
@cluster_options()
def upload(**options: Any) -> None:
    """Send a local file to the store, as an artifact of a Recording.

    Without NAME, or if there is no Recording NAME, one is created that waits for the file. Otherwise its artifact with
    source.upload gets the file. The parts go to the store itself, with URLs from the console; the operator compares the
    CRC64NVME of the whole file at the end.

    An interrupted upload goes on with the same NAME: parts that the store has already are compared and not sent again.

    This needs the console, a kubeconfig with a token, and the rights to create, get and patch Recordings; with --wait,
    also to list and watch them.

    \b
    Exit status:
      0    everything was sent; with --wait: Complete
      1    it was not, or with --wait: Failed; one line says why
      2    the command line is invalid
      124  --timeout has passed; the Recording exists
      130  interrupted by Ctrl-C; one line says how to go on
    """
    from recording_operator.cli.uploading.running import UploadRequest, run_upload  # noqa: PLC0415 - not for --help

    run_upload(UploadRequest(**options))
