"""`restore`: its command line. `artifacts.restoring` does the work and is imported only when it is called."""

from typing import Any, Final

import click

from recording_operator.cli.artifacts.options import store_options
from recording_operator.cli.cluster_options import cluster_options, output_option, wait_options
from recording_operator.cli.durations import Duration
from recording_operator.cli.names import ArtifactName, RecordingName
from recording_operator.cli.verb import Verb

OUTPUTS: Final = ("table", "json", "yaml")
TIERS: Final = ("standard", "bulk", "expedited")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM restore meeting
  PROGRAM restore team-a/meeting video --days 30 --tier bulk
  PROGRAM restore meeting --wait --timeout 12h
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", type=RecordingName(phases=("Complete",)))
@click.argument("artifacts", metavar="[ARTIFACT]...", nargs=-1, type=ArtifactName())
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1), help="How long the restored copies can be read."
)
@click.option(
    "--tier",
    default="standard",
    show_default=True,
    type=click.Choice(TIERS),
    help="bulk is the slowest and cheapest. expedited takes minutes; DEEP_ARCHIVE does not have it.",
)
@click.option("--force", is_flag=True, help="Shorten the life of a copy that is kept longer than --days.")
@wait_options(until="Wait until they can be read.", limit="End --wait after this time, such as 12h. Default: no limit.")
@click.option(
    "--interval", default="1m", show_default=True, type=Duration(), help="How often --wait asks the store, at least 1s."
)
@output_option(*OUTPUTS)
@store_options
@cluster_options()
def restore(**options: Any) -> None:
    """Restore artifacts of a Recording from an archive storage class.

    NAME may be written NAMESPACE/NAME. Without ARTIFACT, all stored artifacts are restored that are archived (GLACIER,
    DEEP_ARCHIVE, or an archive tier of INTELLIGENT_TIERING). A copy can be read after minutes or hours, and until its
    days are over. If a copy is there already, its days begin again, unless it is kept longer than --days. The store
    charges for restores. --wait goes on after temporary failures of the store.

    This needs the rights to get the Recording, its StorageLocation and the Secret of the location in the operator's
    namespace, and for the credentials s3:RestoreObject. Your own AWS credentials are used if the location names no
    Secret.

    \b
    Exit status:
      0    the restores were requested; with --wait: all can be read
      1    a restore could not be requested; one line says why
      2    the command line is invalid
      75   the store failed temporarily; try again later
      124  --timeout is over; the restore goes on
    """
    from recording_operator.cli.artifacts.restoring import RestoreRequest, run_restore  # noqa: PLC0415 - large

    run_restore(RestoreRequest(**options))
