"""`refresh-url`: its command line. `recordings.refreshing` does the work."""

from typing import Any, Final

import click

from recording_operator.cli.artifact_options import Instant
from recording_operator.cli.cluster_options import cluster_options
from recording_operator.cli.names import ArtifactName, RecordingName
from recording_operator.cli.selection_options import dry_run_option
from recording_operator.cli.verb import Verb

_EXAMPLES: Final = """\b
Examples:
  print-url | PROGRAM refresh-url weekly -
  PROGRAM refresh-url weekly video @url.txt
"""
_BOTH: Final = 2


@click.command("refresh-url", cls=Verb, epilog=_EXAMPLES)
@click.argument("name", type=RecordingName(phases=("Pending", "Uploading", "Failed")))
@click.argument("words", nargs=-1, required=True, metavar="[ARTIFACT] URL")
@click.option("--expires-at", type=Instant(), help="When the URL expires. Default: the time in the URL.")
@click.option(
    "--secret/--no-secret",
    default=True,
    help="Whether the URL goes into a Secret, which is the default, or into the Recording.",
)
@dry_run_option
@cluster_options()
def refresh_url(words: tuple[str, ...], **options: Any) -> None:
    """Set a fresh URL for a file of the Recording NAME, whose URL has expired.

    The URL must lead to the same file. The upload goes on at the byte where it stopped; if it has failed, it starts
    again. ARTIFACT can be left out if only one file is not stored yet.

    URL may be @FILE for a URL in a file, or - for standard input: other users of this machine can see arguments.

    The URL goes into the Secret that the Recording names, if it belongs to this Recording alone. Otherwise a new Secret
    is created, which is deleted with the Recording.

    This needs the rights to get and patch Recordings, and to get, create, patch and delete Secrets.

    \b
    Exit status:
      0  the URL was replaced
      1  it was not; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.recordings.refreshing import (  # noqa: PLC0415 - not for --help
        RefreshRequest,
        run_refresh_url,
    )

    if len(words) > _BOTH:
        raise click.UsageError("Write NAME, ARTIFACT and URL.")
    context = click.get_current_context()
    artifact = ArtifactName().convert(words[0], None, context) if len(words) == _BOTH else None
    run_refresh_url(RefreshRequest(artifact=artifact, url=words[-1], **options))
