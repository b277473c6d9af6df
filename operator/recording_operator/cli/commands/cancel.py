"""`cancel`: its command line. `recordings.controls` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.selection_options import dry_run_option, selection_options
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM cancel weekly
  PROGRAM cancel -l team=sales
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@selection_options(phases=("Pending", "Uploading"))
@dry_run_option
@cluster_options(all_namespaces=True)
def cancel(**options: Any) -> None:
    """Abort the upload of Recordings. They end as Failed with reason Cancelled.

    Parts that were uploaded are removed from the store. Files that are stored completely stay. The verb retry starts a
    cancelled Recording again. To pause an upload and keep its parts, use suspend.

    This needs the rights to get and patch Recordings, and to list them with -l.

    \b
    Exit status:
      0  done, or there was nothing to cancel
      1  a Recording could not be changed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.controls import ControlRequest, run_cancel  # noqa: PLC0415 - not for --help

    run_cancel(ControlRequest(**options))
