"""`delete`: its command line. `recordings.deleting` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options, wait_options
from recording_operator.cli.selection_options import dry_run_option, selection_options
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM delete weekly
  PROGRAM delete weekly --objects --wait
  PROGRAM delete -l team=sales --keep-objects --yes
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@selection_options()
@click.option("--objects", is_flag=True, help="Delete the stored objects, too (deletionPolicy Delete).")
@click.option("--keep-objects", is_flag=True, help="Keep the stored objects (deletionPolicy Retain).")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@wait_options(until="Wait until they are gone.", limit="Longest time to wait for each. Default: no limit.")
@dry_run_option
@cluster_options(all_namespaces=True)
def delete(objects: bool, keep_objects: bool, **options: Any) -> None:
    """Delete Recordings. Their uploads are aborted, and their Secrets are deleted.

    Whether stored objects are deleted is decided by spec.deletionPolicy of each Recording, or by --objects and
    --keep-objects. --objects needs a StorageLocation that permits it, and an operator that runs.

    This asks first, and says what will be gone. Without a terminal, it needs --yes.

    This needs the rights to get and delete Recordings, to list them with -l, and to patch them with --objects or
    --keep-objects. With the right to get StorageLocations, --objects is checked before anything is changed.

    \b
    Exit status:
      0    the deletion was accepted; with --wait: they are gone
      1    a Recording could not be deleted, or you declined
      2    the command line is invalid
      124  --timeout has passed; the deletion goes on
      130  interrupted by Ctrl-C
    """
    from recording_operator.cli.recordings.deleting import (  # noqa: PLC0415 - not for --help
        DeleteRequest,
        ObjectChoice,
        run_delete,
    )

    if objects and keep_objects:
        raise click.UsageError("--objects and --keep-objects exclude each other.")
    if options["timeout"] is not None and not options["wait"]:
        raise click.UsageError("--timeout is for --wait.")
    choice = ObjectChoice.DELETE if objects else ObjectChoice.KEEP if keep_objects else ObjectChoice.AS_THE_POLICY_SAYS
    run_delete(DeleteRequest(objects=choice, **options))
