"""`location list|status|check`: their command lines. `administration` does the work."""

from typing import Any

import click

from recording_operator.cli.cluster_options import (
    cluster_options,
    object_list_options,
    operator_namespace_option,
    output_option,
)
from recording_operator.cli.names import LocationName
from recording_operator.cli.verb import VerbGroup

_EXAMPLES = """\b
Examples:
  PROGRAM location list -o wide
  PROGRAM location status archive
  PROGRAM location check archive --operator-namespace recordings
"""


@click.group(cls=VerbGroup, epilog=_EXAMPLES)
def location() -> None:
    """List StorageLocations, show one, or check its store now.

    \b
    Exit status:
      0  it was done
      1  it failed; one line says why
      2  the command line is invalid
    """


@location.command("list", epilog=_EXAMPLES)
@object_list_options(labels="tier=cold")
@cluster_options(namespaced=False)
def list_(**options: Any) -> None:
    """List StorageLocations.

    QUOTAS is the used share of the fullest quota, ORPHANS the size of objects that no Recording knows, and CHECKED when
    the operator last checked the store.

    This needs the right to list StorageLocations.

    \b
    Exit status:
      0  they were listed, even if there are none
      1  they could not be listed; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.locations import (  # noqa: PLC0415 - not for --help
        LocationListRequest,
        list_locations,
    )

    list_locations(LocationListRequest(**options))


@location.command("status", epilog=_EXAMPLES)
@click.argument("name", type=LocationName())
@operator_namespace_option()
@output_option("text", "json", "yaml")
@cluster_options(namespaced=False)
def status(**options: Any) -> None:
    """Show the StorageLocation NAME: conditions, capabilities, lifecycle rules, quotas, and its credentials.

    This needs the right to get the StorageLocation. Whether its Secret exists is said only to those who may get it.

    \b
    Exit status:
      0  it was shown
      1  it could not be shown; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.locations import (  # noqa: PLC0415 - not for --help
        LocationStatusRequest,
        show_location,
    )

    show_location(LocationStatusRequest(**options))


@location.command("check", epilog=_EXAMPLES)
@click.argument("name", type=LocationName())
@operator_namespace_option()
@output_option("text", "json")
@cluster_options(namespaced=False)
def check(**options: Any) -> None:
    """Check the store of the StorageLocation NAME now, from this machine, and say what it supports.

    The check is that of the operator. It writes up to 10 MiB below the folder .recording-operator of the prefix, with
    the Secret of the StorageLocation or, if it has none, with your own AWS credentials, and removes what it wrote.

    This needs the rights to get the StorageLocation and its Secret in the operator's namespace. Without the Secret, the
    result of the operator's last check is shown.

    \b
    Exit status:
      0  the store can be used
      1  it cannot, or could not be checked; one line says why
      2  the command line is invalid
    """
    from recording_operator.cli.administration.location_probe import (  # noqa: PLC0415 - not for --help
        LocationProbeRequest,
        probe_location,
    )

    probe_location(LocationProbeRequest(**options))
