"""Lists RecordingSources and EventSinks, for `source list` and `sink list`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from recording_operator.api.columns import EVENT_SINK_COLUMNS, RECORDING_SOURCE_COLUMNS, Column
from recording_operator.api.names import API_VERSION
from recording_operator.cli.caller import open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.screen.formats import as_list, write_document
from recording_operator.cli.screen.printed import printed_table
from recording_operator.cli.verb import note
from recording_operator.kube.resources import SINKS, SOURCES, ResourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class KindListRequest:
    """The command line."""

    cluster: ClusterOptions
    selector: str | None
    output: str
    no_headers: bool


def list_sources(request: KindListRequest) -> None:
    """Print the RecordingSources. Raises KubeError."""
    _list(request, kind=SOURCES, singular="RecordingSource", columns=RECORDING_SOURCE_COLUMNS)


def list_sinks(request: KindListRequest) -> None:
    """Print the EventSinks. Raises KubeError."""
    _list(request, kind=SINKS, singular="EventSink", columns=EVENT_SINK_COLUMNS)


def _list(request: KindListRequest, *, kind: ResourceKind, singular: str, columns: Sequence[Column]) -> None:
    of_all = request.cluster.all_namespaces
    with open_cluster(request.cluster) as cluster:
        namespace = None if of_all else cluster.namespace
        items = list(cluster.resources.list(kind, namespace=namespace, labels=request.selector))
        now = cluster.now
    items.sort(key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))
    if request.output in {"json", "yaml"}:
        write_document(as_list(items, api_version=API_VERSION, kind=singular), request.output)
    elif request.output == "name":
        sys.stdout.write("".join(f"{singular.lower()}.recordings.dev/{one['metadata']['name']}\n" for one in items))
    elif items:
        wide, headers = request.output == "wide", not request.no_headers
        sys.stdout.write(printed_table(items, columns, now=now, wide=wide, namespaces=of_all, headers=headers))
    else:
        note(f"There are no {singular}s in {'any namespace' if of_all else f'namespace {namespace}'}.")
