"""Shows one Recording, for the verb `status`."""

import sys
from dataclasses import dataclass

from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.status_page import status_page
from recording_operator.cli.screen.formats import without_managed_fields, write_document
from recording_operator.cli.screen.page import PageStyle
from recording_operator.cli.verb import Failure
from recording_operator.kube.errors import NotFound
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.object_events import events_of


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """The command line."""

    cluster: ClusterOptions
    name: str
    output: str
    events: int


def run_status(request: StatusRequest) -> None:
    """Print the Recording. Raises Failure, KubeError, ConnectionConfigError."""
    with open_cluster(request.cluster) as cluster:
        namespace, name = cluster.address(request.name)
        try:
            manifest = cluster.resources.get(RECORDINGS, name, namespace=namespace)
        except NotFound:
            raise Failure(f"There is no Recording {name} in namespace {namespace}. Check the name and -n.") from None
        if request.output != "text":
            write_document(without_managed_fields(manifest), request.output)
            return
        events = events_of(cluster.resources, manifest["metadata"], most=request.events) if request.events else None
    sys.stdout.write(status_page(manifest, events, now=cluster.now, style=PageStyle.of_output()))
