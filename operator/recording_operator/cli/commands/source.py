"""`recording-operator source`: its command line. `source_trial` does the work and is imported only if it is called."""

from pathlib import Path
from typing import Any

import click

from recording_operator.cli.cluster_options import cluster_options, object_list_options
from recording_operator.cli.names import SourceName
from recording_operator.cli.verb import VerbGroup

_EXAMPLES = """\b
Examples:
  PROGRAM source list -A
  PROGRAM source test calls -n team-a --payload event.json
  PROGRAM source test calls --payload event.json --headers head.txt
  PROGRAM source test -f source.yaml --payload - < event.json
"""
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(cls=VerbGroup, epilog=_EXAMPLES)
def source() -> None:
    """List RecordingSources, or try one: which Recording a delivery would create.

    \b
    Exit status:
      0   it was done
      1   it failed, or there would be no Recording; one line says why
      2   the command line is invalid
    """


@source.command("list", epilog=_EXAMPLES)
@object_list_options(labels="team=sales")
@cluster_options(all_namespaces=True)
def list_(**options: Any) -> None:
    """List RecordingSources.

    This needs the right to list RecordingSources in the namespace, or in all with -A.

    \b
    Exit status:
      0  they were listed, even if there are none
      1  they could not be listed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.namespaced import (  # noqa: PLC0415 - not for --help
        KindListRequest,
        list_sources,
    )

    list_sources(KindListRequest(**options))


@source.command("test", epilog=_EXAMPLES)
@click.argument("name", required=False, type=SourceName())
@click.option(
    "--payload",
    required=True,
    type=click.File("rb"),
    help="File with the body of a delivery, as the provider sends it; - for standard input.",
)
@click.option(
    "--headers",
    type=_FILE,
    help="File with the headers of the delivery, as Name: value, one on each line. With it the signature is verified, "
    "which needs the right to get the Secret of spec.webhook.",
)
@click.option("-f", "--filename", type=_FILE, help="Read the RecordingSource from this manifest, not from the cluster.")
@cluster_options(namespace_help="Namespace of the RecordingSource. Default: that of the context.")
def test_source(**options: Any) -> None:
    """Print the Recording that the RecordingSource NAME would create from a delivery, and its Secrets.

    Nothing is created, and the provider is not called. Of URLs, only host and path are printed; of headers, only the
    names. If there would be no Recording, one line says why.

    \b
    Exit status:
      0   the Recording was printed
      1   there would be no Recording
      2   the command line is invalid
    """
    from recording_operator.cli.administration.source_trial import TrialRequest, run_trial  # noqa: PLC0415 - large

    run_trial(TrialRequest(**options))
