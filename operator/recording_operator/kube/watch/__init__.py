"""The way in for what happens in the cluster: kopf as the watcher, and nothing else of it."""

from recording_operator.kube.watch.options import WatchOptions
from recording_operator.kube.watch.streams import WatchHealth
from recording_operator.kube.watch.watcher import Watcher

__all__ = ["WatchHealth", "WatchOptions", "Watcher"]
