"""`recording-operator presign`: its command line. `presigning` does the work and is imported only when it is called."""

from pathlib import Path
from typing import Any

import click

from recording_operator.cli.verb import Verb

_EXAMPLES = """\b
Examples:
  PROGRAM presign team-a/meeting video
  PROGRAM presign team-a/meeting video --expires 24h --download
  curl -fo meeting.mp4 "$(PROGRAM presign team-a/meeting video)"
"""


class _Address(click.ParamType[tuple[str, str]]):
    """Split `NAMESPACE/NAME`."""

    name = "NAMESPACE/NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split the address of a Recording."""
        if isinstance(value, tuple):
            return value
        namespace, slash, name = str(value).partition("/")
        if not (namespace and slash and name) or "/" in name:
            self.fail("write NAMESPACE/NAME of a Recording", param, ctx)
        return namespace, name


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("recording", type=_Address(), metavar="NAMESPACE/NAME")
@click.argument("artifact")
@click.option(
    "--expires",
    default="1h",
    show_default=True,
    help="How long the URL works, such as 30m or 24h, at most 168h. It ends sooner if its credentials do.",
)
@click.option("--download", is_flag=True, help="Let browsers save the file instead of showing it.")
@click.option("--no-cdn", is_flag=True, help="A URL of the store, even if the StorageLocation has a CDN.")
@click.option(
    "--endpoint-url",
    help="Address of the store, if clients reach it by another than s3.endpoint of the StorageLocation.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Kubeconfig file. Default: KUBECONFIG, ~/.kube/config, then the pod's service account.",
)
@click.option("--context", help="Context of the kubeconfig. Default: the current context.")
@click.option(
    "--operator-namespace",
    help="Namespace of the operator, with the StorageLocations' Secrets. Default: the namespace of the context.",
)
def presign(recording: tuple[str, str], artifact: str, **options: Any) -> None:
    """Print a URL with which anyone can download ARTIFACT of a Recording until it expires.

    The URL is printed alone on standard output. Treat it like a password. It leads to exactly the stored version of the
    object, after a check that the object is there, belongs to the Recording and is not archived.

    It is signed with the Secret of the StorageLocation, or with your own credentials if the StorageLocation has none.
    This needs the rights to get the Recording, its StorageLocation and that Secret in the operator's namespace.

    \b
    Exit status:
      0   the URL was printed
      1   there is no URL; one line says why
      2   the command line is invalid
      75  the store failed temporarily; try again later
    """
    from recording_operator.cli.files.presigning import PresignRequest, run_presign  # noqa: PLC0415 - large

    namespace, name = recording
    run_presign(PresignRequest(namespace=namespace, name=name, artifact=artifact, **options))
