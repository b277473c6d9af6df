"""`move`: its command line. `recordings.relocating` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options, wait_options
from recording_operator.cli.names import LocationName
from recording_operator.cli.selection_options import dry_run_option, selection_options
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM move weekly --to archive-eu
  PROGRAM move -A --from archive --to archive-eu --dry-run client
  PROGRAM move -l team=sales --to archive-eu --yes --wait
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@selection_options(other="from_", phases=("Complete",))
@click.option("--to", required=True, type=LocationName(), metavar="LOCATION", help="StorageLocation to move them to.")
@click.option("--from", "from_", type=LocationName(), metavar="LOCATION", help="All that are in this StorageLocation.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@wait_options(until="Wait until the objects are there, and the old ones are removed or kept.")
@cluster_options(all_namespaces=True)
def move(**options: Any) -> None:
    """Move stored Recordings to another StorageLocation.

    The operator copies and verifies the objects. They can be read all the time. Only Recordings that are Complete can
    be moved. What becomes of the old objects is a setting of the old location.

    This asks first, and says how much is copied. Without a terminal, it needs --yes.

    With --wait, those that an earlier call has begun to move are waited for, too. Each that is moved is printed.

    This needs the rights to get and patch Recordings, to list them with -l or --from, and to list and watch them with
    --wait. With the right to get
    StorageLocations it checks that the new one exists. Some clusters also ask for the right to use it.

    \b
    Exit status:
      0    the moves have begun (with --wait: are over), or there was nothing to
           move
      1    a Recording could not be changed, or you declined; with --wait: a move
           failed; lines say why
      2    the command line is invalid
      124  --timeout has passed; the moves continue
      130  interrupted by Ctrl-C; moves that have begun continue
    """
    from recording_operator.cli.recordings.relocating import MoveRequest, run_move  # noqa: PLC0415 - not for --help

    run_move(MoveRequest(origin=options.pop("from_"), **options))
