"""`suspend`: its command line. `recordings.controls` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.selection_options import dry_run_option, selection_options
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM suspend weekly standup
  PROGRAM suspend -l team=sales
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@selection_options(phases=("Pending", "Uploading"))
@dry_run_option
@cluster_options(all_namespaces=True)
def suspend(**options: Any) -> None:
    """Pause the upload of Recordings. What is stored so far is kept.

    The URL of a paused Recording may expire. The verb resume lets it go on.

    This needs the rights to get and patch Recordings, and to list them with -l.

    \b
    Exit status:
      0  done, or they were suspended already
      1  a Recording could not be changed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.controls import ControlRequest, run_suspend  # noqa: PLC0415 - not for --help

    run_suspend(ControlRequest(**options))
