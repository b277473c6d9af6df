"""`bug-report`: its command line. `administration.bugreport` does the work."""

from pathlib import Path
from typing import Any

import click

from recording_operator.cli.cluster_options import cluster_options, operator_namespace_option
from recording_operator.cli.verb import Verb

_EXAMPLES = """\b
Examples:
  PROGRAM bug-report
  PROGRAM bug-report -A --anonymize -o report.zip
  PROGRAM bug-report --operator-namespace recording-operator --yes
"""


@click.command("bug-report", cls=Verb, epilog=_EXAMPLES)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.zip",
    help="File to write. Default: recordings-bug-report-TIME.zip in this directory.",
)
@operator_namespace_option(has_secrets=False)
@click.option("--anonymize", is_flag=True, help="Replace titles and the names of owners, such as by org-1.")
@click.option(
    "--recordings",
    default=500,
    show_default=True,
    type=click.IntRange(min=0),
    help="The most Recordings in it: first those that are not Complete, then the newest.",
)
@click.option(
    "--log-lines", default=5000, show_default=True, type=click.IntRange(min=1), help="The last lines of each log."
)
@click.option("--yes", is_flag=True, help="Write the file without asking.")
@cluster_options(all_namespaces=True)
def bug_report(**options: Any) -> None:
    """Write a zip file that helps others to find the cause of a problem.

    It contains the objects of this project in the namespace, or in all with -A; their Events; the logs, metrics, Lease,
    Deployments and settings of the operator; versions, and the result of check. It says what is in it, and asks before
    it writes.

    Secrets are never read. Signatures, user names and paths of URLs, tokens, environment variables and annotations of
    other programs are removed from everything. Read the file before you send it.

    This needs no right. What you may not see is left out, and missing.txt names the right.

    \b
    Exit status:
      0  the file was written; its name is on standard output
      1  it was not written; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.bugreport.writing import (  # noqa: PLC0415 - not for --help
        BugReportRequest,
        write_bug_report,
    )

    write_bug_report(BugReportRequest(**options))
