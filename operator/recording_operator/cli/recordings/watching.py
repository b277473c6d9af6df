"""Shows Recordings while they change, for the verb `watch`: a live table, or a line for each change."""

import shutil
import signal
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import Final

from recording_operator.cells import clean
from recording_operator.cli.caller import Cluster, open_cluster
from recording_operator.cli.cluster_options import ClusterOptions
from recording_operator.cli.recordings.feed import ObjectFeed, selections_of
from recording_operator.cli.recordings.filters import RecordingFilter
from recording_operator.cli.recordings.row import ListedRecording
from recording_operator.cli.recordings.watched import WatchedRecordings
from recording_operator.cli.screen.bars import stored_share
from recording_operator.cli.screen.text import may_draw
from recording_operator.cli.verb import note
from recording_operator.kube.errors import KubeError
from recording_operator.kube.resources import RECORDINGS

_EXIT_OF_SIGNAL: Final = 128
_POLL_S: Final = 0.2
_REDRAW_S: Final = 1.0
"""Times and speeds change without any update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """The command line."""

    cluster: ClusterOptions
    names: tuple[str, ...]
    chosen: RecordingFilter


def run_watch(request: WatchRequest) -> None:
    """Show them until the verb is interrupted. Raises KubeError, ConnectionConfigError."""
    with open_cluster(request.cluster) as cluster:
        addresses = frozenset(cluster.address(name) for name in request.names)
        watched = WatchedRecordings(
            chosen=request.chosen, names=addresses, clock=time.monotonic, exists=partial(_exists, cluster)
        )
        watching = _Watching(request=request, cluster=cluster, watched=watched)
        if not may_draw(sys.stdout):
            watching.print_lines()
        elif find_spec("rich") is None:
            note("The live table needs the Python package rich: pip install 'recording-operator[cli]'.")
            watching.print_lines()
        else:
            watching.draw()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watching:
    request: WatchRequest
    cluster: Cluster
    watched: WatchedRecordings

    @property
    def _is_of_all(self) -> bool:
        return self.request.cluster.all_namespaces

    def print_lines(self) -> None:
        """A line for each change of what is shown: time, name, phase, and how far it is."""
        feed = self._feed()
        printed: dict[tuple[str, str], str] = {}
        was_interrupted = False
        while True:
            item = feed.get(timeout_s=None)
            if item is None:
                continue
            rows = self.watched.take(item.update, namespace=item.selection.namespace)
            now = datetime.now(UTC)
            for row in rows:
                line = _line(row, with_namespace=self._is_of_all or bool(self.request.names))
                address = (row.namespace, row.name)
                if self.request.chosen.admits(row, now=now) and printed.get(address) != line:
                    sys.stdout.write(f"{now:%Y-%m-%dT%H:%M:%SZ}  {line}\n")
                    printed[address] = line
            sys.stdout.flush()
            if self.watched.is_interrupted and not was_interrupted:
                note("The API server does not respond. The request is repeated.")
            was_interrupted = self.watched.is_interrupted

    def draw(self) -> None:
        """A table on the whole terminal."""
        from recording_operator.cli.recordings.live_table import LiveTable  # noqa: PLC0415 - imports rich

        signal.signal(signal.SIGTERM, _terminated)
        feed = self._feed()
        where = "all namespaces" if self._is_of_all else f"namespace {self.cluster.namespace}"
        title = ", ".join(self.request.names) or f"Recordings in {where}"
        with LiveTable(title=title, with_namespace=self._is_of_all or bool(self.request.names)) as screen:
            drawn_s, size = 0.0, shutil.get_terminal_size()
            while True:
                item = feed.get(timeout_s=_POLL_S)
                while item is not None:
                    self.watched.take(item.update, namespace=item.selection.namespace)
                    drawn_s = 0.0
                    item = feed.get(timeout_s=0)
                now_s, now_size = time.monotonic(), shutil.get_terminal_size()
                if now_s - drawn_s > _REDRAW_S or now_size != size:
                    screen.draw(self.watched, now=datetime.now(UTC), now_s=now_s)
                    drawn_s, size = now_s, now_size

    def _feed(self) -> ObjectFeed:
        namespace = None if self._is_of_all else self.cluster.namespace
        chosen = selections_of(self.watched.names, namespace=namespace, labels=self.request.chosen.selector)
        return ObjectFeed(self.cluster.resources, chosen)


def _exists(cluster: Cluster, row: ListedRecording) -> bool:
    """As far as it can be found out: the right to watch Recordings does not include that to get one."""
    try:
        cluster.resources.get(RECORDINGS, row.name, namespace=row.namespace)
    except KubeError:
        return False
    return True


def _terminated(number: int, _frame: FrameType | None) -> None:
    """Leaves the alternate screen before the program ends."""
    sys.exit(_EXIT_OF_SIGNAL + number)


def _line(row: ListedRecording, *, with_namespace: bool) -> str:
    name = f"{row.namespace}/{row.name}" if with_namespace else row.name
    is_moving = row.phase == "Uploading"
    amounts = f"of {row.size}" if row.size and stored_share(row.progress) is not None and is_moving else ""
    detail = " ".join(part for part in (row.progress, amounts) if part) if is_moving else row.reason
    return clean("  ".join(part for part in (name, row.phase, detail) if part))
