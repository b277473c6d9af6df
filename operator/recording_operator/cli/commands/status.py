"""`status`: its command line. `recordings.showing` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options, output_option
from recording_operator.cli.names import RecordingName
from recording_operator.cli.verb import Verb

OUTPUTS: Final = ("text", "json", "yaml")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM status standup
  PROGRAM status team-a/standup --events 20
  PROGRAM status standup -o yaml
"""


@click.command("status", cls=Verb, epilog=_EXAMPLES)
@click.argument("name", type=RecordingName())
@click.option(
    "--events",
    default=8,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Show the last N Events. 0: none.",
)
@output_option(*OUTPUTS)
@cluster_options()
def status(**options: Any) -> None:
    """Show one Recording: its state and why, what to do, artifacts, Events.

    This needs the right to get the Recording. Without the right to list Events,
    they are left out.

    \b
    Exit status:
      0  it was shown, whatever its state
      1  it could not be read; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.showing import StatusRequest, run_status  # noqa: PLC0415 - not for --help

    run_status(StatusRequest(**options))
