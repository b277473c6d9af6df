"""Lists Recordings, for the verb `list`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from recording_operator.api.names import API_VERSION
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.filters import RecordingFilter
from recording_operator.cli.recordings.row import COLUMNS, WIDE_COLUMNS, ListedRecording, row_of
from recording_operator.cli.screen.formats import as_list, write_csv, write_document
from recording_operator.cli.screen.text import table, wants_colour
from recording_operator.cli.verb import note
from recording_operator.kube.resources import RECORDINGS
from recording_operator.user_actions.csv_columns import CSV_COLUMNS

_PHASE_COLUMN: Final = COLUMNS.index("PHASE")
_LAST: Final = "\U0010ffff"
"""Sorts after every time: what never happens comes last."""
_SORT_KEYS: Final[Mapping[str, Callable[[ListedRecording], tuple[Any, ...]]]] = {
    "name": lambda row: (row.name,),
    "age": lambda row: (row.created,),
    "size": lambda row: (-row.bytes_total,),
    "phase": lambda row: (row.phase,),
    "expires": lambda row: (row.expires or _LAST,),
    "org": lambda row: (row.org,),
    "location": lambda row: (row.location,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRequest:
    """The command line."""

    cluster: ClusterOptions
    chosen: RecordingFilter
    sort: str
    output: str
    no_headers: bool


def run_list(request: ListRequest) -> None:
    """Print the Recordings. Raises KubeError, ConnectionConfigError."""
    with open_cluster(request.cluster) as cluster:
        found = _found(cluster, request)
    if request.output in {"json", "yaml"}:
        write_document(as_list([one for one, _ in found], api_version=API_VERSION, kind="Recording"), request.output)
        return
    rows = [row for _, row in found]
    if request.output == "name":
        of_all = request.cluster.all_namespaces  # then a name alone would be looked for in another namespace
        names = (f"{row.namespace}/{row.name}" if of_all else f"recording.recordings.dev/{row.name}" for row in rows)
        sys.stdout.write("".join(f"{name}\n" for name in names))
    elif request.output == "csv":
        write_csv(() if request.no_headers else CSV_COLUMNS, [row.csv_cells() for row in rows])
    elif rows:
        sys.stdout.write(_table(rows, request, now=cluster.now))
    else:
        where = "any namespace" if request.cluster.all_namespaces else f"namespace {cluster.namespace}"
        filtered = " that match" if request.chosen.is_given else ""
        note(f"There are no Recordings{filtered} in {where}.")


def _found(cluster: Cluster, request: ListRequest) -> list[tuple[dict[str, Any], ListedRecording]]:
    items = cluster.resources.list(
        RECORDINGS,
        namespace=None if request.cluster.all_namespaces else cluster.namespace,
        labels=request.chosen.selector,
        fields=f"status.phase={request.chosen.phases[0]}" if len(request.chosen.phases) == 1 else None,
    )
    pairs = [(item, row) for item in items if request.chosen.admits(row := row_of(item), now=cluster.now)]
    key = _SORT_KEYS[request.sort]
    return sorted(pairs, key=lambda pair: (*key(pair[1]), pair[1].namespace, pair[1].name))


def _table(rows: Sequence[ListedRecording], request: ListRequest, *, now: datetime) -> str:
    wide = request.output == "wide"
    headers: tuple[str, ...] = WIDE_COLUMNS if wide else COLUMNS
    cells = [row.cells(now=now, wide=wide) for row in rows]
    of_all = request.cluster.all_namespaces
    if of_all:
        headers = ("NAMESPACE", *headers)
        cells = [[row.namespace, *line] for row, line in zip(rows, cells, strict=True)]
    return table(
        () if request.no_headers else headers,
        cells,
        phase_column=_PHASE_COLUMN + of_all,
        colour=wants_colour(),
    )
