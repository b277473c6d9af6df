"""`sink list|test`: their command lines. `administration` does the work."""

from typing import Any

import click

from recording_operator.cli.cluster_options import cluster_options, object_list_options
from recording_operator.cli.names import SinkName
from recording_operator.cli.verb import VerbGroup

_EXAMPLES = """\b
Examples:
  PROGRAM sink list -A
  PROGRAM sink test meetings-table -n team-a
"""


@click.group(cls=VerbGroup, epilog=_EXAMPLES)
def sink() -> None:
    """List EventSinks, or send a test event to one.

    \b
    Exit status:
      0  it was done
      1  it failed; one line says why
      2  the command line is invalid
    """


@sink.command("list", epilog=_EXAMPLES)
@object_list_options(labels="team=sales")
@cluster_options(all_namespaces=True)
def list_(**options: Any) -> None:
    """List EventSinks.

    This needs the right to list EventSinks in the namespace, or in all with -A.

    \b
    Exit status:
      0  they were listed, even if there are none
      1  they could not be listed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.namespaced import (  # noqa: PLC0415 - not for --help
        KindListRequest,
        list_sinks,
    )

    list_sinks(KindListRequest(**options))


@sink.command("test", epilog=_EXAMPLES)
@click.argument("name", type=SinkName())
@click.option(
    "--operator-namespace",
    help="Namespace of the operator, with its policy for addresses. Default: it is found by its Deployment.",
)
@cluster_options()
def test_sink(**options: Any) -> None:
    """Send a test event to the EventSink NAME, and say how the application responds.

    The event has the type dev.recordings.sink.test.v1 and is signed with the Secret of the EventSink. It is sent once,
    from this machine, to the addresses that the operator's settings allow or, if you may not read these, to public
    addresses with https. The status of the EventSink does not change.

    This needs the rights to get the EventSink and its Secret and, with spec.ref, the object that it names.

    \b
    Exit status:
      0  the application accepted the event
      1  it did not, or nothing was sent; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.sink_trial import (  # noqa: PLC0415 - not for --help
        SinkTrialRequest,
        try_sink,
    )

    try_sink(SinkTrialRequest(**options))
