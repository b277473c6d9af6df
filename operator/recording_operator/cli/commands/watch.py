"""`watch`: its command line. `recordings.watching` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.filter_options import filter_options
from recording_operator.cli.names import RecordingName
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM watch
  PROGRAM watch -A --phase uploading --phase pending
  PROGRAM watch standup weekly
  PROGRAM watch --org acme > changes.log
"""


@click.command("watch", cls=Verb, epilog=_EXAMPLES)
@click.argument("names", metavar="[NAME]...", nargs=-1, type=RecordingName())
@filter_options
@cluster_options(all_namespaces=True)
def watch(*, names: tuple[str, ...], **options: Any) -> None:
    """Show Recordings while they change: a live table, with the speed of uploads.

    It ends with Ctrl-C. If standard output is not a terminal, or NO_COLOR is set,
    a line is printed for each change. This needs the rights to list and watch
    Recordings in the namespace; for one NAME, only to that one.

    \b
    Exit status:
      1    they could not be watched; one line says why
      2    the command line is invalid
      130  interrupted by Ctrl-C
    """
    if names and options["cluster"].all_namespaces:
        raise click.UsageError("Write either names or -A. A name in another namespace is written NAMESPACE/NAME.")
    from recording_operator.cli.recordings.watching import WatchRequest, run_watch  # noqa: PLC0415 - not for --help

    run_watch(WatchRequest(names=names, **options))
