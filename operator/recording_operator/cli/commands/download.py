"""`download`: its command line. `downloading` does the work and is imported only when it is called."""

from pathlib import Path
from typing import Any, Final

import click

from recording_operator.cli.artifacts.options import store_options
from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.names import ArtifactName, RecordingName
from recording_operator.cli.verb import Verb

_MOST_PARALLEL: Final = 64
_EXAMPLES: Final = """\b
Examples:
  PROGRAM download meeting
  PROGRAM download team-a/meeting video -o ~/Videos
  PROGRAM download meeting video transcript --force
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", type=RecordingName(phases=("Complete",)))
@click.argument("artifacts", metavar="[ARTIFACT]...", nargs=-1, type=ArtifactName())
@click.option(
    "-o",
    "--output-dir",
    default=".",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the files; made if it does not exist. Default: the current one.",
)
@click.option(
    "--parallel",
    default=8,
    show_default=True,
    type=click.IntRange(1, _MOST_PARALLEL),
    help="How many ranges of a file are read at the same time.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@store_options
@cluster_options()
def download(**options: Any) -> None:
    """Download artifacts of a Recording, all by default, as NAME-ARTIFACT.EXT.

    NAME may be written NAMESPACE/NAME. The path of each file is printed on standard output. Exactly the stored version
    is read, and its checksum compared with the one in the status or, if none is known, its size. An interrupted
    download leaves FILE.part and FILE.part.journal; the same command continues it. If the object has changed, it starts
    again. A file that is there already is kept if it has the right checksum.

    This needs the rights to get the Recording, its StorageLocation and the Secret of the location in the operator's
    namespace. Your own AWS credentials are used if the location names no Secret.

    \b
    Exit status:
      0    all files are there, with the right checksum or size
      1    at least one is not; a line for each says why
      2    the command line is invalid
      75   the store failed temporarily; try again later
      130  it was interrupted; the same command continues
    """
    from recording_operator.cli.downloading.running import DownloadRequest, run_download  # noqa: PLC0415 - large

    run_download(DownloadRequest(**options))
