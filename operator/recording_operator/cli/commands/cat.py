"""`cat`: its command line. `artifacts.reading` does the work and is imported only when it is called."""

from typing import Any, Final

import click

from recording_operator.cli.artifacts.options import store_options
from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.names import ArtifactName, RecordingName
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM cat meeting transcript
  PROGRAM cat team-a/meeting transcript | grep -i budget
  PROGRAM cat meeting video | ffprobe -
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", type=RecordingName(phases=("Complete",)))
@click.argument("artifact", required=False, type=ArtifactName())
@click.option("--force", is_flag=True, help="Write to a terminal even what is not text, and control characters.")
@store_options
@cluster_options()
def cat(**options: Any) -> None:
    """Write the bytes of ARTIFACT of a Recording to standard output.

    NAME may be written NAMESPACE/NAME. Without ARTIFACT, it is the only artifact or the only video. Exactly the stored
    version is read, and at the end its checksum is compared with the one in the status or, if none is known, its size.
    A terminal gets text only, and no control characters.

    This needs the rights to get the Recording, its StorageLocation and the Secret of the location in the operator's
    namespace. Your own AWS credentials are used if the location names no Secret.

    \b
    Exit status:
      0   everything was written, and has the right checksum or size
      1   it could not be read, or has another checksum; one line says why
      2   the command line is invalid
      75  the store failed temporarily; try again later
    """
    from recording_operator.cli.artifacts.reading import CatRequest, run_cat  # noqa: PLC0415 - large

    run_cat(CatRequest(**options))
