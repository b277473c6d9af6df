"""`presign`: its command line. `files.presigning` does the work and is imported only when it is called."""

from typing import Any, Final

import click

from recording_operator.cli.artifacts.options import store_options
from recording_operator.cli.cluster_options import cluster_options, output_option
from recording_operator.cli.names import ArtifactName, RecordingName
from recording_operator.cli.verb import Verb

OUTPUTS: Final = ("url", "json", "yaml")
_EXAMPLES = """\b
Examples:
  PROGRAM presign meeting
  PROGRAM presign team-a/meeting video --expires 24h --download
  PROGRAM presign meeting --open
  curl -fo meeting.mp4 "$(PROGRAM presign meeting video)"
"""


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("name", metavar="NAME", type=RecordingName())
@click.argument("artifact", required=False, type=ArtifactName())
@click.option(
    "--expires",
    default="1h",
    show_default=True,
    help="How long the URL works, such as 30m or 24h, at most 168h. It ends sooner if its credentials do.",
)
@click.option("--download", is_flag=True, help="Let browsers save the file instead of showing it.")
@click.option("--open", "open_it", is_flag=True, help="Open the URL in the browser (that of BROWSER, if set).")
@click.option("--no-cdn", is_flag=True, help="A URL of the store, even if the StorageLocation has a CDN.")
@output_option(*OUTPUTS)
@store_options
@cluster_options()
def presign(**options: Any) -> None:
    """Print a URL with which anyone can download ARTIFACT of a Recording until it expires.

    NAME may be written NAMESPACE/NAME. Without ARTIFACT, it is the only artifact or the only video.

    The URL is printed alone on standard output. Treat it like a password. It leads to exactly the stored version of the
    object, after a check that the object is there, belongs to the Recording and is not archived. With --open it is not
    printed.

    It is signed with the Secret of the StorageLocation, or with your own credentials if the StorageLocation has none.
    This needs the rights to get the Recording, its StorageLocation and that Secret in the operator's namespace.

    \b
    Exit status:
      0   the URL was printed or opened
      1   there is no URL; one line says why
      2   the command line is invalid
      75  the store failed temporarily; try again later
    """
    from recording_operator.cli.files.presigning import PresignRequest, run_presign  # noqa: PLC0415 - large

    run_presign(PresignRequest(**options))
