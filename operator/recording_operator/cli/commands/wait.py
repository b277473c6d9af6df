"""`wait`: its command line. `recordings.waiting` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.durations import Duration
from recording_operator.cli.label_selector import LabelsParameter
from recording_operator.cli.names import RecordingName
from recording_operator.cli.verb import Verb

GOALS: Final = ("complete", "stored", "failed", "deleted")
_EXAMPLES: Final = """\b
Examples:
  PROGRAM wait standup
  PROGRAM wait standup weekly --for stored --timeout 30m
  PROGRAM wait -l team=sales && echo "All of them are stored."
"""


@click.command("wait", cls=Verb, epilog=_EXAMPLES)
@click.argument("names", metavar="[NAME]...", nargs=-1, type=RecordingName())
@click.option(
    "-l",
    "--selector",
    type=LabelsParameter(),
    metavar="LABELS",
    help="Wait for those with these labels now, such as team=sales.",
)
@click.option(
    "--for",
    "goal",
    default="complete",
    show_default=True,
    type=click.Choice(GOALS),
    help="complete: every required artifact is stored. stored: the optional ones too. deleted: gone from Kubernetes.",
)
@click.option("--timeout", type=Duration(), help="How long, such as 30m. 0: check once. Default: without limit.")
@cluster_options(all_namespaces=True)
def wait(*, names: tuple[str, ...], goal: str, **options: Any) -> None:
    """Wait until Recordings are complete, stored, failed or deleted.

    Each one that has reached the state is printed. This needs the rights to list
    and watch Recordings in the namespace; for one NAME, only to that one.

    \b
    Exit status:
      0    all have reached the state
      1    one has ended in another state or was deleted, or none has the labels
           any more; one line says why
      2    the command line is invalid
      124  --timeout is over; one line says which are left
      130  interrupted by Ctrl-C
    """
    if bool(names) == bool(options["selector"]):
        raise click.UsageError("Write either names or --selector.")
    if names and options["cluster"].all_namespaces:
        raise click.UsageError("-A needs --selector. A name in another namespace is written NAMESPACE/NAME.")
    from recording_operator.cli.recordings.goals import Goal  # noqa: PLC0415 - not for --help
    from recording_operator.cli.recordings.waiting import WaitRequest, run_wait  # noqa: PLC0415 - not for --help

    run_wait(WaitRequest(names=names, goal=Goal(goal), **options))
