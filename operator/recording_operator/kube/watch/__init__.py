"""Receives the events of the cluster. kopf is used as the watcher only."""

from recording_operator.kube.watch.options import WatchOptions
from recording_operator.kube.watch.streams import WatchHealth
from recording_operator.kube.watch.watcher import Watcher

__all__ = ["WatchHealth", "WatchOptions", "Watcher"]
