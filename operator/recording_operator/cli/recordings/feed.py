"""Objects and their changes, received in the background while the verb draws, waits or is interrupted."""

import queue
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any, Final, TypeAlias

from recording_operator.kube.following import ObjectSelection, ObjectUpdate, follow
from recording_operator.kube.resources import RECORDINGS, Resources

_LONGEST_S: Final = 3_600.0


Address: TypeAlias = tuple[str, str]
"""Namespace and name of an object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """An update, and the selection that it belongs to."""

    selection: ObjectSelection
    update: ObjectUpdate


class ObjectFeed:
    """Follows selections of objects, each in its own thread. The threads end with the program."""

    def __init__(self, resources: Resources, selections: Sequence[ObjectSelection]) -> None:
        self._queue: queue.Queue[FeedItem | Exception] = queue.Queue()
        for selection in selections:
            Thread(target=self._follow, args=(resources, selection), daemon=True).start()

    def get(self, *, timeout_s: float | None) -> FeedItem | None:
        """The next update; None after `timeout_s`. Raises KubeError."""
        try:
            item = self._queue.get(timeout=_LONGEST_S if timeout_s is None else max(0.0, min(timeout_s, _LONGEST_S)))
        except queue.Empty:
            return None
        if isinstance(item, Exception):
            raise item
        return item

    def _follow(self, resources: Resources, selection: ObjectSelection) -> None:
        try:
            for update in follow(resources, selection):
                self._queue.put(FeedItem(selection=selection, update=update))
        except Exception as error:  # noqa: BLE001 - the thread of the verb raises it
            self._queue.put(error)


def selections_of(
    addresses: Collection[Address], *, namespace: str | None, labels: str | None
) -> list[ObjectSelection]:
    """The Recordings with these names, otherwise those of the namespace (None: of all).

    There is one selection for each namespace; that of a single Recording needs only the right to that one.
    """
    if not addresses:
        return [ObjectSelection(kind=RECORDINGS, namespace=namespace, labels=labels)]
    selections = []
    for one in sorted({where for where, _ in addresses}):
        names = [name for where, name in addresses if where == one]
        fields = f"metadata.name={names[0]}" if len(names) == 1 else None
        selections.append(ObjectSelection(kind=RECORDINGS, namespace=one, labels=labels, fields=fields))
    return selections


def address_of(manifest: Mapping[str, Any]) -> Address:
    """Namespace and name."""
    return str(manifest["metadata"]["namespace"]), str(manifest["metadata"]["name"])
