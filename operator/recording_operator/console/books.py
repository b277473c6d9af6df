"""The StorageLocations and StorageReports as they are now, in memory."""

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from recording_operator.api.meta import ObjectMeta
from recording_operator.kube.resources import ChangeType, ObjectChange

T = TypeVar("T", bound=BaseModel)

_logger = logging.getLogger(__name__)


class ObjectBook(Generic[T]):
    """All objects of a kind that has no namespaces. Thread-safe. It takes what a `kube.tracking.Tracker` reads."""

    def __init__(self, model: type[T]) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._known: dict[str, T] = {}
        self._listed: dict[str, tuple[str, T]] = {}
        self._known_at: datetime | None = None
        self._unreadable: set[str] = set()

    def all(self) -> tuple[T, ...]:
        """All objects, by name."""
        with self._lock:
            return tuple(self._known[name] for name in sorted(self._known))

    def get(self, name: str) -> T | None:
        """One object."""
        with self._lock:
            return self._known.get(name)

    @property
    def known_at(self) -> datetime | None:
        """When all of them were known; None before the first list."""
        return self._known_at

    @property
    def unreadable(self) -> int:
        """How many objects this version of the program cannot read."""
        return len(self._unreadable)

    # What the tracker reads

    def page(self, objects: Sequence[dict[str, Any]]) -> None:
        """See `ObjectReceiver`."""
        for raw in objects:
            found = self._read(raw)
            if found is not None:
                self._listed[str(raw["metadata"]["name"])] = str(raw["metadata"]["uid"]), found

    def listed(self, versions: Mapping[str, int], *, version: int) -> None:  # noqa: ARG002 - whatever was known before
        """See `ObjectReceiver`. Pages of an earlier list that failed do not count."""
        found = {name: one for name, (uid, one) in self._listed.items() if uid in versions}
        with self._lock:
            self._known = found
        self._unreadable &= versions.keys()
        self._listed = {}

    def changed(self, change: ObjectChange) -> None:
        """See `ObjectReceiver`."""
        name = str(change.object["metadata"]["name"])
        self._unreadable.discard(str(change.object["metadata"]["uid"]))
        found = None if change.type is ChangeType.DELETED else self._read(change.object)
        with self._lock:
            if found is None:
                self._known.pop(name, None)
            else:
                self._known[name] = found

    def current(self, at: datetime) -> None:
        """See `ObjectReceiver`."""
        self._known_at = at

    def _read(self, raw: dict[str, Any]) -> T | None:
        meta = ObjectMeta.model_validate(raw["metadata"])
        try:
            found = self._model.model_validate(raw)
        except ValidationError:
            self._unreadable.add(meta.uid)
            _logger.error(
                "An object cannot be read: its CRD has another version than the console", extra={"object": meta.name}
            )
            return None
        self._unreadable.discard(meta.uid)
        return found
