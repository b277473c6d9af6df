"""`retry`: its command line. `recordings.controls` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.selection_options import dry_run_option, selection_options
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  PROGRAM retry weekly
  PROGRAM retry --all-failed
  PROGRAM retry -A -l team=sales --dry-run client
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@selection_options(other="all_failed", phases=("Failed", "Pending"))
@click.option("--all-failed", is_flag=True, help="All with a failed file or move.")
@dry_run_option
@cluster_options(all_namespaces=True)
def retry(**options: Any) -> None:
    """Try failed Recordings again, with all their attempts.

    Files that are stored already stay. A failed move is tried again too. A Recording that waits for its next attempt
    starts at once, if it is named. So does one that was cancelled.

    With -l and --all-failed, only Recordings with a failed file or move are tried again, and none that was cancelled.

    If the URL has expired, set a fresh one instead: refresh-url.

    This needs the rights to get and patch Recordings, and to list them with -l or --all-failed.

    \b
    Exit status:
      0  done, or there was nothing to retry
      1  a Recording could not be changed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.controls import ControlRequest, run_retry  # noqa: PLC0415 - not for --help

    options.pop("all_failed")
    run_retry(ControlRequest(**options))
