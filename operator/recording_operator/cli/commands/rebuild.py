"""`recording-operator rebuild`: its command line. `rebuilder` does the work and is imported only when it is called."""

from typing import Any

import click

from recording_operator.cli.arguments import EXIT_INTERRUPTED
from recording_operator.cli.cluster_options import cluster_options, operator_namespace_option
from recording_operator.cli.names import LocationName
from recording_operator.cli.verb import Verb
from recording_operator.signals import end_on_signals

_EXAMPLES = """\b
Examples:
  PROGRAM rebuild --location archive --dry-run
  PROGRAM rebuild --location archive
  PROGRAM rebuild --location archive --namespace team-a
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.option("--location", type=LocationName(), required=True, help="StorageLocation whose manifests are read.")
@click.option("--dry-run", is_flag=True, help="Create nothing. The API server checks what would be created.")
@click.option(
    "--ttl-after-finished",
    default="720h",
    show_default=True,
    help="recordings.ttlAfterFinished of the operator's settings. A Recording that ended longer ago is left out: the "
    "operator would remove it at once. 0s: none is left out.",
)
@operator_namespace_option()
@cluster_options(namespace_help="Only Recordings of this namespace. Default: of all namespaces.")
def rebuild(**options: Any) -> None:
    """Create the Recordings of a lost cluster again from the manifests in the store of a StorageLocation.

    It reads manifests and creates Recordings with spec.identity. It writes nothing to the store. The operator then
    verifies each stored file, without transferring it, and the Recordings become Complete.

    Recordings that exist are left as they are: after an interruption, run it again. The names of those that are not
    rebuilt are printed with the reason.

    This needs the rights to get the StorageLocation and its Secret in the operator's namespace, and to list, get and
    create Recordings.

    \b
    Exit status:
      0    every manifest has its Recording, or was left out on purpose
      1    some were not rebuilt, or nothing could be read; lines say why
      2    the command line is invalid
      75   the store or the API server failed temporarily; run it again
      130  interrupted; run it again to continue
    """
    end_on_signals(EXIT_INTERRUPTED)
    from recording_operator.cli.migration.rebuilder import RebuildRequest, run_rebuild  # noqa: PLC0415 - large

    run_rebuild(RebuildRequest(**options))
