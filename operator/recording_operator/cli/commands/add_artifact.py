"""`add-artifact`: its command line. `recordings.adding` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.artifact_options import artifact_options, expires_option, secret_option
from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.names import RecordingName
from recording_operator.cli.selection_options import dry_run_option
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM add-artifact weekly --transcript weekly.vtt
  PROGRAM add-artifact weekly --video @url.txt
  PROGRAM add-artifact weekly --artifact audio-fr=Audio:@url.txt
"""


@click.command("add-artifact", cls=Verb, epilog=_EXAMPLES)
@click.argument("name", type=RecordingName())
@artifact_options
@expires_option
@secret_option
@dry_run_option
@cluster_options()
def add_artifact(**options: Any) -> None:
    """Add files to the Recording NAME, such as a transcript that was written later.

    \b
    A SOURCE is one of:
      https://HOST/PATH    a URL
      @FILE or -           a URL in a file, or on standard input: other users of
                           this machine can see arguments
      FILE                 a local file of at most 1 MiB
      object:LOCATION/KEY  an object that a StorageLocation holds already

    URLs go into a new Secret that is deleted with the Recording. A file that was added cannot be removed or renamed.

    This needs the rights to get and patch Recordings, and to create and delete Secrets.

    \b
    Exit status:
      0  the files were added
      1  they were not; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.adding import AddRequest, run_add_artifact  # noqa: PLC0415 - not for --help

    run_add_artifact(AddRequest(**options))
