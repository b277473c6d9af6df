"""`resume`: its command line. `recordings.controls` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.selection_options import dry_run_option, selection_options
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM resume weekly standup
  PROGRAM resume -A -l team=sales
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@selection_options(phases=("Pending",))
@dry_run_option
@cluster_options(all_namespaces=True)
def resume(**options: Any) -> None:
    """Let suspended Recordings go on, at the byte where they stopped.

    This needs the rights to get and patch Recordings, and to list them with -l.

    \b
    Exit status:
      0  done, or they were not suspended
      1  a Recording could not be changed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.controls import ControlRequest, run_resume  # noqa: PLC0415 - not for --help

    run_resume(ControlRequest(**options))
